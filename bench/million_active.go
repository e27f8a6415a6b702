//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

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
