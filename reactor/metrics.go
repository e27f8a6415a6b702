package reactor

import (
	"sync/atomic"
	"time"
)

// Stats is a snapshot of a loop's counters since its start.
type Stats struct {
	Iterations uint64        // times the loop has gone round
	Wakeups    uint64        // sleeps that a Post or Stop had to end by a system call
	Stale      uint64        // events dropped because their registration had ended
	Panics     uint64        // panics caught
	Lag        time.Duration // the last iteration, without the sleep: what an event may have to wait
	MaxLag     time.Duration // the longest iteration
}

type metrics struct {
	iterations, wakeups, stale, panics atomic.Uint64
	lag, maxLag                        atomic.Int64
}

// iteration is called by the loop alone, so that load and store suffice.
func (m *metrics) iteration(d time.Duration) {
	m.iterations.Store(m.iterations.Load() + 1)
	m.lag.Store(int64(d))
	if int64(d) > m.maxLag.Load() {
		m.maxLag.Store(int64(d))
	}
}

// Stats returns the loop's counters. Any goroutine may call it.
func (r *Reactor) Stats() Stats {
	m := &r.metrics
	return Stats{
		Iterations: m.iterations.Load(),
		Wakeups:    m.wakeups.Load(),
		Stale:      m.stale.Load(),
		Panics:     m.panics.Load(),
		Lag:        time.Duration(m.lag.Load()),
		MaxLag:     time.Duration(m.maxLag.Load()),
	}
}
