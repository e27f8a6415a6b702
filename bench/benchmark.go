//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A benchmark compares servers of one kind.
type benchmark struct {
	name  string
	about string // for the list of subcommands
	intro string // for its help: what it does
	use   string // for its help: examples

	unit     string // of the tables: what is exchanged
	peers    []peer
	bases    []base // what the peers are compared with
	maxSize  int    // 0: messages have no size to choose
	stream   bool   // the peers see bytes, not messages
	batch    bool   // the messages of a pipeline are sent together, as wrk does
	script   func(casting) (script, error)
	defaults options
}

// benchmarks returns them all. Tests add peers to the lists.
func benchmarks() []benchmark {
	return []benchmark{echoBenchmark(), httpBenchmark(), wsBenchmark()}
}

func findBenchmark(name string) (benchmark, error) {
	for _, b := range benchmarks() {
		if b.name == name {
			return b, nil
		}
	}
	return benchmark{}, fmt.Errorf("unknown benchmark %q", name)
}

// findServers is findBenchmark for those who want the peers only, which the push
// benchmark has too.
func findServers(name string) (benchmark, error) {
	if name == pushName {
		return pushServers(), nil
	}
	return findBenchmark(name)
}

// options are the flags of a benchmark.
type options struct {
	command     []string // as it was typed
	conns       intList
	sizes       intList
	pipelines   intList
	request     string
	rate        pace
	work        string
	again       bool
	duration    time.Duration
	warmup      time.Duration
	timeout     time.Duration
	rounds      int
	peers       string
	serverCores int
	json        string
	cpuprofile  string
}

const maxPipeline = 1024

// command is the subcommand of the benchmark.
func (b benchmark) command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := b.defaults
	fs := flag.NewFlagSet(b.name, flag.ContinueOnError)
	fs.Var(&o.conns, "conns", "`number` of connections; a list makes a table for each")
	if b.maxSize > 0 {
		fs.Var(&o.sizes, "size", "`bytes` per message; a list makes a table for each")
	}
	if b.defaults.request != "" {
		fs.StringVar(&o.request, "request", o.request, "`kind` of request: "+httpRequestNames())
	}
	fs.Var(&o.pipelines, "pipeline", "`number` of messages under way per connection, at most; a list makes a table for each")
	fs.Var(&o.rate, "rate", "`messages` per second over all connections, each sent when its time has come, or, as 50%, a share of what the slowest peer answers; 0: as many as are answered")
	fs.StringVar(&o.work, "work", "", workUsage)
	fs.BoolVar(&o.again, "aa", true, "measure one peer twice in each round, to tell noise, if there are several")
	fs.DurationVar(&o.duration, "duration", 5*time.Second, "`time` to measure, per peer and round")
	fs.DurationVar(&o.warmup, "warmup", time.Second, "`time` under load before measuring")
	fs.DurationVar(&o.timeout, "timeout", 10*time.Second, "longest `time` a server may be silent")
	fs.IntVar(&o.rounds, "rounds", 3, "`number` of times that each peer is measured, in turn with the others")
	fs.StringVar(&o.peers, "peers", peerNames(b.peers), "`list` of servers to compare")
	fs.IntVar(&o.serverCores, "server-cores", 1, "`number` of cores for the server; the load has the last core of the machine")
	fs.StringVar(&o.json, "json", "", "write everything measured to `file`, or with - to standard output instead of the tables")
	fs.StringVar(&o.cpuprofile, "cpuprofile", "", "write a CPU profile of the server to `file`; for one peer and one table")
	fs.Usage = func() {
		w := fs.Output()
		fmt.Fprintf(w, "usage: bench %s [flags]\n\n%s\nPeers:\n", b.name, b.intro)
		widest := 0
		for _, p := range b.peers {
			widest = max(widest, len(p.name))
		}
		for _, p := range b.peers {
			fmt.Fprintf(w, "  %-*s  %s\n", widest, p.name, p.about)
		}
		fmt.Fprint(w, "\nFlags:\n")
		fs.PrintDefaults()
		fmt.Fprintf(w, "\nExamples:\n%s", b.use)
	}
	if err := parse(fs, args, stdout); err != nil {
		return err
	}
	peers, err := b.check(&o)
	if err != nil {
		return &usageError{b.name, err}
	}
	o.command = append([]string{"bench", b.name}, args...)
	return b.run(ctx, o, peers, stdout, stderr)
}

