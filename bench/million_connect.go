//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// connect opens the connections in small steps, and stops when the memory of the
// machine runs out, with what it has reached.
func (t *millionTrial) connect(ctx context.Context) error {
	p := t.plan
	if _, err := askAll(ctx, t.cluster.loads, p.timeout+time.Minute, same(request{Cmd: "prime"})); err != nil {
		return err
	}
	var err error
	if t.base, err = t.cluster.serverUsage(ctx, "gc"); err != nil {
		return err
	}
	t.run.BaseRSS = t.base.rss()
	if t.loads, err = t.cluster.loadUsage(ctx); err != nil {
		return err
	}
	if t.before, err = readKernel(); err != nil {
		return err
	}

	var open, lowMemory atomic.Int64
	opening, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	bar := t.bars.start("connect", p.conns)
	go func() {
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			select {
			case <-opening.Done():
				tick.Stop()
				return
			case <-tick.C:
				bar.set(int(open.Load()))
				if err := t.cluster.alive(); err != nil {
					cancel(err) // the others would go on for minutes
				}
				if k, err := readKernel(); err == nil && k.MemTotal > 0 && k.free() < p.keepFree {
					lowMemory.CompareAndSwap(0, max(k.free(), 1))
				}
			}
		}
	}()

	began := time.Now()
	steps := make([][]reply, len(t.cluster.loads))
	errs := make([]error, len(t.cluster.loads))
	reached := make([]int, len(t.cluster.loads))
	var working sync.WaitGroup
	for i, l := range t.cluster.loads {
		working.Go(func() {
			share := t.cluster.share[i]
			step := max(share/64, 20)
			for n := 0; n < share && lowMemory.Load() == 0 && errs[i] == nil; {
				n = min(n+step, share)
				var r reply
				r, errs[i] = l.call(opening, p.timeout+time.Minute, request{Cmd: "open", N: n, Duration: int64(p.timeout)})
				if r.Count != nil {
					open.Add(r.Count.Done)
					reached[i] = r.Count.Open // less than was done, if some have ended since
					steps[i] = append(steps[i], r)
				}
			}
		})
	}
	working.Wait()
	took := time.Since(began)
	died := context.Cause(opening)
	cancel(nil)
	for _, n := range reached {
		t.run.Reached += n
	}
	if died != nil {
		return died
	}
	bar.done(fmt.Sprintf("%s connections, each answered, in %s", count3(t.run.Reached), short(took)))

	total, err := counts(slices.Concat(steps...))
	if err != nil {
		return err
	}
	t.lost = total.Lost
	t.run.lossReason(total)
	after, err := t.cluster.serverUsage(ctx, "usage")
	if err != nil {
		return errors.Join(firstOf(errs), err)
	}
	kernel, err := readKernel()
	if err != nil {
		return err
	}
	c := &connectPhase{
		Seconds:         took.Seconds(),
		PerSecond:       float64(t.run.Reached) / took.Seconds(),
		Failures:        total.Failures,
		Problem:         total.Problem,
		ListenOverflows: int64(kernel.ListenOverflows - t.before.ListenOverflows),
		ListenDrops:     int64(kernel.ListenDrops - t.before.ListenDrops),
		ServerMicros:    per(float64(after.cpu()-t.base.cpu())/1e3, t.run.Reached),
		Histogram:       total.Histogram,
	}
	h, err := quantiles(total.Histogram)
	if err != nil {
		return err
	}
	c.P50Micros, c.P99Micros, c.MaxMicros = h.micros(50), h.micros(99), h.micros(100)
	t.run.Connect = c
	switch failed := firstOf(errs); {
	case lowMemory.Load() > 0:
		t.run.Limit = fmt.Sprintf("memory: %s of %s were left at %s connections, and %s are kept free (-keep-free)",
			mib(lowMemory.Load()), mib(kernel.MemTotal), count3(t.run.Reached), mib(p.keepFree))
	case failed != nil && t.run.Reached == 0:
		return failed
	case failed != nil:
		t.run.Limit = failed.Error()
	}
	return nil
}
