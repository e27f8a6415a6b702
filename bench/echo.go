//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// echoOptions are the flags of the echo benchmark.
type echoOptions struct {
	conns       intList
	sizes       intList
	duration    time.Duration
	warmup      time.Duration
	timeout     time.Duration
	rounds      int
	pipeline    int
	peers       string
	serverCores int
	json        string
	cpuprofile  string
}

const (
	maxMessage  = 16 << 20
	maxPipeline = 1024
)

func echoCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	opts := echoOptions{conns: intList{100}, sizes: intList{64}}
	fs := flag.NewFlagSet("echo", flag.ContinueOnError)
	fs.Var(&opts.conns, "conns", "`number` of connections; a list makes a table for each")
	fs.Var(&opts.sizes, "size", "`bytes` per message; a list makes a table for each")
	fs.DurationVar(&opts.duration, "duration", 5*time.Second, "`time` to measure, per peer and round")
	fs.DurationVar(&opts.warmup, "warmup", time.Second, "`time` under load before measuring")
	fs.DurationVar(&opts.timeout, "timeout", 10*time.Second, "longest `time` a server may be silent")
	fs.IntVar(&opts.rounds, "rounds", 3, "`number` of times that each peer is measured, in turn with the others")
	fs.IntVar(&opts.pipeline, "pipeline", 1, "`number` of messages under way per connection")
	fs.StringVar(&opts.peers, "peers", peerNames(echoPeers), "`list` of servers to compare")
	fs.IntVar(&opts.serverCores, "server-cores", 1, "`number` of cores for the server; the load has the last core of the machine")
	fs.StringVar(&opts.json, "json", "", "write everything measured to `file`, or with - to standard output instead of the tables")
	fs.StringVar(&opts.cpuprofile, "cpuprofile", "", "write a CPU profile of the server to `file`; for one peer, one size and one number of connections")
	fs.Usage = func() {
		w := fs.Output()
		fmt.Fprint(w, `usage: bench echo [flags]

Sends messages to servers that return them, and tells what a message costs the
server: each peer runs in a process of its own on one core, the load in another
process on another core, peer after peer, round after round.

Peers:
`)
		for _, p := range echoPeers {
			fmt.Fprintf(w, "  %-12s  %s\n", p.name, p.about)
		}
		fmt.Fprint(w, "\nFlags:\n")
		fs.PrintDefaults()
		fmt.Fprint(w, `
Examples:
  go run ./bench echo -conns 1000 -size 64 -duration 5s
  go run ./bench echo -conns 1,100,1000,10000 -rounds 5 -json echo.json
  go run ./bench echo -peers weir-inline -cpuprofile cpu.prof
`)
	}
	if err := parse(fs, args, stdout); err != nil {
		return err
	}
	peers, err := opts.check()
	if err != nil {
		return &usageError{"echo", err}
	}
	return opts.run(ctx, peers, stdout, stderr)
}

// check finds out what is wrong with the flags before anything is started.
func (o *echoOptions) check() ([]peer, error) {
	peers, err := findPeers(echoPeers, o.peers)
	if err != nil {
		return nil, err
	}
	for _, n := range o.conns {
		if err := inRange("-conns", n, 1, 1<<30); err != nil {
			return nil, err
		}
		if err := checkConns(n); err != nil {
			return nil, err
		}
	}
	for _, n := range o.sizes {
		if err := inRange("-size", n, 1, maxMessage); err != nil {
			return nil, err
		}
	}
	cpus, err := allowedCPUs()
	if err != nil {
		return nil, err
	}
	switch {
	case o.duration < 10*time.Millisecond:
		return nil, fmt.Errorf("-duration %v is too short to measure anything: at least 10ms", o.duration)
	case o.warmup < 0:
		return nil, fmt.Errorf("-warmup %v is negative", o.warmup)
	case o.timeout < 100*time.Millisecond:
		return nil, fmt.Errorf("-timeout %v is too short: at least 100ms", o.timeout)
	case o.cpuprofile != "" && (len(peers) > 1 || len(o.conns) > 1 || len(o.sizes) > 1):
		return nil, errors.New("-cpuprofile is for one peer, one -size and one -conns")
	}
	return peers, errors.Join(
		inRange("-rounds", o.rounds, 1, 1000),
		inRange("-pipeline", o.pipeline, 1, maxPipeline),
		inRange("-server-cores", o.serverCores, 1, max(1, len(cpus))),
	)
}

