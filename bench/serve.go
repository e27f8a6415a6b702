//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"time"
)

// serveCommand is the server process: one peer, and the answers to what its
// parent wants to know about it.
func serveCommand(_ context.Context, args []string, stdout, _ io.Writer) error {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	bench := fs.String("bench", "echo", "benchmark")
	name := fs.String("peer", "", "peer to serve")
	s := &stage{}
	fs.StringVar(&s.addr, "addr", "127.0.0.1:0", "IPv4 `address` to listen on")
	fs.BoolVar(&s.reusePort, "reuseport", false, "let other processes listen on the same port (SO_REUSEPORT)")
	fs.DurationVar(&s.idle, "idle", 0, "`time` of silence after which a connection is closed; 0: what the peer does by default")
	fs.DurationVar(&s.keepAlive, "keepalive", 0, "`interval` of TCP's probes; 0: what the peer does by default, negative: none")
	fs.StringVar(&s.dir, "dir", "", "`directory` for the files of peers that write some")
	work := fs.String("work", "", workUsage)
	if err := parse(fs, args, stdout); err != nil {
		return err
	}
	w, err := parseWork(*work)
	if err != nil {
		return &usageError{"serve", err}
	}
	b, err := findServers(*bench)
	if err != nil {
		return &usageError{"serve", err}
	}
	found, err := findPeers(b.peers, *name)
	if err != nil {
		return &usageError{"serve", err}
	}
	if _, err := raiseFileLimit(); err != nil {
		return err
	}
	s.work = w.start()
	addr, err := found[0].start(s)
	if err != nil {
		return fmt.Errorf("start %s: %w", *name, err)
	}
	if err := json.NewEncoder(stdout).Encode(reply{Addr: addr}); err != nil {
		return err
	}
	serveRequests(os.Stdin, s.answer)
	return nil
}

func (s *stage) answer(req request) (r reply) {
	var err error
	switch req.Cmd {
	case "gc":
		r.Usage, err = settledUsage()
	case "usage":
		r.Usage, err = readUsage()
	case "sockets":
		r.Usage = &usage{Descriptors: openDescriptors()}
	case "cycle":
		r.Cycle, err = measureCycle()
	case "broadcast":
		r.Count, err = s.runBroadcast(req)
	case "stats":
		if s.stats != nil {
			r.Stats = s.stats()
		}
	case "profile":
		err = startProfile(req.File)
	case "stop-profile":
		pprof.StopCPUProfile()
	default:
		err = fmt.Errorf("unknown request %q", req.Cmd)
	}
	if err != nil {
		r.Error = err.Error()
	}
	return r
}

// runBroadcast broadcasts when the time has come.
func (s *stage) runBroadcast(req request) (*count, error) {
	if s.broadcast == nil {
		return nil, errors.New("this peer cannot broadcast")
	}
	if req.Size < 1 {
		return nil, fmt.Errorf("cannot broadcast %d bytes", req.Size)
	}
	payload := broadcastPayload(req.Size)
	time.Sleep(time.Duration(req.At - monotonic())) // not at all if it has come already
	c := &count{First: monotonic()}
	accepted, err := s.broadcast(payload)
	c.Last, c.Done = monotonic(), int64(accepted)
	return c, err
}

// settledUsage is readUsage with the memory that is left when all garbage is gone.
// The first few collections of a process make the runtime start workers and
// allocate tables, some 150 KiB, and pools are empty after the second; so it
// collects until that changes nothing.
func settledUsage() (*usage, error) {
	var rss int64
	for range 10 {
		debug.FreeOSMemory() // which collects first
		before := rss
		var err error
		if rss, err = rssAnon(); err != nil {
			return nil, err
		}
		if rss == before {
			break
		}
	}
	u, err := readUsage()
	if err != nil {
		return nil, err
	}
	u.RSSAnon, u.Descriptors = rss, openDescriptors()
	u.PSS, err = pss()
	return u, err
}

// startProfile writes to a file that is complete, and may be left open, once the
// profile has been stopped.
func startProfile(file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(f)
}
