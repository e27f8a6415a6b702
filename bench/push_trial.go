//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// A pushTrial takes one peer through the phases. Connecting, resting and the end
// are those of million.
type pushTrial struct {
	millionTrial
	plan pushPlan
}

// measure takes the peer through all phases and leaves no process and no file
// behind. What it has found before a failure is in the run, with the failure.
func (p pushPlan) measure(ctx context.Context, group string, round, rounds int, stderr io.Writer) *millionRun {
	run := &millionRun{Round: round, ServerProcesses: p.servers, LoadProcesses: p.loads}
	title := fmt.Sprintf("%s, %s", p.mode.name, group)
	if rounds > 1 {
		title += fmt.Sprintf(", round %d of %d", round, rounds)
	}
	bars := newBars(stderr, title)
	defer bars.clear()
	if err := p.phases(ctx, run, bars, stderr); err != nil {
		run.Error = err.Error()
	}
	return run
}

func (p pushPlan) phases(ctx context.Context, run *millionRun, bars *bars, stderr io.Writer) error {
	starting := bars.start("start processes", p.servers+p.loads)
	// The loads' board, and what a server logs. It is the parent's, which is still
	// there when a server was killed.
	dir, err := os.MkdirTemp("", "bench-push-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := p.start(ctx, dir, stderr)
	if err != nil {
		return err
	}
	starting.done(fmt.Sprintf("%d server and %d load processes", p.servers, p.loads))
	defer func() {
		ending := bars.start("end processes", p.servers+p.loads)
		c.stop()
		ending.done("")
	}()
	t := &pushTrial{millionTrial: millionTrial{plan: p.millionPlan, cluster: c, bars: bars, run: run}, plan: p}
	if p.mode.name == "push-data" { // which has files open
		t.sockets = t.attached
	}
	for _, phase := range []struct {
		name string
		on   bool
		run  func(context.Context) error
	}{
		{"connect", true, t.connect},
		{"idle", p.options.has("idle"), t.idle},
		{"profile", p.options.cpuprofile != "", t.profile("profile")},
		{"deliver", p.options.has("deliver"), t.deliver},
		{"herd", p.options.has("herd") && resumes(p.mode.name), t.herd},
		{"profile", p.options.cpuprofile != "", t.profile("stop-profile")},
		{"tear-down", true, t.teardown},
	} {
		if !phase.on {
			continue
		}
		if err := phase.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
	}
	return nil
}

// start starts the server, then the loads, a few at a time.
func (p pushPlan) start(ctx context.Context, dir string, stderr io.Writer) (_ *cluster, err error) {
	c := &cluster{servers: make([]*child, 1), loads: make([]*child, p.loads), share: make([]int, p.loads)}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	board := ""
	if p.loads > 1 {
		if board, err = createBoard(dir, p.loads, p.topics); err != nil {
			return c, err
		}
	}
	server, hello, err := startChild(ctx, p.mode.name+" server", p.serverCPUs, stderr,
		"serve", "-bench", pushName, "-peer", p.mode.peer, "-keepalive", p.keepAlive.String(), "-dir", dir)
	c.servers[0] = server
	if err != nil {
		return c, err
	}
	var starting errgroup.Group
	starting.SetLimit(8)
	for i := range p.loads {
		first := p.conns * i / p.loads
		c.share[i] = p.conns*(i+1)/p.loads - first
		starting.Go(func() (err error) {
			c.loads[i], _, err = startChild(ctx, fmt.Sprintf("load %d", i+1), p.loadCPUs, stderr, "push-load",
				"-peer", p.mode.peer,
				"-addr", hello.Addr,
				"-source", sourceAddresses(i, (p.conns+p.loads)/p.loads),
				"-conns", strconv.Itoa(c.share[i]),
				"-first", strconv.Itoa(first),
				"-all", strconv.Itoa(p.conns),
				"-loads", strconv.Itoa(p.loads),
				"-index", strconv.Itoa(i),
				"-topics", strconv.Itoa(p.topics),
				"-size", strconv.Itoa(p.size),
				"-qos", strconv.Itoa(p.qos),
				"-window", strconv.Itoa(p.window),
				"-at-once", strconv.Itoa(max(p.options.atOnce/p.loads, 1)),
				"-timeout", p.timeout.String(),
				"-board", board)
			return err
		})
	}
	return c, starting.Wait()
}

// profile has the server begin or end one.
func (t *pushTrial) profile(cmd string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := t.cluster.servers[0].call(ctx, patience(1), request{Cmd: cmd, File: t.plan.options.cpuprofile})
		return err
	}
}

