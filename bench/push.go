//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// pushName is the name of the benchmark. It is not one of benchmarks, whose peers
// all answer what they are sent.
const pushName = "push"

// pushServers are its peers. Tests add to them.
func pushServers() benchmark { return benchmark{name: pushName, peers: allPushPeers} }

var allPushPeers = slices.Concat(pushFloorPeers(), []peer{chatGorillaPeer, chatGWSPeer}, pushPeers, []peer{pushDataPeer})

// resumes tells whether the clients of a peer get what they have missed.
func resumes(peer string) bool { return strings.HasPrefix(peer, "push") }

// pushOptions are the flags of push.
type pushOptions struct {
	conns       intList
	topics      intList
	peers       string
	phases      string
	rounds      int
	again       bool
	rate        pushRate
	window      int
	size        int
	qos         int
	duration    time.Duration
	warmup      time.Duration
	idle        time.Duration
	missed      int
	atOnce      int
	timeout     time.Duration
	serverCores int
	loads       int
	keepFree    int
	json        string
	cpuprofile  string
}

const pushPhases = "deliver,idle,herd"

// pushCommand compares servers that deliver publications to very many subscribers.
func pushCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o := &pushOptions{conns: intList{1000}, topics: intList{1}}
	fs := flag.NewFlagSet(pushName, flag.ContinueOnError)
	fs.Var(&o.conns, "conns", "`number` of subscribers; a list makes a table for each")
	fs.Var(&o.topics, "topics", "`number` of topics, each subscriber having one; a list makes a table for each")
	fs.StringVar(&o.peers, "peers", defaultPushPeers(), "`list` of servers to compare, in turn")
	fs.StringVar(&o.phases, "phase", pushPhases, "`list` of what is measured")
	fs.IntVar(&o.rounds, "rounds", 1, "`number` of times that each server is measured, in turn with the others")
	fs.BoolVar(&o.again, "aa", true, "measure the server that ratios refer to twice in each round, which tells how much of a ratio is noise")
	fs.Var(&o.rate, "rate", "`messages` published per second, over all topics in turn; max: as many as are delivered")
	fs.IntVar(&o.window, "window", 0, "`number` of publications under way at most with -rate max; 0: as many as make 40,000 deliveries, at least 4 and at most 256")
	fs.IntVar(&o.size, "size", 64, "`bytes` of data per message")
	fs.IntVar(&o.qos, "qos", 1, "`quality` of service of push and push-tcp: 0, or 1, which logs and acknowledges")
	fs.DurationVar(&o.duration, "duration", 3*time.Second, "`time` to deliver")
	fs.DurationVar(&o.warmup, "warmup", time.Second, "`time` to deliver before measuring")
	fs.DurationVar(&o.idle, "idle", 3*time.Second, "`time` to be idle")
	fs.IntVar(&o.missed, "missed", 50, "`number` of messages on each topic that the herd misses")
	fs.IntVar(&o.atOnce, "at-once", 1000, "`number` of connections being opened at a time; less than the accept queue of any server")
	fs.DurationVar(&o.timeout, "timeout", 30*time.Second, "longest `time` to wait for a server")
	fs.IntVar(&o.serverCores, "server-cores", 1, "`number` of cores for the server; the loads have the last core of the machine")
	fs.IntVar(&o.loads, "loads", 0, "`number` of load processes; 0: as few as descriptors and ports allow")
	fs.IntVar(&o.keepFree, "keep-free", 768, "`MiB` of memory to be kept free: when no more is left, no more connections are opened")
	fs.StringVar(&o.json, "json", "", "write everything measured to `file`, or with - to standard output instead of the tables; see bench report")
	fs.StringVar(&o.cpuprofile, "cpuprofile", "", "write a CPU profile of the server in the phases deliver and herd to `file`; for one peer, one table and one round")
	fs.Usage = func() {
		w := fs.Output()
		fmt.Fprint(w, `usage: bench push [flags]

Opens very many subscribers to a server of each kind in turn, over loopback, each
with one subscription, and takes them through phases:

  idle     memory per subscriber at rest, and what garbage collection costs
  deliver  publications to all: deliveries per second and core, latencies from the
           planned moment to the receipt, what is lost or comes twice
  herd     all are cut off, messages are published, and all come back at once:
           how long until each has what it has missed; only for peers that resume

Peers:
`)
		widest := 0
		for _, p := range allPushPeers {
			widest = max(widest, len(p.name))
		}
		for _, p := range allPushPeers {
			fmt.Fprintf(w, "  %-*s  %s\n", widest, p.name, p.about)
		}
		fmt.Fprint(w, "\nFlags:\n")
		fs.PrintDefaults()
		fmt.Fprint(w, `
Examples:
  go run ./bench push -conns 1000,10000 -topics 1,100 -phase deliver
  go run ./bench push -conns 10000 -phase deliver -rate 10 -rounds 3 -json push.json
  go run ./bench push -conns 10000 -phase idle -idle 10s
  go run ./bench push -conns 10000 -phase herd -missed 50 -peers push,push-tcp,push-data
`)
	}
	if err := parse(fs, args, stdout); err != nil {
		return err
	}
	modes, err := o.check()
	if err != nil {
		return &usageError{pushName, err}
	}
	return o.run(ctx, append([]string{"bench", pushName}, args...), modes, stdout, stderr)
}

