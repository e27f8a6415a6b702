//go:build unix

package main

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A window is what a load measures between two moments.
type window struct {
	since, until int64 // by the load's clock
	answers      int64 // that have come in the window
	idle         int64 // ns in which the load had nothing to do

	// A latency counts if the message was released, or planned, between from
	// and until.
	from      int64
	latencies *hdrhistogram.Histogram
	counted   int64

	// With a schedule only.
	planned int64                   // messages that have fallen due in the window
	lag     *hdrhistogram.Histogram // how late the load itself looked at them
}

func newWindow() window {
	w := window{latencies: newHistogram(), lag: newHistogram()}
	w.begin(0, false)
	return w
}

// begin forgets what was measured before. A closed loop counts all answers that
// come in the window. On a schedule it is the messages planned in the window that
// count, whenever their answers come: those that are slow at its end are not lost.
func (w *window) begin(now int64, scheduled bool) {
	w.since, w.until, w.from = now, math.MaxInt64, math.MinInt64
	if scheduled {
		w.from = now
	}
	w.answers, w.idle, w.counted, w.planned = 0, 0, 0, 0
	w.latencies.Reset()
	w.lag.Reset()
}

// answer counts the answer that comes now to a message released at stamp.
func (w *window) answer(stamp, now int64) {
	if now <= w.until {
		w.answers++
	}
	if w.from <= stamp && stamp <= w.until {
		w.counted++
		record(w.latencies, now-stamp)
	}
}

// due counts a message planned for the given moment that the load looks at now.
func (w *window) due(plan, now int64) {
	if w.from <= plan && plan <= w.until {
		w.planned++
		record(w.lag, now-plan)
	}
}

// record fails at nothing: what is beyond the range counts at its end.
func record(h *hdrhistogram.Histogram, took int64) {
	_ = h.RecordValue(min(max(took, 0), maxLatency))
}