// cpus reads what the server and the loads have used so far.
func (t *pushTrial) cpus() (server, load int64, err error) {
	server, err = cpuOf(t.cluster.servers)
	if err != nil {
		return 0, 0, err
	}
	load, err = cpuOf(t.cluster.loads)
	return server, load, err
}

// sleepUntil sleeps until a reading of monotonic, or until a process ends.
func (t *pushTrial) sleepUntil(ctx context.Context, at int64) error {
	for {
		left := time.Duration(at - monotonic())
		if left <= 0 {
			return t.cluster.alive()
		}
		timer := time.NewTimer(min(left, 250*time.Millisecond))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
		if err := t.cluster.alive(); err != nil {
			return err
		}
	}
}

// deliver publishes and receives.
func (t *pushTrial) deliver(ctx context.Context) error {
	p := t.plan
	bar := t.bars.start("deliver", int((p.warmup+p.duration)/time.Millisecond))
	before, err := t.stats(ctx)
	if err != nil {
		return err
	}
	at := monotonic() + int64(50*time.Millisecond) + int64(p.loads)*int64(5*time.Millisecond)
	from := at + int64(p.warmup)
	to := from + int64(p.duration)

	asking, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var replies []reply
	asked := make(chan error, 1)
	go func() {
		var err error
		replies, err = askAll(asking, t.cluster.loads, p.warmup+p.duration+2*p.timeout+patience(p.loads), same(request{
			Cmd: "deliver", At: at, Warmup: int64(p.warmup), Duration: int64(p.duration),
			Rate: float64(p.options.rate), N: p.window,
		}))
		asked <- err
	}()
	// The moments are read here, for the server would have to be woken to tell its
	// usage, and a busy one would tell it late.
	moments := func() (window, serverCPU, loadCPU int64, err error) {
		if err := t.sleepUntil(asking, from); err != nil {
			return 0, 0, 0, err
		}
		begin := monotonic()
		server, load, err := t.cpus()
		if err != nil {
			return 0, 0, 0, err
		}
		bar.set(int(p.warmup / time.Millisecond))
		if err := t.sleepUntil(asking, to); err != nil {
			return 0, 0, 0, err
		}
		end := monotonic()
		serverAfter, loadAfter, err := t.cpus()
		return end - begin, serverAfter - server, loadAfter - load, err
	}
	window, serverCPU, loadCPU, err := moments()
	if err != nil {
		cancel(err)
		if askErr := <-asked; askErr != nil && !errors.Is(askErr, err) {
			return askErr
		}
		return err
	}
	if err := <-asked; err != nil {
		return err
	}
	after, err := t.stats(ctx)
	if err != nil {
		return err
	}
	total, h, lag, err := pushCounts(replies)
	if err != nil {
		return err
	}
	if total.Delivered == 0 || window <= 0 {
		return errors.New("nothing was delivered: " + total.Problem)
	}
	t.reason(total)
	d := &deliverPhase{
		Seconds:     p.duration.Seconds(),
		Published:   total.Published,
		Unpublished: total.Unpublished,
		Delivered:   total.Delivered,
		PerSecond:   float64(total.Delivered) / p.duration.Seconds(),
		ServerShare: float64(serverCPU) / float64(window),
		LoadShare:   float64(loadCPU) / float64(window),
		P50Micros:   h.micros(50),
		P99Micros:   h.micros(99),
		P999Micros:  h.micros(99.9),
		MaxMicros:   h.micros(100),
		LagMicros:   lag.micros(99),
		Dropped:     after["dropped"] - before["dropped"],
		Duplicates:  total.Duplicates,
		Lost:        total.Lost + total.Ended,
	}
	if p.options.rate == 0 {
		d.Window = p.window
	}
	d.PublishedPerSecond = float64(total.Published) / (p.warmup + p.duration).Seconds()
	// The readings were taken a moment late, both of them: the share is right.
	d.ServerMicros = per(d.ServerShare*d.Seconds*1e6, int(d.Delivered))
	if d.ServerShare > 0 {
		d.PerCore = d.PerSecond / d.ServerShare
	}
	d.Trouble = d.trouble(float64(p.options.rate) * float64(t.run.Reached) / float64(p.topics))
	if d.Histogram, err = encodeHistogram(h.Histogram); err != nil {
		return err
	}
	t.run.Deliver = d
	bar.done(fmt.Sprintf("%s deliveries/s, %s per core, p99 %s", count3(int(d.PerSecond)), count3(int(d.PerCore)), short(micros(d.P99Micros))))
	return nil
}

