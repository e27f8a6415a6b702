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

// A millionTrial takes one mode through the phases.
type millionTrial struct {
	plan    millionPlan
	cluster *cluster
	bars    *bars
	run     *millionRun

	lost   int64       // connections that ended while others were being opened
	before kernelUsage // before the first connection
	base   usages      // of the servers, then
	loads  usages
}

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
	if h, err := quantiles(total.Histogram); err == nil {
		c.P50Micros, c.P99Micros, c.MaxMicros = h.micros(50), h.micros(99), h.micros(100)
	}
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

// idle leaves everything alone, then reads what that takes.
func (t *millionTrial) idle(ctx context.Context) error {
	p := t.plan
	settle := t.bars.start("collect garbage", p.servers)
	idle, err := t.cluster.serverUsage(ctx, "gc")
	if err != nil {
		return err
	}
	settle.done("")

	bar := t.bars.start("idle", int(p.idle/time.Millisecond))
	begin := time.Now()
	cpuBefore, err := cpuOf(t.cluster.servers)
	if err != nil {
		return err
	}
	if err := t.cluster.watch(ctx, p.idle, func(d time.Duration) { bar.set(int(d / time.Millisecond)) }); err != nil {
		return err
	}
	cpuAfter, err := cpuOf(t.cluster.servers)
	if err != nil {
		return err
	}
	took := time.Since(begin)
	kernel, err := readKernel()
	if err != nil {
		return err
	}
	n := t.run.Reached
	r := &idlePhase{
		Seconds:      took.Seconds(),
		RSSPer:       per(float64(idle.rss()-t.base.rss()), n),
		RSSAllPer:    per(float64(idle.rss()), n),
		PSSPer:       per(float64(idle.pss()), n),
		HeapPer:      per(float64(idle.heap()-t.base.heap()), n),
		SlabPer:      per(float64(kernel.Slab-t.before.Slab), n),
		SocketMemPer: per(float64(kernel.SocketMem-t.before.SocketMem), n),
		KernelPer:    per(float64(kernel.Kernel-t.before.Kernel), n),
		Goroutines:   int(idle.goroutines()),
		CPUShare:     float64(cpuAfter-cpuBefore) / float64(took),
	}
	t.run.Idle = r

	// The collections come last: they wake everybody. One server at a time, for
	// all of them share a core.
	cycles := t.bars.start("GC cycles", p.servers)
	for i, s := range t.cluster.servers {
		var best *gcCycle
		for range 3 {
			reply, err := s.call(ctx, patience(1), request{Cmd: "cycle"})
			if err != nil {
				return err
			}
			if c := reply.Cycle; c != nil && (best == nil || c.CPU < best.CPU) {
				best = c
			}
		}
		if best != nil {
			r.GCCPUMillis += float64(best.CPU) / 1e6
			r.GCPauseMicros = max(r.GCPauseMicros, float64(best.Pause)/1e3)
		}
		cycles.set(i + 1)
	}
	cycles.done("")
	if r.Lost, err = t.check(ctx); err != nil {
		return err
	}
	r.Lost += t.lost
	found := fmt.Sprintf("%.0f B of user memory", r.RSSPer)
	if n >= minConnsForKernel {
		found += fmt.Sprintf(" and %.0f B of kernel memory", r.KernelPer)
	}
	bar.done(found + " per connection")
	return nil
}

// check looks for connections that have ended unasked.
func (t *millionTrial) check(ctx context.Context) (lost int64, err error) {
	replies, err := askAll(ctx, t.cluster.loads, patience(t.plan.loads), same(request{Cmd: "check"}))
	if err != nil {
		return 0, err
	}
	total, err := counts(replies)
	t.run.lossReason(total)
	return total.Lost, err
}

// askWatching asks the loads for something that takes so long, and gives up when a
// process ends meanwhile: the others would go on to the end of it.
func (t *millionTrial) askWatching(ctx context.Context, took time.Duration, bar *phaseBar, req func(i int) request) ([]reply, error) {
	asking, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := t.cluster.watch(asking, took, func(d time.Duration) { bar.set(int(d / time.Millisecond)) }); err != nil {
			cancel(err)
		}
	}()
	return askAll(asking, t.cluster.loads, took+patience(t.plan.loads), req)
}

