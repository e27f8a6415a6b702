//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

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
		h, err := quantiles(delivered.Histogram)
		if err != nil {
			return err
		}
		all.Merge(h.Histogram)
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