// trouble says what a reader of the figures has to know. planned is deliveries per
// second, 0 in a closed loop.
func (d *deliverPhase) trouble(planned float64) string {
	switch {
	case d.Dropped > 0:
		return fmt.Sprintf("the server has dropped %s messages of QoS 0", count3(int(d.Dropped)))
	case planned > 0 && d.PerSecond < 0.98*planned:
		return fmt.Sprintf("only %s of %s deliveries per second: latencies tell how long the queue was", count3(int(d.PerSecond)), count3(int(planned)))
	case planned == 0 && d.ServerShare < 0.9 && d.LoadShare > 0.9:
		return fmt.Sprintf("the pace was the load's, which was busy all the time, the server for %.0f%% of it: deliveries per core tell what the server can do", 100*d.ServerShare)
	case planned > 0 && d.LagMicros > d.P50Micros/2:
		return fmt.Sprintf("the publisher itself was %s late: that is in the latencies", short(micros(d.LagMicros)))
	}
	return ""
}

// reason keeps how the first loss came about.
func (t *pushTrial) reason(c pushCount) {
	if t.run.lostBy == "" && c.Lost+c.Ended+c.Duplicates > 0 {
		t.run.lostBy = c.Problem
	}
}

// stats asks the server what it counts itself.
func (t *pushTrial) stats(ctx context.Context) (map[string]int64, error) {
	r, err := t.cluster.servers[0].call(ctx, patience(1), request{Cmd: "stats"})
	return r.Stats, err
}

// pushCounts adds up what the loads have found.
func pushCounts(replies []reply) (total pushCount, took, lag histogram, err error) {
	took, lag = histogram{newHistogram()}, histogram{newHistogram()}
	for _, r := range replies {
		c := r.Push
		if c == nil {
			continue
		}
		total.Open += c.Open
		total.Published += c.Published
		total.Unpublished += c.Unpublished
		total.Delivered += c.Delivered
		total.Lost += c.Lost
		total.Duplicates += c.Duplicates
		total.Ended += c.Ended
		total.Failures += c.Failures
		total.SentAway += c.SentAway
		total.Unrecovered += c.Unrecovered
		total.CaughtUp += c.CaughtUp
		if total.Problem == "" {
			total.Problem = c.Problem
		}
		for into, text := range map[*histogram]string{&took: c.Histogram, &lag: c.Lag} {
			h, err := quantiles(text)
			if err != nil {
				return total, took, lag, fmt.Errorf("histogram of a load: %w", err)
			}
			into.Merge(h.Histogram)
		}
	}
	return total, took, lag, nil
}
