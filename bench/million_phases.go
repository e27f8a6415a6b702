//go:build unix

package main

import (
	"context"
	"fmt"
	"time"
)

// A millionTrial takes one mode through the phases.
type millionTrial struct {
	plan    millionPlan
	cluster *cluster
	bars    *bars
	run     *millionRun

	// sockets, if set, tells how many connections the servers have. By default that
	// is descriptors, of which some servers have others, too.
	sockets func(context.Context) (int64, error)

	lost   int64       // connections that ended while others were being opened
	before kernelUsage // before the first connection
	base   usages      // of the servers, then
	loads  usages
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
		var err error
		if left, err = t.left(ctx); err != nil {
			return err
		}
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

// left counts the connections that the servers have beside those at the beginning.
func (t *millionTrial) left(ctx context.Context) (int64, error) {
	if t.sockets != nil {
		return t.sockets(ctx)
	}
	u, err := usageOf(ctx, t.cluster.servers, "sockets")
	return max(0, u.descriptors()-t.base.descriptors()), err
}

func per(total float64, n int) float64 {
	if n == 0 {
		return 0
	}
	return total / float64(n)
}
