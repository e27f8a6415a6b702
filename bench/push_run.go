//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A pushPlan is one peer with one number of subscribers and of topics. What phases
// have in common with million stands in the plan for those.
type pushPlan struct {
	millionPlan
	options *pushOptions
	topics  int
	window  int // publications under way
	qos     int
}

// windowFor is how many publications may be under way in a closed loop: as many as
// keep a server busy whose deliveries are some us each, and no more than a chat
// server's queue of 256 holds.
func (o *pushOptions) windowFor(conns, topics int) int {
	if o.window > 0 {
		return o.window
	}
	return min(max(40_000*topics/conns, 4), 256)
}

func (o *pushOptions) run(ctx context.Context, command []string, modes []millionMode, stdout, stderr io.Writer) error {
	stderr = shared(stderr)
	serverCPUs, loadCPUs, err := (&options{serverCores: o.serverCores}).place()
	if err != nil {
		return err
	}
	wants := func(conns int) plan {
		// One for the publisher. A server is one process: what one subscriber
		// publishes, those of another process would not get.
		p := plan{Conns: conns + 1, Servers: 1, Loads: o.loads, AtOnce: o.atOnce}
		for _, m := range modes {
			if one := (modePlan{Name: m.name}); !slices.Contains(p.Modes, one) {
				p.Modes = append(p.Modes, one)
			}
		}
		return p
	}
	needs, err := assess(wants(slices.Max(o.conns)))
	if err != nil {
		return err
	}
	r := &millionReport{
		Benchmark: pushName,
		Time:      time.Now().UTC().Format(time.RFC3339),
		Command:   command,
		Machine:   thisMachine(),
		Needs:     needs,
		Settings: millionSettings{
			Rounds: o.rounds, Size: o.size, ServerCPUs: serverCPUs, LoadCPUs: loadCPUs, KeepAliveSeconds: -1,
			ActiveSeconds: o.duration.Seconds(), WarmupSeconds: o.warmup.Seconds(), IdleSeconds: o.idle.Seconds(),
			Push: &pushSettings{
				Topics: o.topics, Phases: strings.Split(o.phases, ","), QoS: o.qos, Rate: float64(o.rate), Window: o.window,
				Missed: o.missed, AtOnce: o.atOnce,
			},
		},
	}
	for _, m := range modes {
		r.Settings.Modes = append(r.Settings.Modes, m.name)
	}
	text := stdout
	var file *resultFile
	switch o.json {
	case "":
	case "-":
		text = io.Discard
	default:
		if file, err = newResultFile(o.json); err != nil { // now, not after an hour of measuring
			return fmt.Errorf("-json: %w", err)
		}
	}
	fmt.Fprintln(text, r.header())
	if err := needs.writeText(text); err != nil {
		return err
	}
	for _, conns := range o.conns {
		if needs, err = assess(wants(conns)); err != nil {
			return err
		}
		if possible := needs.possibleForSure() - 1; possible < conns {
			return fmt.Errorf("%s subscribers cannot be had here, %s can, in one server process: see the table above for what to change",
				count3(conns), count3(max(possible, 0)))
		}
		for _, topics := range o.topics {
			g := newGroup(conns, modes)
			g.Topics, g.Base = topics, pushBase(modes).name
			r.Groups = append(r.Groups, g)
			if err := o.measure(ctx, r, g, modes, max(1, min(needs.Loads, conns)), stderr); err != nil {
				return err
			}
			g.summarize()
			if err := g.writeText(text, o.rounds); err != nil {
				return err
			}
		}
	}
	switch {
	case file != nil:
		err = file.keep(r)
	case o.json == "-":
		err = writeJSON(stdout, r)
	}
	if err != nil {
		return fmt.Errorf("-json: %w", err)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(text, "\n%s\n", note)
	}
	failed := 0
	for _, g := range r.Groups {
		for _, m := range g.Modes {
			failed += len(slices.DeleteFunc(slices.Clone(m.Runs), func(run *millionRun) bool { return run.problem(g.Conns) == "" }))
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d measurements are not complete: the report says why, and what was found until then",
			failed, len(r.Groups)*o.rounds*len(modes))
	}
	return nil
}

// measure takes all peers through all rounds of a group.
func (o *pushOptions) measure(ctx context.Context, r *millionReport, g *millionGroup, modes []millionMode, loads int, stderr io.Writer) error {
	if o.has("herd") {
		for i, m := range g.Modes {
			if !resumes(m.Mode) && !m.Again && !slices.ContainsFunc(g.Modes[:i], func(e *millionRow) bool { return !resumes(e.Mode) }) {
				r.note("herd: peers whose clients do not resume, such as %s, are left out of it", m.Mode)
			}
		}
	}
	for round := 1; round <= o.rounds; round++ {
		for i, m := range modes {
			p := pushPlan{
				millionPlan: millionPlan{
					mode: m, conns: g.Conns, servers: 1, loads: loads, size: o.size,
					duration: o.duration, warmup: o.warmup, idle: o.idle, keepAlive: -1,
					timeout: o.timeout, keepFree: int64(o.keepFree) << 20,
					serverCPUs: r.Settings.ServerCPUs, loadCPUs: r.Settings.LoadCPUs,
				},
				options: o, topics: g.Topics, window: o.windowFor(g.Conns, g.Topics), qos: o.qos,
			}
			if m.name == "push-data" {
				p.qos = 1
			}
			run := p.measure(ctx, g.title(), round, o.rounds, stderr)
			if ctx.Err() != nil {
				return errInterrupted
			}
			g.Modes[i].Runs = append(g.Modes[i].Runs, run)
			for _, text := range []string{run.problem(g.Conns), run.remark()} {
				if text != "" {
					r.note("%s, %s, round %d: %s", m.name, g.title(), round, text)
				}
			}
		}
	}
	return nil
}

// note adds a note that is not there yet.
func (r *millionReport) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}
