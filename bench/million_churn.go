//go:build unix

package main

import (
	"context"
	"fmt"
	"time"
)

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
	q, err := quantiles(total.Histogram)
	if err != nil {
		return err
	}
	c.P50Micros, c.P99Micros = q.micros(50), q.micros(99)
	t.run.Churn = c
	bar.done(fmt.Sprintf("%s connections closed and reopened per second", count3(int(c.PerSecond))))
	return nil
}
