//go:build unix

package main

import (
	"math"
	"time"
)

// A schedule says when messages are to be sent at a constant rate, whatever the
// server does: message k at k times the spacing, over connection k modulo their
// number. A connection that has its pipeline full sends a message later, but the
// latency of the message begins when it was planned, as in wrk2. So the time that
// messages wait for a server which pauses is measured, and not omitted.
type schedule struct {
	spacing float64 // ns
	start   int64
	next    int64 // message to fall due next
}

// plan returns when message k is to be sent.
func (s *schedule) plan(k int64) int64 { return s.start + int64(float64(k)*s.spacing) }

// planOf returns when message seq of connection i is to be sent. The first
// message of a connection has opened it, before the schedule began.
func (l *load) planOf(i int, seq int64) int64 {
	return l.schedule.plan((seq-1)*int64(len(l.conns)) + int64(i))
}

// due releases the messages whose time has come.
func (l *load) due(now int64) error {
	s := l.schedule
	if s == nil || !l.flowing || s.plan(s.next) > now {
		return nil
	}
	if l.underway == 0 {
		l.active = now // the server's silence begins only now
	}
	first, conns := s.next, int64(len(l.conns))
	for plan := s.plan(s.next); plan <= now; plan = s.plan(s.next) {
		l.window.due(plan, now)
		i := int(s.next % conns)
		if c := &l.conns[i]; c.released-c.done < int64(l.pipeline) {
			l.release(i, plan)
		} else {
			c.owed++
		}
		s.next++
	}
	for k := first; k < min(s.next, first+conns); k++ {
		if err := l.flush(int(k % conns)); err != nil {
			return err
		}
	}
	return nil
}

// traffic is what a load has measured in one window.
type traffic struct {
	Elapsed   int64   `json:"elapsed_ns"`
	Messages  int64   `json:"messages"`
	Bytes     int64   `json:"bytes"` // of messages, as sent
	Busy      float64 `json:"busy"`  // share of the time in which the load had work
	Histogram string  `json:"histogram"`

	// With a schedule only.
	Planned    int64 `json:"planned,omitempty"`
	Unanswered int64 `json:"unanswered,omitempty"` // of those, even some time after the end
	LagP99     int64 `json:"lag_p99_ns,omitempty"` // how late the load itself was
}

// end ends the window and reports it. On a schedule it first gives the answers
// that are missing some time to come; what is then still missing counts with the
// time that it has taken so far, which is less than it takes in the end.
func (l *load) end() (traffic, error) {
	now := l.clock()
	if err := l.due(now); err != nil {
		return traffic{}, err
	}
	w := &l.window
	w.until = now
	t := traffic{
		Elapsed:  now - w.since,
		Messages: w.answers,
		Bytes:    w.answers * l.size,
		Busy:     1 - float64(w.idle)/float64(now-w.since),
		Planned:  w.planned,
	}
	if l.schedule != nil {
		for patience := int64(min(l.timeout, 2*time.Second)); w.counted < w.planned && l.clock() < now+patience; {
			if err := l.step(); err != nil {
				return traffic{}, err
			}
		}
		t.Unanswered = w.planned - w.counted
		if t.Unanswered > 0 {
			l.countMissing()
		}
		t.LagP99 = w.lag.ValueAtQuantile(99)
	}
	var err error
	t.Histogram, err = encodeHistogram(w.latencies)
	return t, err
}

// countMissing counts the messages of the window that have not been answered.
func (l *load) countMissing() {
	now := l.clock()
	for i := range l.conns {
		c := &l.conns[i]
		for seq := c.done; seq < c.released+c.owed; seq++ {
			if plan := l.planOf(i, seq); l.window.from <= plan && plan <= l.window.until {
				record(l.window.latencies, now-plan)
			}
		}
	}
}

// validRate tells whether messages can be planned at a rate; 0 is none.
func validRate(rate float64) bool {
	return rate >= 0 && rate <= 1e8 && !math.IsNaN(rate)
}
