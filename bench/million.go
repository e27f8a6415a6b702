//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// millionCommand compares servers while they hold very many connections.
func millionCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := millionDefaults()
	o.conns = intList{20_000}
	return o.command(ctx, "million", `Opens very many TCP connections to a server of each mode in turn, over loopback,
and takes them through phases: connect, idle, active, broadcast, churn, tear-down;
with -heartbeat through connect, heartbeat, tear-down. As many server and load
processes are started as the limit on file descriptors asks for.
`, `  go run ./bench million -conns 20000 -mode weir,net
  go run ./bench million -conns 1000000 -mode weir,net -json million.json
  go run ./bench million -conns 100000 -mode weir-ws,gorilla,gws
  go run ./bench million -conns 10000 -mode weir,floor -rounds 5
  go run ./bench million -conns 50000 -heartbeat 20s
`, args, stdout, stderr)
}

// scaleCommand does so for several numbers of connections.
func scaleCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := millionDefaults()
	o.conns = intList{1_000, 10_000, 100_000, 1_000_000}
	return o.command(ctx, "scale", `Does what million does with more and more connections, and tells how memory, CPU
per message and latencies grow with them.
`, `  go run ./bench scale -mode weir,net -json scale.json
  go run ./bench scale -conns 1000,10000,100000 -mode weir,net -rounds 3
`, args, stdout, stderr)
}

// millionOptions are the flags of million and scale.
type millionOptions struct {
	conns         intList
	modes         string
	rounds        int
	size          int
	work          string
	rate          float64
	activePercent float64
	duration      time.Duration
	warmup        time.Duration
	idle          time.Duration
	broadcast     int
	churn         float64
	heartbeat     time.Duration
	silent        float64
	keepAlive     time.Duration
	timeout       time.Duration
	again         bool
	serverCores   int
	servers       int
	loads         int
	keepFree      int
	tune          bool
	json          string
}

func millionDefaults() *millionOptions { return &millionOptions{} }

func (o *millionOptions) command(ctx context.Context, name, intro, use string, args []string, stdout, stderr io.Writer) error {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.Var(&o.conns, "conns", "`number` of connections; a list makes a table for each")
	fs.StringVar(&o.modes, "mode", "weir,net", "`list` of servers to compare, in turn")
	fs.IntVar(&o.rounds, "rounds", 1, "`number` of times that each mode is measured, in turn with the others")
	fs.BoolVar(&o.again, "aa", true, "measure the mode that ratios refer to twice in each round, which tells how much of a ratio is noise")
	fs.IntVar(&o.size, "size", 64, "`bytes` per message")
	fs.StringVar(&o.work, "work", "", "what handlers do beside answering: cpu:20us computes, sleep:1ms waits")
	fs.Float64Var(&o.rate, "rate", 10_000, "`messages` per second of the active phase, over random connections; 0: no such phase")
	fs.Float64Var(&o.activePercent, "active", 100, "`percent` of the connections that take part in the active phase")
	fs.DurationVar(&o.duration, "duration", 3*time.Second, "`time` of the active phase, of the broadcasts and of the churn, each")
	fs.DurationVar(&o.warmup, "warmup", time.Second, "`time` under load before measuring")
	fs.DurationVar(&o.idle, "idle", 3*time.Second, "`time` to be idle")
	fs.IntVar(&o.broadcast, "broadcast", 64, "`bytes` of the message that all connections get; 0: no such phase")
	fs.Float64Var(&o.churn, "churn", 1000, "`connections` per second to close and reopen, at most a tenth of all; 0: no such phase")
	fs.DurationVar(&o.heartbeat, "heartbeat", 0, "`interval` in which every connection pings, instead of the phases after connect; silent ones are to be closed after one and a half. 0: no such phase")
	fs.Float64Var(&o.silent, "silent", 1, "`percent` of the connections that are silent in the heartbeat phase")
	fs.DurationVar(&o.keepAlive, "keepalive", -1, "`interval` of the servers' TCP probes, which cost the kernel much with a million connections; 0: what each does by default, negative: none")
	fs.DurationVar(&o.timeout, "timeout", 30*time.Second, "longest `time` a server may be silent")
	fs.IntVar(&o.serverCores, "server-cores", 1, "`number` of cores for the servers; the loads have the last core of the machine")
	fs.IntVar(&o.servers, "servers", 0, "`number` of server processes; 0: as few as the limit on descriptors allows")
	fs.IntVar(&o.loads, "loads", 0, "`number` of load processes; 0: as few as descriptors and ports allow")
	fs.IntVar(&o.keepFree, "keep-free", 768, "`MiB` of memory to be kept free: when no more is left, no more connections are opened")
	fs.BoolVar(&o.tune, "tune", false, "raise the limits of the system (sysctl) for the run, and put them back after it; for root")
	fs.StringVar(&o.json, "json", "", "write everything measured to `file`, or with - to standard output instead of the tables; see bench report")
	fs.Usage = func() {
		w := fs.Output()
		fmt.Fprintf(w, "usage: bench %s [flags]\n\n%s\nModes:\n", name, intro)
		widest := 0
		for _, m := range millionModes() {
			widest = max(widest, len(m.name))
		}
		for _, m := range millionModes() {
			fmt.Fprintf(w, "  %-*s  %s\n", widest, m.name, m.about)
		}
		fmt.Fprint(w, "\nFlags:\n")
		fs.PrintDefaults()
		fmt.Fprintf(w, "\nExamples:\n%s", use)
	}
	if err := parse(fs, args, stdout); err != nil {
		return err
	}
	modes, err := o.check()
	if err != nil {
		return &usageError{name, err}
	}
	command := append([]string{"bench", name}, args...)
	return o.run(ctx, name, command, modes, stdout, stderr)
}

