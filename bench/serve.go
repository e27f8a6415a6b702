//go:build unix

package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
)

// serveCommand is the server process: one peer, and the answers to what its
// parent wants to know about it.
func serveCommand(_ context.Context, args []string, stdout, _ io.Writer) error {
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	bench := fs.String("bench", "echo", "benchmark")
	name := fs.String("peer", "", "peer to serve")
	if err := parse(fs, args, stdout); err != nil {
		return err
	}
	b, err := findBenchmark(*bench)
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
	addr, err := found[0].start()
	if err != nil {
		return fmt.Errorf("start %s: %w", *name, err)
	}
	if err := json.NewEncoder(stdout).Encode(reply{Addr: addr}); err != nil {
		return err
	}
	serveRequests(os.Stdin, answerServer)
	return nil
}

func answerServer(req request) (r reply) {
	var err error
	switch req.Cmd {
	case "gc":
		r.Usage, err = settledUsage()
	case "usage":
		r.Usage, err = readUsage()
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

// settledUsage is readUsage with the memory that is left when all garbage is gone.
// The first few collections of a process make the runtime start workers and
// allocate tables, some 150 KiB; so it collects until that changes nothing.
func settledUsage() (*usage, error) {
	var rss int64
	for range 10 {
		runtime.GC()
		debug.FreeOSMemory()
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
	if err == nil {
		u.RSSAnon = rss
	}
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