func inRange(name string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("%s %d is not between %d and %d", name, n, least, most)
	}
	return nil
}

// run measures everything and writes the report. A peer that fails is left out
// of what follows; the others are still worth reporting.
func (o *echoOptions) run(ctx context.Context, peers []peer, stdout, stderr io.Writer) (err error) {
	stderr = shared(stderr)
	serverCPUs, loadCPUs, err := o.place()
	if err != nil {
		return err
	}
	text, jsonTo := stdout, io.Writer(nil)
	switch o.json {
	case "":
	case "-":
		text, jsonTo = io.Discard, stdout
	default:
		f, err := os.Create(o.json) // now, not after an hour of measuring
		if err != nil {
			return err
		}
		defer f.Close()
		jsonTo = f
	}
	r := &report{
		Benchmark: "echo",
		Time:      time.Now().UTC().Format(time.RFC3339),
		Machine:   thisMachine(),
		Settings: settings{
			Rounds:          o.rounds,
			WarmupSeconds:   o.warmup.Seconds(),
			DurationSeconds: o.duration.Seconds(),
			Pipeline:        o.pipeline,
			ServerCPUs:      serverCPUs,
			LoadCPUs:        loadCPUs,
		},
	}
	fmt.Fprintln(text, r.header())

	failed := 0
	p := newProgress(stderr, len(o.conns)*len(o.sizes)*o.rounds*len(peers), o.warmup+o.duration)
	for _, conns := range o.conns {
		for _, size := range o.sizes {
			t := &table{Conns: conns, Size: int64(size)}
			for _, peer := range peers {
				t.Rows = append(t.Rows, &row{Peer: peer.name})
			}
			r.Tables = append(r.Tables, t)
			for round := 1; round <= o.rounds; round++ {
				for _, row := range t.Rows {
					p.next(fmt.Sprintf("%d connections, %d B, round %d, %s", conns, size, round, row.Peer))
					if row.Error != "" {
						continue
					}
					s, err := trial{
						peer: row.Peer, conns: conns, size: int64(size), pipeline: o.pipeline,
						warmup: o.warmup, duration: o.duration, timeout: o.timeout,
						serverCPUs: serverCPUs, loadCPUs: loadCPUs, profile: o.cpuprofile,
					}.measure(ctx, stderr)
					if ctx.Err() != nil {
						p.clear()
						return errors.New("interrupted")
					}
					if err != nil {
						p.clear()
						fmt.Fprintf(stderr, "bench: %s: %v\n", row.Peer, err)
						row.Error = err.Error()
						failed++
						continue
					}
					s.Round = round
					row.Samples = append(row.Samples, &s)
				}
			}
			p.clear()
			if err := t.summarize(); err != nil {
				return err
			}
			if err := t.writeText(text, o.rounds); err != nil {
				return err
			}
		}
	}
	if jsonTo != nil {
		if err := r.writeJSON(jsonTo); err != nil {
			return fmt.Errorf("-json: %w", err)
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d measurements have failed", failed)
	}
	return nil
}

// place chooses the cores: the first ones for the server, the last one for the
// load. With one core there is nothing to choose.
func (o *echoOptions) place() (server, load []int, err error) {
	cpus, err := allowedCPUs()
	if err != nil || len(cpus) < 2 {
		return nil, nil, err
	}
	return cpus[:o.serverCores], cpus[len(cpus)-1:], nil
}

// An intList is a flag that takes numbers separated by commas.
type intList []int

func (l *intList) String() string { return joinInts(*l) }

func (l *intList) Set(s string) error {
	*l = nil
	for field := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil {
			return fmt.Errorf("%q is not a number", field)
		}
		*l = append(*l, n)
	}
	return nil
}
