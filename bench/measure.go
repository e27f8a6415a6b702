//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// A trial is one measurement: one peer, alone, for a while.
type trial struct {
	benchmark  string
	peer       string
	request    string
	work       string
	conns      int
	size       int64
	pipeline   int
	rate       float64
	warmup     time.Duration
	duration   time.Duration
	timeout    time.Duration
	serverCPUs []int
	loadCPUs   []int
	profile    string // file for a CPU profile of the server, or ""
}

// A sample is what one trial has found.
type sample struct {
	Round       int     `json:"round"`
	Seconds     float64 `json:"seconds"`
	Messages    int64   `json:"messages"`
	Bytes       int64   `json:"bytes"` // one way
	PerSecond   float64 `json:"messages_per_second"`
	UserMicros  float64 `json:"user_us_per_message"`
	SysMicros   float64 `json:"system_us_per_message"`
	P50Micros   float64 `json:"p50_us"`
	P99Micros   float64 `json:"p99_us"`
	P999Micros  float64 `json:"p999_us"`
	P9999Micros float64 `json:"p9999_us"`
	MaxMicros   float64 `json:"max_us"`
	Allocs      float64 `json:"allocs_per_message"`
	BytesPer    float64 `json:"rss_anon_bytes_per_connection"` // not yet a figure below minConnsForRSS
	GCMicros    float64 `json:"gc_us_per_message"`             // of user and system, as the runtime estimates it
	HeapPer     float64 `json:"heap_bytes_per_connection"`
	IdleRSS     int64   `json:"rss_anon_bytes_idle"` // with all connections open
	Goroutines  int     `json:"goroutines_idle"`
	ServerShare float64 `json:"server_cpu_share"` // of one core
	LoadShare   float64 `json:"load_busy_share"`  // of the time: how often the load had something to do
	Histogram   string  `json:"histogram"`        // latencies in ns, HdrHistogram V2

	// At a constant rate only.
	Planned    int64   `json:"planned,omitempty"`    // messages that fell due
	Unanswered int64   `json:"unanswered,omitempty"` // of those, some time after the end
	LagMicros  float64 `json:"lag_p99_us,omitempty"` // how late the load looked at what was due
}

// cpuMicros is the figure that matters: server CPU per message.
func (s *sample) cpuMicros() float64 { return s.UserMicros + s.SysMicros }

// measure runs one trial in two new processes and leaves none behind.
func (t trial) measure(ctx context.Context, stderr io.Writer) (s sample, err error) {
	server, hello, err := startChild(ctx, t.peer+" server", t.serverCPUs, stderr, "serve", "-bench", t.benchmark, "-peer", t.peer, "-work", t.work)
	if err != nil {
		return s, err
	}
	defer server.stop()
	// When a server dies the load sees it first, as a connection that breaks.
	// The reason is the end of the server.
	defer func() {
		if err == nil || ctx.Err() != nil {
			return
		}
		select {
		case <-server.done:
			if death := server.death(); err.Error() != death.Error() {
				err = fmt.Errorf("%w (%v)", death, err)
			}
		case <-time.After(200 * time.Millisecond):
		}
	}()
	load, _, err := startChild(ctx, "load", t.loadCPUs, stderr, "load",
		"-bench", t.benchmark,
		"-addr", hello.Addr,
		"-request", t.request,
		"-rate", strconv.FormatFloat(t.rate, 'g', -1, 64),
		"-polite="+strconv.FormatBool(t.sharesCore()),
		"-conns", strconv.Itoa(t.conns),
		"-size", strconv.FormatInt(t.size, 10),
		"-pipeline", strconv.Itoa(t.pipeline),
		"-timeout", t.timeout.String())
	if err != nil {
		return s, err
	}
	defer load.stop()

	ask := func(c *child, cmd string) (r reply, err error) {
		return c.call(ctx, openTimeout(t.timeout, t.conns)+5*time.Second, request{Cmd: cmd})
	}
	askUsage := func(cmd string) (usage, error) {
		r, err := ask(server, cmd)
		if err == nil && r.Usage == nil {
			err = errors.New("the server has told no usage")
		}
		if err != nil {
			return usage{}, err
		}
		return *r.Usage, nil
	}

	// Memory first: before any load has stretched the buffers.
	if _, err := ask(load, "prime"); err != nil {
		return s, err
	}
	empty, err := askUsage("gc")
	if err != nil {
		return s, err
	}
	if _, err := ask(load, "open"); err != nil {
		return s, err
	}
	idle, err := askUsage("gc")
	if err != nil {
		return s, err
	}

	if _, err := ask(load, "start"); err != nil {
		return s, err
	}
	if err := hold(ctx, t.warmup, server, load); err != nil {
		return s, err
	}
	if t.profile != "" {
		if _, err := server.call(ctx, t.timeout, request{Cmd: "profile", File: t.profile}); err != nil {
			return s, err
		}
	}
	if _, err := ask(load, "begin"); err != nil {
		return s, err
	}
	before, err := askUsage("usage")
	if err != nil {
		return s, err
	}
	if err := hold(ctx, t.duration, server, load); err != nil {
		return s, err
	}
	end, err := ask(load, "end")
	if err != nil {
		return s, err
	}
	if end.Traffic == nil {
		return s, errors.New("the load has told no traffic")
	}
	after, err := askUsage("usage")
	if err != nil {
		return s, err
	}
	if t.profile != "" {
		if _, err := ask(server, "stop-profile"); err != nil {
			return s, err
		}
	}
	return newSample(*end.Traffic, before, after, empty, idle, t.conns)
}