// check finds out what is wrong with the flags before anything is started.
func (o *millionOptions) check() ([]millionMode, error) {
	modes, err := findModes(o.modes)
	if err != nil {
		return nil, err
	}
	for _, n := range o.conns {
		if err := inRange("-conns", n, 1, 100_000_000); err != nil {
			return nil, err
		}
	}
	if o.again {
		modes = withAgain(modes)
	}
	if _, err := parseWork(o.work); err != nil {
		return nil, err
	}
	cpus, err := allowedCPUs()
	if err != nil {
		return nil, err
	}
	switch {
	case o.heartbeat > 0 && slices.ContainsFunc(modes, func(m millionMode) bool { return m.name == "floor" }):
		return nil, errors.New("-heartbeat is not for floor, which has no timers and finds no silent connection")
	case !validRate(o.rate):
		return nil, fmt.Errorf("-rate %v is not between 0 and 100 million", o.rate)
	case !validRate(o.churn):
		return nil, fmt.Errorf("-churn %v is not between 0 and 100 million", o.churn)
	case !(o.activePercent > 0 && o.activePercent <= 100):
		return nil, fmt.Errorf("-active %v is not above 0 and up to 100 percent", o.activePercent)
	case !(o.silent >= 0 && o.silent <= 100):
		return nil, fmt.Errorf("-silent %v is not between 0 and 100 percent", o.silent)
	case o.duration < 10*time.Millisecond:
		return nil, fmt.Errorf("-duration %v is too short to measure anything: at least 10ms", o.duration)
	case o.idle < 10*time.Millisecond:
		return nil, fmt.Errorf("-idle %v is too short to measure anything: at least 10ms", o.idle)
	case o.warmup < 0:
		return nil, fmt.Errorf("-warmup %v is negative", o.warmup)
	case o.heartbeat != 0 && o.heartbeat < 100*time.Millisecond:
		return nil, fmt.Errorf("-heartbeat %v is too short: at least 100ms", o.heartbeat)
	case o.timeout < 100*time.Millisecond:
		return nil, fmt.Errorf("-timeout %v is too short: at least 100ms", o.timeout)
	}
	return modes, errors.Join(
		inRange("-rounds", o.rounds, 1, 1000),
		inRange("-size", o.size, 1, 64<<10),
		inRange("-broadcast", o.broadcast, 0, 64<<10),
		inRange("-keep-free", o.keepFree, 64, 1<<30),
		inRange("-servers", o.servers, 0, 10_000),
		inRange("-loads", o.loads, 0, 10_000),
		inRange("-server-cores", o.serverCores, 1, max(1, len(cpus))),
	)
}

// A millionMode is a server of one of the benchmarks, by the name it has here.
type millionMode struct {
	name  string
	about string
	bench benchmark
	peer  string
}

// millionModes are all servers of all benchmarks, and weir as it comes.
func millionModes() []millionMode {
	modes := []millionMode{{
		name: "weir", about: "weir as it comes: weir-pool", bench: echoBenchmark(), peer: "weir-pool",
	}}
	for _, b := range benchmarks() {
		for _, p := range b.peers {
			modes = append(modes, millionMode{name: p.name, about: b.name + ": " + p.about, bench: b, peer: p.name})
		}
	}
	return modes
}

// baseMode is the mode that the others are compared with: goroutine-per-connection
// where it takes part, or the last one.
func baseMode(modes []millionMode) millionMode {
	if i := slices.IndexFunc(modes, func(m millionMode) bool { return m.name == "net" }); i >= 0 {
		return modes[i]
	}
	return modes[len(modes)-1]
}

// withAgain adds the base once more, unless there is nothing to compare with it or
// the list has a mode twice already.
func withAgain(modes []millionMode) []millionMode {
	for i, m := range modes {
		if slices.ContainsFunc(modes[:i], func(other millionMode) bool { return other.name == m.name }) {
			return modes
		}
	}
	if len(modes) < 2 {
		return modes
	}
	return append(modes, baseMode(modes))
}

func findModes(list string) ([]millionMode, error) {
	all := millionModes()
	var found []millionMode
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(m millionMode) bool { return m.name == strings.TrimSpace(name) })
		if i < 0 {
			names := make([]string, len(all))
			for i, m := range all {
				names[i] = m.name
			}
			return nil, fmt.Errorf("unknown mode %q; the modes are %s", name, strings.Join(names, ","))
		}
		found = append(found, all[i])
	}
	return found, nil
}