// active sends messages at a constant rate over random connections.
func (t *millionTrial) active(ctx context.Context) error {
	p := t.plan
	bar := t.bars.start("active", int((p.warmup+p.duration)/time.Millisecond))
	rate := request{Cmd: "start", Rate: p.rate / float64(p.loads)}
	if _, err := askAll(ctx, t.cluster.loads, patience(p.loads), same(rate)); err != nil {
		return err
	}
	if err := t.cluster.watch(ctx, p.warmup, func(d time.Duration) { bar.set(int(d / time.Millisecond)) }); err != nil {
		return err
	}
	// A server that tells its usage stops for 10 ms or more, so it is asked outside
	// of the window. What it uses up is divided by the time between the answers.
	before, err := t.cluster.serverUsage(ctx, "usage")
	if err != nil {
		return err
	}
	if _, err := askAll(ctx, t.cluster.loads, patience(p.loads), same(request{Cmd: "begin"})); err != nil {
		return err
	}
	loadBefore, err := cpuOf(t.cluster.loads)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := t.cluster.watch(ctx, p.duration, func(d time.Duration) { bar.set(int((p.warmup + d) / time.Millisecond)) }); err != nil {
		return err
	}
	loadAfter, err := cpuOf(t.cluster.loads)
	if err != nil {
		return err
	}
	took := time.Since(began)
	replies, err := askAll(ctx, t.cluster.loads, patience(p.loads), same(request{Cmd: "end"}))
	if err != nil {
		return err
	}
	after, err := t.cluster.serverUsage(ctx, "usage")
	if err != nil {
		return err
	}
	stopped, err := askAll(ctx, t.cluster.loads, patience(p.loads), same(request{Cmd: "stop"}))
	if err != nil {
		return err
	}
	idle, err := counts(stopped)
	if err != nil {
		return err
	}

	t.run.lossReason(idle)
	a := &activePhase{Seconds: p.duration.Seconds(), Lost: idle.Lost}
	h := newHistogram()
	for _, r := range replies {
		if r.Traffic == nil {
			return errors.New("a load has told no traffic")
		}
		part, err := decodeHistogram(r.Traffic.Histogram)
		if err != nil {
			return fmt.Errorf("histogram of a load: %w", err)
		}
		h.Merge(part)
		a.Planned += r.Traffic.Planned
		a.Answered += r.Traffic.Messages
		a.Unanswered += r.Traffic.Unanswered
		a.PerSecond += float64(r.Traffic.Messages) / float64(r.Traffic.Elapsed) * 1e9
		a.LagMicros = max(a.LagMicros, float64(r.Traffic.LagP99)/1e3)
	}
	if a.Answered == 0 {
		return errors.New("no message was answered in the active phase")
	}
	if a.Unanswered == 0 {
		a.Unanswered = idle.Failures // of the warm-up, or planned after the window
	}
	a.UserMicros = after.share(before, userTime) * 1e6 / a.PerSecond
	a.SysMicros = after.share(before, systemTime) * 1e6 / a.PerSecond
	a.LoadShare = float64(loadAfter-loadBefore) / float64(took)
	q := histogram{h}
	a.P50Micros, a.P99Micros, a.P999Micros, a.MaxMicros = q.micros(50), q.micros(99), q.micros(99.9), q.micros(100)
	if a.Histogram, err = encodeHistogram(h); err != nil {
		return err
	}
	a.Trouble = (&sample{
		PerSecond: a.PerSecond, Unanswered: a.Unanswered, P99Micros: a.P99Micros,
		LagMicros: a.LagMicros, LoadShare: a.LoadShare / float64(max(1, len(p.loadCPUs))),
	}).trouble(p.rate)
	t.run.Active = a
	bar.done(fmt.Sprintf("%s msg/s, p50 %s, p99 %s, p99.9 %s", count3(int(a.PerSecond)),
		short(micros(a.P50Micros)), short(micros(a.P99Micros)), short(micros(a.P999Micros))))
	return nil
}