// defaultPushPeers are all but the variations.
func defaultPushPeers() string {
	var names []string
	for _, p := range allPushPeers {
		if p.name != "push-tcp" && p.name != "push-data" {
			names = append(names, p.name)
		}
	}
	return strings.Join(names, ",")
}

// A pushRate is messages per second, 0 standing for max.
type pushRate float64

func (r *pushRate) String() string {
	if *r == 0 {
		return "max"
	}
	return strconv.FormatFloat(float64(*r), 'g', -1, 64)
}

func (r *pushRate) Set(s string) error {
	if s == "max" {
		*r = 0
		return nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !validRate(v) || v == 0 {
		return fmt.Errorf("%q is neither max nor a number above 0 and up to 100 million", s)
	}
	*r = pushRate(v)
	return nil
}

// has tells whether a phase is asked for.
func (o *pushOptions) has(phase string) bool {
	return slices.Contains(strings.Split(o.phases, ","), phase)
}

// check finds out what is wrong with the flags before anything is started.
func (o *pushOptions) check() ([]millionMode, error) {
	found, err := findPeers(allPushPeers, o.peers)
	if err != nil {
		return nil, err
	}
	var modes []millionMode
	for _, p := range found {
		modes = append(modes, millionMode{name: p.name, about: p.about, bench: pushServers(), peer: p.name})
	}
	for phase := range strings.SplitSeq(o.phases, ",") {
		if !slices.Contains(strings.Split(pushPhases, ","), phase) {
			return nil, fmt.Errorf("unknown phase %q; the phases are %s", phase, pushPhases)
		}
	}
	if o.phases == "herd" && !slices.ContainsFunc(modes, func(m millionMode) bool { return resumes(m.name) }) {
		return nil, fmt.Errorf("-phase herd is for peers that resume, and there is none in %s", o.peers)
	}
	for _, n := range o.conns {
		if err := inRange("-conns", n, 1, 100_000_000); err != nil {
			return nil, err
		}
	}
	for _, n := range o.topics {
		if err := inRange("-topics", n, 1, 100_000); err != nil {
			return nil, err
		}
		if n > slices.Min(o.conns) {
			return nil, fmt.Errorf("-topics %d are more than -conns %d: each topic needs a subscriber", n, slices.Min(o.conns))
		}
	}
	cpus, err := allowedCPUs()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		inRange("-rounds", o.rounds, 1, 1000),
		inRange("-window", o.window, 0, 1<<20),
		inRange("-size", o.size, leastPush, maxChat),
		inRange("-qos", o.qos, 0, 1),
		inRange("-missed", o.missed, 1, 1_000_000),
		inRange("-at-once", o.atOnce, 1, 1<<20),
		inRange("-loads", o.loads, 0, 1000),
		inRange("-keep-free", o.keepFree, 64, 1<<30),
		inRange("-server-cores", o.serverCores, 1, max(1, len(cpus))),
	); err != nil {
		return nil, err
	}
	switch {
	case o.duration < 10*time.Millisecond:
		return nil, fmt.Errorf("-duration %v is too short to measure anything: at least 10ms", o.duration)
	case o.idle < 10*time.Millisecond:
		return nil, fmt.Errorf("-idle %v is too short to measure anything: at least 10ms", o.idle)
	case o.warmup < 0:
		return nil, fmt.Errorf("-warmup %v is negative", o.warmup)
	case o.timeout < 100*time.Millisecond:
		return nil, fmt.Errorf("-timeout %v is too short: at least 100ms", o.timeout)
	case o.has("herd") && o.qos == 0 && slices.ContainsFunc(modes, func(m millionMode) bool { return m.name == "push" || m.name == "push-tcp" }):
		return nil, errors.New("-phase herd needs -qos 1: what is not logged cannot be resumed")
	}
	if o.phases == "herd" { // the others have nothing to do
		modes = slices.DeleteFunc(modes, func(m millionMode) bool { return !resumes(m.name) })
	}
	if o.cpuprofile != "" && (len(modes) > 1 || len(o.conns)*len(o.topics)*o.rounds > 1) {
		return nil, errors.New("-cpuprofile is for one peer, one table and one round")
	}
	if o.again {
		modes = pushAgain(modes)
	}
	return modes, nil
}

// pushBase is the peer that the others are compared with.
func pushBase(modes []millionMode) millionMode {
	if i := slices.IndexFunc(modes, func(m millionMode) bool { return m.name == "floor" }); i >= 0 {
		return modes[i]
	}
	return modes[0]
}

// pushAgain adds the base once more, unless there is nothing to compare with it or
// the list has a peer twice already.
func pushAgain(modes []millionMode) []millionMode {
	names := make(map[string]bool)
	for _, m := range modes {
		names[m.name] = true
	}
	if len(modes) < 2 || len(names) < len(modes) {
		return modes
	}
	return append(modes, pushBase(modes))
}
