//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// A cluster is the server processes of one mode and the load processes that
// connect to them. No process may hold more descriptors than RLIMIT_NOFILE says,
// so for many connections it takes many. The servers share one port
// (SO_REUSEPORT), among which the kernel spreads connections by a hash; each load
// has source addresses of its own in 127.0.0.0/8, and so all of their ports.
type cluster struct {
	servers []*child
	loads   []*child
	share   []int // connections of each load
}

// startCluster starts everything, a few processes at a time.
func startCluster(ctx context.Context, p millionPlan, stderr io.Writer) (_ *cluster, err error) {
	c := &cluster{
		servers: make([]*child, p.servers),
		loads:   make([]*child, p.loads),
		share:   make([]int, p.loads),
	}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	serve := func(i int, addr string) (string, error) {
		args := []string{"serve", "-bench", p.mode.bench.name, "-peer", p.mode.peer, "-addr", addr, "-work", p.work, "-keepalive", p.keepAlive.String()}
		if p.servers > 1 {
			args = append(args, "-reuseport")
		}
		switch {
		case p.heartbeat > 0:
			args = append(args, "-idle", p.patience().String())
		case p.mode.bench.name == "http":
			args = append(args, "-idle", "24h") // some would close connections in the idle phase
		}
		s, hello, err := startChild(ctx, fmt.Sprintf("%s server %d", p.mode.name, i+1), p.serverCPUs, stderr, args...)
		c.servers[i] = s
		return hello.Addr, err
	}
	// The first one learns the port from the system, the others listen on it too.
	addr, err := serve(0, "127.0.0.1:0")
	if err != nil {
		return c, err
	}
	var starting errgroup.Group
	starting.SetLimit(8)
	for i := 1; i < p.servers; i++ {
		starting.Go(func() error {
			_, err := serve(i, addr)
			return err
		})
	}
	for i := range p.loads {
		c.share[i] = (p.conns*(i+1))/p.loads - (p.conns*i)/p.loads
		starting.Go(func() (err error) {
			c.loads[i], _, err = startChild(ctx, fmt.Sprintf("load %d", i+1), p.loadCPUs, stderr, "load",
				"-bench", p.mode.bench.name,
				"-addr", addr,
				"-source", sourceAddresses(i, (p.conns+p.loads-1)/p.loads),
				"-conns", strconv.Itoa(c.share[i]),
				"-size", strconv.Itoa(p.size),
				"-request", p.mode.bench.defaults.request,
				"-seed", strconv.Itoa(i+1),
				"-percent", strconv.FormatFloat(p.activePercent, 'g', -1, 64),
				"-at-once", strconv.Itoa(min(max(atOnceInAll/p.loads, 4), 100)),
				"-timeout", p.timeout.String(),
				"-random", "-lenient", "-polite")
			return err
		})
	}
	return c, starting.Wait()
}

// atOnceInAll is how many connections all loads together open at a time: enough
// to keep the servers busy, and far from the end of their accept queues.
const atOnceInAll = 512

// sourceAddresses are the local addresses of a load, one for each 10,000 of its
// connections. With 14,000 the kernel would still find ports, but slowly.
func sourceAddresses(load, conns int) string {
	const each = 10_000
	n := max(1, (conns+each-1)/each)
	list := make([]string, n)
	for k := range list {
		i := load*n + k
		list[k] = fmt.Sprintf("127.%d.%d.%d", 1+i/62_500, i/250%250, i%250+1)
	}
	return strings.Join(list, ",")
}

// stop ends all processes and waits until they are gone.
func (c *cluster) stop() {
	var stopping sync.WaitGroup
	for _, group := range [][]*child{c.loads, c.servers} {
		for _, p := range group {
			if p != nil {
				stopping.Go(p.stop)
			}
		}
	}
	stopping.Wait()
}

// askAll sends a request to all of the processes at once and returns their replies.
// Also with an error there are as many replies as processes.
func askAll(ctx context.Context, processes []*child, timeout time.Duration, req func(i int) request) ([]reply, error) {
	replies := make([]reply, len(processes))
	errs := make([]error, len(processes))
	var asking sync.WaitGroup
	for i, p := range processes {
		asking.Go(func() { replies[i], errs[i] = p.call(ctx, timeout, req(i)) })
	}
	asking.Wait()
	return replies, firstOf(errs)
}

// firstOf is not errors.Join: what breaks one process mostly breaks all, and
// fifty times the same sentence helps nobody.
func firstOf(errs []error) error {
	var first error
	others := 0
	for _, err := range errs {
		switch {
		case err == nil:
		case first == nil:
			first = err
		default:
			others++
		}
	}
	if others > 0 {
		return fmt.Errorf("%w (and %d more processes have failed)", first, others)
	}
	return first
}