// broadcast sends one message to everybody, again and again while there is time.
func (t *millionTrial) broadcast(ctx context.Context) error {
	p := t.plan
	bar := t.bars.start("broadcast", int(p.duration/time.Millisecond))
	began := time.Now()
	b := &broadcastPhase{Size: p.broadcast}
	all := newHistogram()
	var cpu int64
	var first, last []float64
	for b.Times == 0 || time.Since(began) < p.duration {
		before, err := t.cluster.serverUsage(ctx, "usage")
		if err != nil {
			return err
		}
		at := monotonic() + int64(20*time.Millisecond) + int64(p.loads+p.servers)*int64(5*time.Millisecond)
		longest := p.timeout + time.Duration(t.run.Reached)*100*time.Microsecond
		var listened, sent []reply
		var listenErr, sendErr error
		var both sync.WaitGroup
		both.Go(func() {
			listened, listenErr = askAll(ctx, t.cluster.loads, longest+patience(p.loads),
				same(request{Cmd: "broadcast", Size: p.broadcast, At: at, Duration: int64(longest)}))
		})
		both.Go(func() {
			sent, sendErr = askAll(ctx, t.cluster.servers, longest+patience(p.servers),
				same(request{Cmd: "broadcast", Size: p.broadcast, At: at}))
		})
		both.Wait()
		if err := firstOf([]error{sendErr, listenErr}); err != nil {
			return err
		}
		after, err := t.cluster.serverUsage(ctx, "usage")
		if err != nil {
			return err
		}
		accepted, err := counts(sent)
		if err != nil {
			return err
		}
		delivered, err := counts(listened)
		if err != nil {
			return err
		}
		b.Accepted += accepted.Done
		b.Delivered += delivered.Done
		b.Lost += delivered.missed()
		t.run.lossReason(delivered)
		cpu += after.cpu() - before.cpu()
		if delivered.Done > 0 {
			first = append(first, float64(delivered.First-at)/1e6)
			last = append(last, float64(delivered.Last-at)/1e6)
		}
		if h, err := decodeHistogram(delivered.Histogram); err == nil {
			all.Merge(h)
		}
		b.Times++
		bar.set(int(time.Since(began) / time.Millisecond))
	}
	if b.Delivered == 0 {
		return errors.New("no connection has received the broadcast")
	}
	firstSpread, _ := spreadOf(first)
	lastSpread, _ := spreadOf(last)
	b.FirstMillis, b.LastMillis = firstSpread.Median, lastSpread.Median
	b.P50Millis = histogram{all}.micros(50) / 1e3
	b.ServerMicros = per(float64(cpu)/1e3, int(b.Delivered))
	b.PerCore = float64(b.Delivered) / float64(cpu) * 1e9
	var err error
	if b.Histogram, err = encodeHistogram(all); err != nil {
		return err
	}
	t.run.Broadcast = b
	bar.done(fmt.Sprintf("%d times to %s connections, the last after %s, %s per second and core", b.Times, count3(t.run.Reached),
		short(millis(b.LastMillis)), count3(int(b.PerCore))))
	return nil
}

// churn closes and reopens some connections while the others stay.
func (t *millionTrial) churn(ctx context.Context) error {
	p := t.plan
	bar := t.bars.start("churn", int(p.duration/time.Millisecond))
	before, err := t.cluster.serverUsage(ctx, "usage")
	if err != nil {
		return err
	}
	replies, err := t.askWatching(ctx, p.duration, bar,
		same(request{Cmd: "churn", Rate: p.churn / float64(p.loads), Duration: int64(p.duration)}))
	if err != nil {
		return err
	}
	after, err := t.cluster.serverUsage(ctx, "usage")
	if err != nil {
		return err
	}
	total, err := counts(replies)
	if err != nil {
		return err
	}
	t.run.lossReason(total)
	c := &churnPhase{
		Seconds:      p.duration.Seconds(),
		Planned:      p.churn,
		PerSecond:    float64(total.Done) / p.duration.Seconds(),
		Failures:     total.Failures,
		Problem:      total.Problem,
		ServerMicros: per(float64(after.cpu()-before.cpu())/1e3, int(total.Done)),
		Histogram:    total.Histogram,
		Lost:         total.Lost,
	}
	if q, err := quantiles(total.Histogram); err == nil {
		c.P50Micros, c.P99Micros = q.micros(50), q.micros(99)
	}
	t.run.Churn = c
	bar.done(fmt.Sprintf("%s connections closed and reopened per second", count3(int(c.PerSecond))))
	return nil
}

