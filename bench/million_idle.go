//go:build unix

package main

import (
	"context"
	"fmt"
	"time"
)

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