// same is a request that is the same for all.
func same(r request) func(int) request { return func(int) request { return r } }

// serverUsage asks all servers, with "usage" or, after a collection of all
// garbage, with "gc".
func (c *cluster) serverUsage(ctx context.Context, cmd string) (usages, error) {
	return usageOf(ctx, c.servers, cmd)
}

func (c *cluster) loadUsage(ctx context.Context) (usages, error) {
	return usageOf(ctx, c.loads, "usage")
}

func usageOf(ctx context.Context, processes []*child, cmd string) (usages, error) {
	replies, err := askAll(ctx, processes, patience(len(processes)), same(request{Cmd: cmd}))
	if err != nil {
		return nil, err
	}
	list := make(usages, len(replies))
	for i, r := range replies {
		if r.Usage == nil {
			return nil, fmt.Errorf("the %s has told no usage", processes[i].name)
		}
		list[i] = *r.Usage
	}
	return list, nil
}

// patience is how long to wait for something that each of n processes has to do,
// all on one core.
func patience(n int) time.Duration { return 30*time.Second + time.Duration(n)*2*time.Second }

// usages are those of several processes at about the same time.
type usages []usage

func (u usages) sum(f func(usage) int64) (total int64) {
	for _, one := range u {
		total += f(one)
	}
	return total
}

func (u usages) rss() int64        { return u.sum(func(u usage) int64 { return u.RSSAnon }) }
func (u usages) pss() int64        { return u.sum(func(u usage) int64 { return u.PSS }) }
func (u usages) heap() int64       { return u.sum(func(u usage) int64 { return int64(u.HeapAlloc) }) }
func (u usages) goroutines() int64 { return u.sum(func(u usage) int64 { return int64(u.Goroutines) }) }
func (u usages) descriptors() int64 {
	return u.sum(func(u usage) int64 { return int64(u.Descriptors) })
}
func (u usages) user() int64   { return u.sum(func(u usage) int64 { return u.User }) }
func (u usages) system() int64 { return u.sum(func(u usage) int64 { return u.System }) }
func (u usages) cpu() int64    { return u.user() + u.system() }

// share is how much of a core the processes have used between two readings. Each
// is compared with its own clock, for they are not read at the very same time.
func (u usages) share(before usages, f func(usage) int64) (share float64) {
	for i := range u {
		if window := u[i].At - before[i].At; window > 0 {
			share += float64(f(u[i])-f(before[i])) / float64(window)
		}
	}
	return share
}

func userTime(u usage) int64   { return u.User }
func systemTime(u usage) int64 { return u.System }
func cpuTime(u usage) int64    { return u.User + u.System }

// counts adds up what the loads or servers have counted.
func counts(replies []reply) (total count, err error) {
	h := newHistogram()
	for _, r := range replies {
		c := r.Count
		if c == nil {
			continue
		}
		total.Open += c.Open
		total.Done += c.Done
		total.Failures += c.Failures
		total.Lost += c.Lost
		total.Sent += c.Sent
		total.Silent += c.Silent
		total.Found += c.Found
		if total.Problem == "" {
			total.Problem = c.Problem
		}
		if c.First > 0 && (total.First == 0 || c.First < total.First) {
			total.First = c.First
		}
		total.Last = max(total.Last, c.Last)
		if c.Histogram != "" {
			part, err := decodeHistogram(c.Histogram)
			if err != nil {
				return total, fmt.Errorf("histogram of a load: %w", err)
			}
			h.Merge(part)
		}
	}
	if h.TotalCount() > 0 {
		total.Histogram, err = encodeHistogram(h)
	}
	return total, err
}

// missed is how many of the connections that were open before a broadcast do not
// have it, or have ended. What the servers have accepted cannot tell that: for a
// connection that they have forgotten they accept nothing.
func (c count) missed() int64 {
	return max(c.Lost, int64(c.Open)+c.Lost-c.Done)
}

// watch waits for d while the processes work on their own, and returns early when
// one of them ends.
func (c *cluster) watch(ctx context.Context, d time.Duration, tick func(passed time.Duration)) error {
	begin := time.Now()
	end := time.NewTimer(d)
	defer end.Stop()
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-end.C:
			tick(d)
			return c.alive()
		case <-ticker.C:
			tick(time.Since(begin))
			if err := c.alive(); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// alive returns an error if a process has ended.
func (c *cluster) alive() error {
	var errs []error
	for _, group := range [][]*child{c.servers, c.loads} {
		for _, p := range group {
			select {
			case <-p.done:
				errs = append(errs, p.death())
			default:
			}
		}
	}
	return firstOf(errs)
}

var errInterrupted = errors.New("interrupted")