// patience is how long servers bear silence in the heartbeat phase. A connection
// is silent for an interval between two pings, and between being opened and its
// first ping for as long as connecting takes, if that is more.
func (p millionPlan) patience() time.Duration { return p.heartbeat * 3 / 2 }

// heartbeat has every connection ping, but for some that stay silent and that the
// server has to find and close.
func (t *millionTrial) heartbeat(ctx context.Context) error {
	p := t.plan
	every := p.heartbeat
	took := every*5/2 + time.Second
	bar := t.bars.start("heartbeat", int(took/time.Millisecond))
	before, err := t.cluster.serverUsage(ctx, "usage")
	if err != nil {
		return err
	}
	replies, err := t.askWatching(ctx, took, bar, func(i int) request {
		silent := int(float64(t.cluster.share[i]) * p.silent / 100)
		return request{Cmd: "heartbeat", Every: int64(every), N: silent, Duration: int64(took)}
	})
	if err != nil {
		return err
	}
	after, err := t.cluster.serverUsage(ctx, "usage")
	if err != nil {
		return err
	}
	total, err := counts(replies)
	if err != nil {
		return err
	}
	t.run.lossReason(total)
	h := &heartbeatPhase{
		EverySeconds: every.Seconds(),
		Seconds:      took.Seconds(),
		Pings:        total.Sent,
		Answered:     total.Done,
		Silent:       total.Silent,
		Found:        total.Found,
		ServerMicros: per(float64(after.cpu()-before.cpu())/1e3, int(total.Sent)),
		CPUShare:     after.share(before, cpuTime),
		Lost:         total.Lost + t.lost,
	}
	if q, err := quantiles(total.Histogram); err == nil {
		h.P50Seconds, h.MaxSeconds = q.micros(50)/1e6, q.micros(100)/1e6
	}
	t.run.Heartbeat = h
	bar.done(fmt.Sprintf("%s pings, %s of %s silent connections found", count3(int(h.Pings)), count3(int(h.Found)), count3(int(h.Silent))))
	return nil
}

// teardown closes everything, and waits until the servers have too.
func (t *millionTrial) teardown(ctx context.Context) error {
	p := t.plan
	bar := t.bars.start("tear-down", t.run.Reached)
	began := time.Now()
	if _, err := askAll(ctx, t.cluster.loads, p.timeout+patience(p.loads), same(request{Cmd: "close"})); err != nil {
		return err
	}
	patient := time.Now().Add(p.timeout + time.Duration(t.run.Reached)*100*time.Microsecond)
	var left int64
	for {
		u, err := usageOf(ctx, t.cluster.servers, "sockets")
		if err != nil {
			return err
		}
		left = max(0, u.descriptors()-t.base.descriptors())
		bar.set(t.run.Reached - int(left))
		if left == 0 || time.Now().After(patient) {
			break
		}
		if err := t.cluster.watch(ctx, 100*time.Millisecond, func(time.Duration) {}); err != nil {
			return err
		}
	}
	took := time.Since(began)
	after, err := t.cluster.serverUsage(ctx, "gc")
	if err != nil {
		return err
	}
	t.run.Teardown = &teardownPhase{
		Seconds:     took.Seconds(),
		Left:        left,
		RSSLeftPer:  per(float64(after.rss()-t.base.rss()), t.run.Reached),
		HeapLeftPer: per(float64(after.heap()-t.base.heap()), t.run.Reached),
	}
	bar.done(fmt.Sprintf("%s, %d connections left", short(took), left))
	return nil
}

func per(total float64, n int) float64 {
	if n == 0 {
		return 0
	}
	return total / float64(n)
}
