//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// herd cuts all subscribers off, publishes, and has all of them come back at once.
func (t *pushTrial) herd(ctx context.Context) error {
	p := t.plan
	bar := t.bars.start("herd", 0)
	if err := t.scatter(ctx); err != nil {
		return err
	}
	publish := p.timeout + time.Duration(p.options.missed*p.topics)*time.Millisecond
	if _, err := t.cluster.loads[0].call(ctx, publish+patience(1), request{Cmd: "fill", N: p.options.missed, Duration: int64(publish)}); err != nil {
		return err
	}
	before, err := t.stats(ctx)
	if err != nil {
		return err
	}
	longest := 2*p.timeout + time.Duration(t.run.Reached)*(time.Millisecond+time.Duration(p.options.missed)*20*time.Microsecond)
	at := monotonic() + int64(50*time.Millisecond) + int64(p.loads)*int64(5*time.Millisecond)
	server, load, err := t.cpus()
	if err != nil {
		return err
	}
	replies, err := t.askWatching(ctx, longest, bar, same(request{Cmd: "resume", At: at, Duration: int64(longest)}))
	if err != nil {
		return err
	}
	took := monotonic() - at
	serverAfter, loadAfter, err := t.cpus()
	if err != nil {
		return err
	}
	after, err := t.stats(ctx)
	if err != nil {
		return err
	}
	total, h, _, err := pushCounts(replies)
	if err != nil {
		return err
	}
	if total.CaughtUp == 0 {
		return errors.New("nobody has got what was published: " + total.Problem)
	}
	t.reason(total)
	r := &herdPhase{
		Missed:      p.options.missed,
		Seconds:     h.micros(100) / 1e6,
		P50Seconds:  h.micros(50) / 1e6,
		P99Seconds:  h.micros(99) / 1e6,
		CaughtUp:    total.CaughtUp,
		ServerShare: float64(serverAfter-server) / float64(took),
		LoadShare:   float64(loadAfter-load) / float64(took),
		Failures:    total.Failures,
		SentAway:    total.SentAway,
		Deferred:    after["deferred"] - before["deferred"],
		Unrecovered: total.Unrecovered,
		Duplicates:  total.Duplicates,
		Lost:        total.Lost + total.Ended,
	}
	r.ServerMicros = per(float64(serverAfter-server)/1e3, int(r.CaughtUp))
	r.PerSecond = float64(r.CaughtUp) * float64(r.Missed) / r.Seconds
	if r.Histogram, err = encodeHistogram(h.Histogram); err != nil {
		return err
	}
	t.run.Herd = r
	bar.done(fmt.Sprintf("%s subscribers have %d messages each after %s", count3(int(r.CaughtUp)), r.Missed, short(seconds(r.Seconds))))
	return nil
}

// scatter cuts all subscribers off and waits until the server knows.
func (t *pushTrial) scatter(ctx context.Context) error {
	if _, err := askAll(ctx, t.cluster.loads, patience(t.plan.loads), same(request{Cmd: "cut"})); err != nil {
		return err
	}
	for end := time.Now().Add(t.plan.timeout); ; {
		attached, err := t.attached(ctx)
		if err != nil {
			return err
		}
		if attached <= 1 { // the publisher
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the server still has %d of the connections that were cut off %v ago", attached-1, t.plan.timeout)
		}
		if err := t.cluster.watch(ctx, 10*time.Millisecond, func(time.Duration) {}); err != nil {
			return err
		}
	}
}

// attached asks the server how many connections it has.
func (t *pushTrial) attached(ctx context.Context) (int64, error) {
	stats, err := t.stats(ctx)
	return stats["attached"], err
}
