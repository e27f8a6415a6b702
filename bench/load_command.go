//go:build unix

package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"
)

// loadOptions are the flags of the load process.
type loadOptions struct {
	bench    string
	addr     string
	sources  []netip.Addr
	conns    int
	size     int64
	request  string
	pipeline int
	rate     float64
	random   bool
	seed     uint64
	percent  float64
	atOnce   int
	timeout  time.Duration
	polite   bool
	lenient  bool
}

// loadCommand is the load process. Its parent has it
//
//	prime      exchange a few messages over connections that are closed again
//	open       open connections until there are N, or all, and exchange one message on each
//	check      look for connections that have ended
//	start      let messages flow
//	begin      begin a window: forget what was measured before
//	end        report the window; the messages go on flowing
//	stop       let messages flow no more
//	broadcast  receive a message that the server sends on every connection
//	churn      close and reopen connections, one after the other
//	heartbeat  send a message now and then on every connection but some
//	close      close all connections
//	usage      tell what the process has used up
//
// After each it is idle, but between start and stop. What is wrong with a
// connection is an error, and the last thing it says; if it is lenient it is
// counted, and told with the next reply that has a count.
func loadCommand(_ context.Context, args []string, stdout, _ io.Writer) error {
	fs := flag.NewFlagSet("load", flag.ContinueOnError)
	var o loadOptions
	fs.StringVar(&o.bench, "bench", "echo", "benchmark")
	fs.StringVar(&o.addr, "addr", "", "address of the server")
	fs.Func("source", "own `addresses`, used in turn. The system finds a port fast while half of one's ports are free: some 14,000", o.addSources)
	fs.IntVar(&o.conns, "conns", 1, "connections")
	fs.Int64Var(&o.size, "size", 64, "bytes per message")
	fs.StringVar(&o.request, "request", "", "HTTP request")
	fs.IntVar(&o.pipeline, "pipeline", 1, "messages under way per connection")
	fs.Float64Var(&o.rate, "rate", 0, "messages per second; 0: as many as are answered")
	fs.BoolVar(&o.random, "random", false, "messages at a rate go over connections at random, not in turn")
	fs.Uint64Var(&o.seed, "seed", 1, "of what is random")
	fs.Float64Var(&o.percent, "percent", 100, "share of the connections that messages at a rate go over")
	fs.IntVar(&o.atOnce, "at-once", 100, "connections being opened at a time; below the accept queue of any server")
	fs.DurationVar(&o.timeout, "timeout", 10*time.Second, "longest silence of the server; longest time for opening a connection")
	fs.BoolVar(&o.polite, "polite", false, "leave the core to others while waiting")
	fs.BoolVar(&o.lenient, "lenient", false, "count connections that break and go on without them")
	if err := parse(fs, args, stdout); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return &usageError{"load", err}
	}
	if err := checkConns(o.conns); err != nil {
		return err
	}
	l, err := newLoad(o)
	if err != nil {
		return err
	}
	l.settleThread()
	out := json.NewEncoder(stdout)
	if err := out.Encode(reply{}); err != nil {
		return err
	}
	requests := requests(os.Stdin)
	for {
		req, ok := l.work(requests, out)
		if !ok {
			continue
		}
		r, err := l.answer(req, o)
		if err != nil {
			r.Error = err.Error()
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
}

func (o *loadOptions) addSources(list string) error {
	for text := range strings.SplitSeq(list, ",") {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return err
		}
		if !addr.Is4() {
			return fmt.Errorf("%v is not an IPv4 address", addr)
		}
		o.sources = append(o.sources, addr)
	}
	return nil
}

func (o *loadOptions) check() error {
	switch {
	case !(o.percent > 0 && o.percent <= 100):
		return fmt.Errorf("-percent %v is not above 0 and at most 100", o.percent)
	case !validRate(o.rate):
		return fmt.Errorf("-rate %v is not between 0 and 100 million", o.rate)
	}
	return inRange("-at-once", o.atOnce, 1, 1<<20)
}

func (l *load) answer(req request, o loadOptions) (reply, error) {
	counted := func(c count, err error) (reply, error) { return reply{Count: &c}, err }
	limit := time.Duration(req.Duration)
	switch req.Cmd {
	case "begin":
		l.window.begin(l.clock(), l.schedule != nil)
		return reply{}, nil
	case "end":
		t, err := l.end()
		return reply{Traffic: &t}, err
	case "stop":
		return counted(l.stop(limit))
	case "usage":
		u, err := readUsage()
		return reply{Usage: u}, err
	}
	if l.flowing {
		return reply{}, errFlowing
	}
	switch req.Cmd {
	case "prime":
		return reply{}, l.prime()
	case "open":
		return counted(l.open(req.N, limit))
	case "check":
		return counted(l.check())
	case "start":
		rate := req.Rate
		if rate == 0 {
			rate = o.rate
		}
		return reply{}, l.start(rate)
	case "broadcast":
		return counted(l.receive(req.Size, req.At, limit))
	case "churn":
		return counted(l.churn(req.Rate, limit))
	case "heartbeat":
		return counted(l.heartbeat(time.Duration(req.Every), req.N, limit))
	case "close":
		return counted(l.close())
	}
	return reply{}, fmt.Errorf("unknown request %q", req.Cmd)
}
