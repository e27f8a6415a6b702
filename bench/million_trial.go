//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// measure takes the mode through all phases and leaves no process behind. What it
// has found before a failure is in the run, with the failure.
func (p millionPlan) measure(ctx context.Context, round, rounds int, stderr io.Writer) *millionRun {
	run := &millionRun{Round: round, ServerProcesses: p.servers, LoadProcesses: p.loads}
	title := fmt.Sprintf("%s, %s connections", p.mode.name, count3(p.conns))
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

func (p millionPlan) phases(ctx context.Context, run *millionRun, bars *bars, stderr io.Writer) error {
	starting := bars.start("start processes", p.servers+p.loads)
	c, err := startCluster(ctx, p, stderr)
	if err != nil {
		return err
	}
	starting.done(fmt.Sprintf("%d server and %d load processes", p.servers, p.loads))
	defer func() {
		ending := bars.start("end processes", p.servers+p.loads)
		c.stop()
		ending.done("")
	}()

	t := &millionTrial{plan: p, cluster: c, bars: bars, run: run}
	hearts := p.heartbeat > 0                                              // which ends connections that the other phases leave silent
	broadcast := p.broadcast > 0 && p.mode.bench.name != "http" && !hearts // with HTTP nobody waits for one
	for _, phase := range []struct {
		name string
		on   bool
		run  func(context.Context) error
	}{
		{"connect", true, t.connect},
		{"heartbeat", hearts, t.heartbeat},
		{"idle", !hearts, t.idle},
		{"active", !hearts && p.rate > 0, t.active},
		{"broadcast", broadcast, t.broadcast},
		{"churn", !hearts && p.churn > 0, t.churn},
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

// lossReason keeps how the first loss came about.
func (r *millionRun) lossReason(c count) {
	if c.Lost > 0 && r.lostBy == "" {
		r.lostBy = c.Problem
	}
}

// problem says why a run is not what was asked for, "" if it is.
func (r *millionRun) problem(conns int) string {
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if r.Error != "" {
		add("%s", r.Error)
	}
	if r.Reached < conns {
		text := fmt.Sprintf("%s of %s connections were reached", count3(r.Reached), count3(conns))
		if r.Limit != "" {
			text += ": " + r.Limit
		}
		add("%s", text)
	}
	if a := r.Active; a != nil && a.Unanswered > 0 {
		add("active: %s messages were not answered in time", count3(int(a.Unanswered)))
	}
	if c := r.Churn; c != nil && c.Failures > 0 {
		add("churn: %s attempts to connect failed: %s", count3(int(c.Failures)), c.Problem)
	}
	if h := r.Heartbeat; h != nil && h.Found < h.Silent {
		add("heartbeat: only %d of %d silent connections were found", h.Found, h.Silent)
	}
	if h := r.Heartbeat; h != nil && h.Answered < h.Pings {
		add("heartbeat: %s pings were not answered in time", count3(int(h.Pings-h.Answered)))
	}
	if d := r.Deliver; d != nil && d.Unpublished > 0 {
		add("deliver: %s planned messages were not published in time", count3(int(d.Unpublished)))
	}
	if h := r.Herd; h != nil && h.CaughtUp < int64(r.Reached) {
		add("herd: only %s subscribers have caught up", count3(int(h.CaughtUp)))
	}
	if h := r.Herd; h != nil && h.Unrecovered > 0 {
		add("herd: %s subscriptions could not go on where they were", count3(int(h.Unrecovered)))
	}
	if twice := r.duplicates(); twice > 0 {
		add("%s messages came twice", count3(int(twice)))
	}
	if lost := r.lost(); lost > 0 {
		text := fmt.Sprintf("%s connections or messages were lost", count3(int(lost)))
		if r.lostBy != "" {
			text += ": " + r.lostBy
		}
		add("%s", text)
	}
	if t := r.Teardown; t != nil && t.Left > 0 {
		add("tear-down: %s sockets were left in the servers", count3(int(t.Left)))
	}
	return strings.Join(problems, "; ")
}

// remark says what a reader of the figures has to know, though nothing has failed.
func (r *millionRun) remark() string {
	var remarks []string
	add := func(format string, args ...any) { remarks = append(remarks, fmt.Sprintf(format, args...)) }
	if c := r.Connect; c != nil && c.Failures > 0 {
		add("connect: %s attempts were repeated: %s", count3(int(c.Failures)), c.Problem)
	}
	if a := r.Active; a != nil && a.Trouble != "" {
		add("active: %s", a.Trouble)
	}
	if d := r.Deliver; d != nil && d.Trouble != "" {
		add("deliver: %s", d.Trouble)
	}
	if c, h := r.Connect, r.Heartbeat; h != nil && c.Seconds > 1.4*h.EverySeconds {
		add("heartbeat: connecting took %s, so that the first connections were found silent before they had a chance; choose a longer -heartbeat",
			short(seconds(c.Seconds)))
	}
	if c := r.Churn; c != nil && c.PerSecond < 0.9*c.Planned {
		add("churn: only %s of %s connections per second", count3(int(c.PerSecond)), count3(int(c.Planned)))
	}
	return strings.Join(remarks, "; ")
}
