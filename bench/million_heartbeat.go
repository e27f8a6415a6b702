//go:build unix

package main

import (
	"context"
	"fmt"
	"time"
)

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
	q, err := quantiles(total.Histogram)
	if err != nil {
		return err
	}
	h.P50Seconds, h.MaxSeconds = q.micros(50)/1e6, q.micros(100)/1e6
	t.run.Heartbeat = h
	bar.done(fmt.Sprintf("%s pings, %s of %s silent connections found", count3(int(h.Pings)), count3(int(h.Found)), count3(int(h.Silent))))
	return nil
}
