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
	"time"
)

// pushLoadOptions are the flags of a load process of the push benchmark.
type pushLoadOptions struct {
	peer    string
	addr    string
	sources []netip.Addr
	conns   int
	first   int
	all     int
	loads   int
	index   int
	topics  int
	size    int
	qos     int
	atOnce  int
	timeout time.Duration
	board   string
	window  int
}

// A pushCount is what a load has found in one phase.
type pushCount struct {
	Open        int    `json:"open"`
	Published   int64  `json:"published,omitempty"`
	Unpublished int64  `json:"unpublished,omitempty"` // planned, and there was no time for them
	Delivered   int64  `json:"delivered,omitempty"`   // received within the window
	Lost        int64  `json:"lost,omitempty"`        // messages that have not come
	Duplicates  int64  `json:"duplicates,omitempty"`
	Ended       int64  `json:"ended,omitempty"`       // connections that ended though nobody wanted it
	Failures    int64  `json:"failures,omitempty"`    // attempts to connect
	SentAway    int64  `json:"sent_away,omitempty"`   // attempts that the server has put off
	Unrecovered int64  `json:"unrecovered,omitempty"` // subscriptions that could not go on where they were
	CaughtUp    int64  `json:"caught_up,omitempty"`
	Problem     string `json:"problem,omitempty"`
	Histogram   string `json:"histogram,omitempty"` // ns: from plan to receipt, or until caught up
	Lag         string `json:"lag,omitempty"`       // ns: how late the publisher was
}

// pushLoadCommand is a load process of the push benchmark. Its parent has it
//
//	prime    open the publisher, and a few subscribers that are closed again
//	open     open subscribers until there are N, or all
//	check    look for connections that have ended
//	deliver  publish, if it is the first load, and receive
//	cut      close all subscribers at once
//	fill     publish N messages on each topic
//	resume   have all subscribers come back, and get what they have missed
//	close    close all connections
//	usage    tell what the process has used up
func pushLoadCommand(_ context.Context, args []string, stdout, _ io.Writer) error {
	fs := flag.NewFlagSet("push-load", flag.ContinueOnError)
	var o pushLoadOptions
	var sources loadOptions
	fs.StringVar(&o.peer, "peer", "", "server that the load speaks to")
	fs.StringVar(&o.addr, "addr", "", "address of the server")
	fs.Func("source", "own `addresses`, used in turn", sources.addSources)
	fs.IntVar(&o.conns, "conns", 1, "subscribers of this load")
	fs.IntVar(&o.first, "first", 0, "number of the first of them")
	fs.IntVar(&o.all, "all", 1, "subscribers of all loads")
	fs.IntVar(&o.loads, "loads", 1, "number of loads")
	fs.IntVar(&o.index, "index", 0, "of this load; the first one publishes")
	fs.IntVar(&o.topics, "topics", 1, "number of topics")
	fs.IntVar(&o.size, "size", 64, "bytes of data per message")
	fs.IntVar(&o.qos, "qos", 1, "of subscriptions and publications, where there is such a thing")
	fs.IntVar(&o.window, "window", 256, "publications under way in a closed loop, at most")
	fs.IntVar(&o.atOnce, "at-once", 100, "connections being opened at a time")
	fs.DurationVar(&o.timeout, "timeout", 10*time.Second, "longest time for opening a connection, and for a message that is missing")
	fs.StringVar(&o.board, "board", "", "`file` that the loads share")
	if err := parse(fs, args, stdout); err != nil {
		return err
	}
	o.sources = sources.sources
	if err := o.check(); err != nil {
		return &usageError{"push-load", err}
	}
	if err := checkConns(o.conns + 1); err != nil {
		return err
	}
	l, err := newPushLoad(o)
	if err != nil {
		return err
	}
	l.settleThread()
	out := json.NewEncoder(stdout)
	if err := out.Encode(reply{}); err != nil {
		return err
	}
	for req := range requests(os.Stdin) {
		r, err := l.answer(req)
		if err != nil {
			r.Error = err.Error()
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func (o *pushLoadOptions) check() error {
	if err := inRange("-conns", o.conns, 1, 1<<30); err != nil {
		return err
	}
	if err := inRange("-topics", o.topics, 1, 1<<20); err != nil {
		return err
	}
	if err := inRange("-index", o.index, 0, o.loads-1); err != nil {
		return err
	}
	return inRange("-size", o.size, leastPush, maxChat)
}

func (l *pushLoad) answer(req request) (reply, error) {
	limit := time.Duration(req.Duration)
	counted := func(c count, err error) (reply, error) { return reply{Count: &c}, err }
	pushed := func(c pushCount, err error) (reply, error) { return reply{Push: &c}, err }
	switch req.Cmd {
	case "prime":
		return reply{}, l.prime()
	case "open":
		return counted(l.open(req.N, limit))
	case "check":
		return counted(l.check())
	case "deliver":
		return pushed(l.deliver(req))
	case "cut":
		return counted(l.cut(), nil)
	case "fill":
		return pushed(l.fill(req.N, limit))
	case "resume":
		return pushed(l.resume(req.At, limit))
	case "close":
		return counted(l.close(), nil)
	case "usage":
		u, err := readUsage()
		return reply{Usage: u}, err
	}
	return reply{}, fmt.Errorf("unknown request %q", req.Cmd)
}

// primeConns is how many subscribers prime opens.
const primeConns = 4

// prime has the server do everything once, before its memory is read.
func (l *pushLoad) prime() error {
	if l.publisher >= 0 {
		if err := l.connect(l.publisher); err != nil {
			return err
		}
		for end := l.clock() + int64(l.timeout); l.conns[l.publisher].state != isOpen; {
			if l.clock() > end {
				return fmt.Errorf("the publisher is not open after %v", l.timeout)
			}
			if err := l.step(end); err != nil {
				return err
			}
		}
	}
	l.priming = true
	defer func() { l.priming = false }()
	if _, err := l.open(primeConns, 0); err != nil {
		return err
	}
	if l.publisher >= 0 {
		if _, err := l.fill(1, l.timeout); err != nil {
			return err
		}
		if err := l.settle(); err != nil {
			return err
		}
	}
	l.cut()
	for i := range l.conns { // as if they had never been
		l.conns[i].epoch, l.conns[i].offset = 0, 0
	}
	return nil
}