// sharesCore tells whether the load may have to share its core with the server.
func (t trial) sharesCore() bool {
	return len(t.loadCPUs) == 0 || slices.Contains(t.serverCPUs, t.loadCPUs[0])
}

// newSample computes the figures of a trial.
//
// The load and the server are asked one after the other, so their windows are
// the same but for the time it takes to answer, some milliseconds on a busy
// core. Messages flow before and after, at the same pace. So the cost of a
// message is the server's CPU time per second of its own window, divided by the
// messages per second of the load's: the shift of the windows cancels out.
func newSample(t traffic, before, after, empty, idle usage, conns int) (sample, error) {
	h, err := decodeHistogram(t.Histogram)
	if err != nil {
		return sample{}, fmt.Errorf("histogram of the load: %w", err)
	}
	if t.Messages == 0 {
		return sample{}, errors.New("no message came back while measuring; -duration may be too short")
	}
	window := float64(after.At - before.At)
	perNano := float64(t.Messages) / float64(t.Elapsed)
	perMessage := func(delta float64) float64 { return delta / window / perNano }
	micros := func(ns int64) float64 { return float64(ns) / 1e3 }
	return sample{
		Seconds:     float64(t.Elapsed) / 1e9,
		Messages:    t.Messages,
		Bytes:       t.Bytes,
		PerSecond:   perNano * 1e9,
		UserMicros:  perMessage(micros(after.User - before.User)),
		SysMicros:   perMessage(micros(after.System - before.System)),
		P50Micros:   micros(h.ValueAtQuantile(50)),
		P99Micros:   micros(h.ValueAtQuantile(99)),
		P999Micros:  micros(h.ValueAtQuantile(99.9)),
		P9999Micros: micros(h.ValueAtQuantile(99.99)),
		MaxMicros:   micros(h.Max()),
		Allocs:      perMessage(float64(after.Mallocs - before.Mallocs)),
		BytesPer:    float64(idle.RSSAnon-empty.RSSAnon) / float64(conns),
		GCMicros:    perMessage(micros(after.GC - before.GC)),
		HeapPer:     (float64(idle.HeapAlloc) - float64(empty.HeapAlloc)) / float64(conns),
		IdleRSS:     idle.RSSAnon,
		Goroutines:  idle.Goroutines,
		ServerShare: float64(after.User+after.System-before.User-before.System) / window,
		LoadShare:   t.Busy,
		Histogram:   t.Histogram,
		Planned:     t.Planned,
		Unanswered:  t.Unanswered,
		LagMicros:   micros(t.LagP99),
	}, nil
}
