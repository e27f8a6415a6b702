//go:build unix

package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	s := schedule{spacing: 1e9 / 3.0, start: 5}
	for k, want := range map[int64]int64{0: 5, 1: 5 + 333_333_333, 3: 5 + 1e9, 3e6: 5 + 1e15} {
		if got := s.plan(k); got != want {
			t.Errorf("message %d at %d, want %d", k, got, want)
		}
	}
	// Of 10 connections, the message with number 24 is the latest of connection 4.
	s.next = 27
	for nth, want := range map[int64]int64{1: 24, 2: 14, 3: 4} {
		if got := s.oldest(4, nth, 10); got != s.plan(want) {
			t.Errorf("message %d that connection 4 owes was planned for %d, want %d", nth, got, s.plan(want))
		}
	}
	for rate, want := range map[float64]bool{0: true, 0.1: true, 1e8: true, -1: false, 1e9: false, math.NaN(): false, math.Inf(1): false} {
		if got := validRate(rate); got != want {
			t.Errorf("validRate(%v) = %v", rate, got)
		}
	}
}

// A closed loop counts what comes in the window, a schedule what was planned in
// it.
func TestWindow(t *testing.T) {
	const ms = int64(time.Millisecond)
	for _, test := range []struct {
		scheduled                 bool
		answers, counted, planned int64
		max                       time.Duration
	}{
		{false, 3, 3, 3, 1100 * time.Millisecond},
		{true, 3, 3, 3, 1500 * time.Millisecond},
	} {
		w := newWindow()
		w.answer(0, 50*ms)
		w.begin(1000*ms, test.scheduled)
		w.due(900*ms, 1000*ms)
		w.answer(900*ms, 2000*ms) // released before
		w.due(1000*ms, 1001*ms)
		w.answer(1000*ms, 1100*ms)
		w.due(1500*ms, 1501*ms)
		w.answer(1500*ms, 1600*ms)
		w.due(1600*ms, 1600*ms)
		w.until = 2000 * ms
		w.due(2001*ms, 2001*ms)
		if test.scheduled {
			w.answer(1600*ms, 3100*ms) // late, but planned in it
		}
		w.answer(2001*ms, 3200*ms)
		if !test.scheduled {
			test.planned = w.planned // means nothing
		}
		if w.answers != test.answers || w.counted != test.counted || w.planned != test.planned {
			t.Errorf("scheduled %v: %d answers, %d counted, %d planned, want %+v", test.scheduled, w.answers, w.counted, w.planned, test)
		}
		if got := time.Duration(w.latencies.Max()); math.Abs(float64(got-test.max)) > float64(test.max)/500 {
			t.Errorf("scheduled %v: the longest took %v, want %v", test.scheduled, got, test.max)
		}
		if got := time.Duration(w.lag.ValueAtQuantile(50)); test.scheduled && got.Round(time.Millisecond) != time.Millisecond {
			t.Errorf("the load was late by %v, want 1ms", got)
		}
	}
}

func TestTrouble(t *testing.T) {
	tests := []struct {
		rate float64
		s    sample
		want string
	}{
		{0, sample{PerSecond: 1}, ""},
		{1000, sample{PerSecond: 999, P99Micros: 100, LagMicros: 10, LoadShare: 0.99}, ""},
		{1000, sample{PerSecond: 500, LoadShare: 0.99}, "THE LOAD could not keep up"},
		{1000, sample{PerSecond: 500, LoadShare: 0.5}, "the server could not keep up"},
		{1000, sample{PerSecond: 500, LoadShare: 0.5, LagMicros: 50_000}, "cannot tell"},
		{1000, sample{PerSecond: 1000, Unanswered: 1}, "the server could not keep up"},
		{1000, sample{PerSecond: 1000, P99Micros: 100, LagMicros: 60}, "its own"},
	}
	for _, test := range tests {
		got := test.s.trouble(test.rate)
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%+v: %q, want %q", test.s, got, test.want)
		}
	}
}

// While a server pauses, messages go on falling due, and wait. A closed loop
// would send none of them, and have two slow ones for a pause.
func TestPauseIsMeasured(t *testing.T) {
	s := onlySample(t, []string{"echo", "-rounds", "1", "-warmup", "10ms", "-duration", "1s",
		"-conns", "2", "-rate", "1000", "-peers", "broken-pause"})
	// Of 1,000 messages 100 are planned in the first 100 ms of the pause.
	if least := float64((pause - 100*time.Millisecond) / time.Microsecond); s.P99Micros < least {
		t.Errorf("the p99 is %v us, want at least %v", s.P99Micros, least)
	}
	if planned := 1000 * s.Seconds; math.Abs(float64(s.Planned)-planned) > 2 {
		t.Errorf("%d messages were planned, want %.0f", s.Planned, planned)
	}
}