// check finds out what is wrong with the flags before anything is started.
func (b benchmark) check(o *options) ([]peer, error) {
	peers, err := findPeers(b.peers, o.peers)
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
		if err := inRange("-size", n, 1, b.maxSize); err != nil {
			return nil, err
		}
	}
	for _, n := range o.pipelines {
		if err := inRange("-pipeline", n, 1, maxPipeline); err != nil {
			return nil, err
		}
	}
	if b.defaults.request != "" {
		if _, err := findHTTPRequest(o.request); err != nil {
			return nil, fmt.Errorf("-request: %w", err)
		}
	}
	if _, err := parseWork(o.work); err != nil {
		return nil, err
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
	case !validRate(o.rate.perSecond):
		return nil, fmt.Errorf("-rate %v is not between 0 and 100 million", o.rate.perSecond)
	case o.cpuprofile != "" && o.rate.percent > 0:
		return nil, errors.New("-cpuprofile needs a -rate that is not a percentage")
	case o.work != "" && b.stream && !o.oneRead():
		return nil, fmt.Errorf("-work is done once for what a read brings, so that has to be one message: -pipeline 1, and -size up to %d", oneRead)
	case o.cpuprofile != "" && (len(peers) > 1 || len(o.tables()) > 1):
		return nil, errors.New("-cpuprofile is for one peer and one table")
	}
	return peers, errors.Join(
		inRange("-rounds", o.rounds, 1, 1000),
		inRange("-server-cores", o.serverCores, 1, max(1, len(cpus))),
	)
}

// oneRead is the most that every peer of a stream reads at once.
const oneRead = 4096

// oneRead tells whether a message is what a read brings.
func (o *options) oneRead() bool {
	return slices.Max(o.pipelines) == 1 && slices.Max(o.sizes) <= oneRead
}

func inRange(name string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("%s %d is not between %d and %d", name, n, least, most)
	}
	return nil
}

// tables returns the tables to be made, still empty.
func (o *options) tables() []*table {
	sizes := o.sizes
	if len(sizes) == 0 {
		sizes = intList{0}
	}
	var tables []*table
	for _, conns := range o.conns {
		for _, size := range sizes {
			for _, pipeline := range o.pipelines {
				tables = append(tables, &table{Conns: conns, Size: int64(size), Pipeline: pipeline, Rate: o.rate.perSecond, Percent: o.rate.percent})
			}
		}
	}
	return tables
}

// run measures everything and writes the report.
func (b benchmark) run(ctx context.Context, o options, peers []peer, stdout, stderr io.Writer) (err error) {
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
		Benchmark: b.name,
		Command:   o.command,
		Time:      time.Now().UTC().Format(time.RFC3339),
		Machine:   thisMachine(),
		Settings: settings{
			Rounds:          o.rounds,
			WarmupSeconds:   o.warmup.Seconds(),
			DurationSeconds: o.duration.Seconds(),
			Request:         o.request,
			Work:            o.work,
			ServerCPUs:      serverCPUs,
			LoadCPUs:        loadCPUs,
		},
		Tables: o.tables(),
	}
	fmt.Fprintln(text, r.header())

	trials := 0
	for _, t := range r.Tables {
		t.unit, t.bases = b.unit, b.bases
		for _, peer := range peers {
			t.Rows = append(t.Rows, &row{Peer: peer.name})
		}
		if o.again && len(peers) > 1 {
			t.measureAgain()
		}
		trials += o.rounds * len(t.Rows)
		if o.rate.percent > 0 {
			trials += len(peers)
		}
	}
	m := &rounds{
		options: o, benchmark: b.name, serverCPUs: serverCPUs, loadCPUs: loadCPUs,
		stderr: stderr, progress: newProgress(stderr, trials, o.warmup+o.duration),
	}
	for _, t := range r.Tables {
		if o.rate.percent > 0 {
			if err := m.calibrate(ctx, t); err != nil {
				return err
			}
		}
		if err := m.measure(ctx, t); err != nil {
			return err
		}
		m.progress.clear()
		if err := t.summarize(); err != nil {
			return err
		}
		if err := t.writeText(text, o.rounds); err != nil {
			return err
		}
	}
	if jsonTo != nil {
		if err := r.writeJSON(jsonTo); err != nil {
			return fmt.Errorf("-json: %w", err)
		}
	}
	if m.failed > 0 {
		return fmt.Errorf("%d measurements have failed", m.failed)
	}
	return nil
}

// place chooses the cores: the first ones for the server, the last one for the
// load. With one core there is nothing to choose.
func (o *options) place() (server, load []int, err error) {
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