// A millionPlan is one mode with one number of connections.
type millionPlan struct {
	mode          millionMode
	conns         int
	servers       int
	loads         int
	size          int
	work          string
	rate          float64
	activePercent float64
	duration      time.Duration
	warmup        time.Duration
	idle          time.Duration
	broadcast     int
	churn         float64
	heartbeat     time.Duration
	silent        float64
	keepAlive     time.Duration
	timeout       time.Duration
	keepFree      int64
	serverCPUs    []int
	loadCPUs      []int
}

// run measures everything and writes the report.
func (o *millionOptions) run(ctx context.Context, name string, command []string, modes []millionMode, stdout, stderr io.Writer) (err error) {
	stderr = shared(stderr)
	serverCPUs, loadCPUs, err := (&options{serverCores: o.serverCores}).place()
	if err != nil {
		return err
	}
	wants := func(conns int) plan {
		p := plan{Conns: conns, Servers: o.servers, Loads: o.loads}
		for _, m := range modes {
			if one := (modePlan{Name: m.name}); !slices.Contains(p.Modes, one) {
				p.Modes = append(p.Modes, one)
			}
		}
		return p
	}
	needs, err := assess(wants(slices.Max(o.conns)))
	if err != nil {
		return err
	}
	r := &millionReport{
		Benchmark: name,
		Time:      time.Now().UTC().Format(time.RFC3339),
		Command:   command,
		Machine:   thisMachine(),
		Needs:     needs,
		Settings: millionSettings{
			Rounds:           o.rounds,
			Size:             o.size,
			Work:             o.work,
			Rate:             o.rate,
			ActivePercent:    o.activePercent,
			ActiveSeconds:    o.duration.Seconds(),
			WarmupSeconds:    o.warmup.Seconds(),
			IdleSeconds:      o.idle.Seconds(),
			ChurnRate:        o.churn,
			ChurnSeconds:     o.duration.Seconds(),
			HeartbeatSeconds: o.heartbeat.Seconds(),
			SilentPercent:    o.silent,
			KeepAliveSeconds: o.keepAlive.Seconds(),
			ServerCPUs:       serverCPUs,
			LoadCPUs:         loadCPUs,
		},
	}
	for _, m := range modes {
		r.Settings.Modes = append(r.Settings.Modes, m.name)
	}
	text := stdout
	var file *resultFile
	switch o.json {
	case "":
	case "-":
		text = io.Discard
	default:
		if file, err = newResultFile(o.json); err != nil { // now, not after an hour of measuring
			return fmt.Errorf("-json: %w", err)
		}
	}
	fmt.Fprintln(text, r.header())
	if err := needs.writeText(text); err != nil {
		return err
	}
	if o.tune {
		t, err := tune(ctx, needs, stderr)
		if err != nil {
			return fmt.Errorf("-tune: %w", err)
		}
		defer func() { err = errors.Join(err, t.restore()) }()
		r.Settings.Tuned = t.Changes
	}

	failed := 0
	for _, conns := range o.conns {
		if needs, err = assess(wants(conns)); err != nil {
			return err
		}
		if possible := needs.possibleForSure(); possible < conns {
			return fmt.Errorf("%s connections cannot be had here, %s can: see the table above for what to change, or try -tune",
				count3(conns), count3(possible))
		}
		g := newGroup(conns, modes)
		r.Groups = append(r.Groups, g)
		for round := 1; round <= o.rounds; round++ {
			for i, m := range modes {
				p := millionPlan{
					mode: m, conns: conns,
					servers: needs.Servers, loads: needs.Loads,
					size: o.size, work: o.work, rate: o.rate, activePercent: o.activePercent,
					duration: o.duration, warmup: o.warmup, idle: o.idle,
					broadcast: o.broadcast, churn: min(o.churn, float64(conns)/10),
					heartbeat: o.heartbeat, silent: o.silent,
					keepAlive: o.keepAlive, timeout: o.timeout, keepFree: int64(o.keepFree) << 20,
					serverCPUs: serverCPUs, loadCPUs: loadCPUs,
				}
				run := p.measure(ctx, round, o.rounds, stderr)
				if ctx.Err() != nil {
					return errInterrupted
				}
				g.Modes[i].Runs = append(g.Modes[i].Runs, run)
				problem := run.problem(conns)
				if problem != "" {
					failed++
				}
				for _, text := range []string{problem, run.remark()} {
					if text != "" {
						r.Notes = append(r.Notes, fmt.Sprintf("%s, %s connections, round %d: %s", m.name, count3(conns), round, text))
					}
				}
			}
		}
		g.summarize()
		if err := g.writeText(text, o.rounds); err != nil {
			return err
		}
	}
	if len(r.Groups) > 1 {
		if err := r.writeGrowth(text); err != nil {
			return err
		}
	}
	switch {
	case file != nil:
		err = file.keep(r)
	case o.json == "-":
		err = writeJSON(stdout, r)
	}
	if err != nil {
		return fmt.Errorf("-json: %w", err)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(text, "\n%s\n", note)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d measurements are not complete: the report says why, and what was found until then",
			failed, len(o.conns)*o.rounds*len(modes))
	}
	return nil
}
