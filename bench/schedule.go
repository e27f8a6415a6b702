//go:build unix

package main

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// A schedule says when messages are to be sent at a constant rate, whatever the
// server does: message k at k times the spacing, over the connections in turn or
// over one chosen at random. A connection that has its pipeline full sends a
// message later, but the latency of the message begins when it was planned, as in
// wrk2. So the time that messages wait for a server which pauses is measured, and
// not omitted.
type schedule struct {
	spacing float64 // ns
	start   int64
	next    int64   // message to fall due next
	slots   []int32 // the connections that are used, ascending; nil: all

	random *rand.Rand      // nil: in turn
	late   map[int][]int64 // by connection: when the messages that it owes were planned; if random

	touched []int32 // connections that have something to send
}

// A choice is which connections a schedule uses.
type choice struct {
	percent float64 // of those that are open
	random  bool    // for each message another one
	seed    uint64
}

// newSchedule plans rate messages per second from now on.
func (l *load) newSchedule(rate float64, now int64) (*schedule, error) {
	s := &schedule{spacing: 1e9 / rate, start: now}
	if l.choice.percent < 100 || l.opened < len(l.conns) {
		open := l.openSlots()
		if len(open) == 0 {
			return nil, errors.New("no connection is open")
		}
		s.slots = evenly(open, max(1, int(math.Round(float64(len(open))*l.choice.percent/100))))
	}
	if l.choice.random {
		s.random = rand.New(rand.NewPCG(l.choice.seed, uint64(len(l.conns))))
		s.late = make(map[int][]int64)
	}
	return s, nil
}

// openSlots lists the connections that are open.
func (l *load) openSlots() []int32 {
	open := make([]int32, 0, l.opened)
	for i := range l.conns {
		if l.conns[i].done > 0 {
			open = append(open, int32(i))
		}
	}
	return open
}

// evenly returns n of the elements of all, evenly spread.
func evenly(all []int32, n int) []int32 {
	some := make([]int32, n)
	for k := range some {
		some[k] = all[k*len(all)/n]
	}
	return some
}

// plan returns when message k is to be sent.
func (s *schedule) plan(k int64) int64 { return s.start + int64(float64(k)*s.spacing) }

// slot returns the connection of message k, of a load with conns connections. It
// is called once for each.
func (s *schedule) slot(k int64, conns int) int {
	n := s.over(conns)
	i := int(k % int64(n))
	if s.random != nil {
		i = s.random.IntN(n)
	}
	if s.slots != nil {
		i = int(s.slots[i])
	}
	return i
}

// over returns how many connections are used.
func (s *schedule) over(conns int) int {
	if s.slots != nil {
		return len(s.slots)
	}
	return conns
}

// owe takes note that connection i cannot send a message in time.
func (s *schedule) owe(i int, plan int64) {
	if s.random != nil {
		s.late[i] = append(s.late[i], plan)
	}
}

// oldest returns when the oldest message that connection i owes was to be sent,
// and forgets it, the next time being called with one less.
func (s *schedule) oldest(i int, owed int64, conns int) int64 {
	if s.random == nil {
		return s.planOwed(i, owed, conns)
	}
	plans := s.late[i]
	if len(plans) == 1 {
		delete(s.late, i)
	} else {
		s.late[i] = plans[1:]
	}
	return plans[0]
}

// planOwed returns when a message was to be sent that connection i has not sent
// yet, in turn. nth counts from the one that fell due last, which is 1.
func (s *schedule) planOwed(i int, nth int64, conns int) int64 {
	if s.slots != nil {
		i, _ = slices.BinarySearch(s.slots, int32(i))
	}
	n := int64(s.over(conns))
	last := s.next - 1
	last -= (last - int64(i)) % n
	return s.plan(last - (nth-1)*n)
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
	s.touched = s.touched[:0]
	for plan := s.plan(s.next); plan <= now; plan = s.plan(s.next) {
		l.window.due(plan, now)
		i := s.slot(s.next, len(l.conns))
		s.next++
		switch c := &l.conns[i]; {
		case c.fd == 0: // lost: nobody answers this one
		case c.released-c.done < int64(l.pipeline):
			l.release(i, plan)
			s.touched = append(s.touched, int32(i))
		default:
			c.owed++
			s.owe(i, plan)
		}
	}
	for _, i := range s.touched {
		if l.conns[i].fd == 0 {
			continue
		}
		if err := l.push(int(i)); err != nil {
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
			if err := l.step(now + patience); err != nil {
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
	missing := func(plan int64) {
		if l.window.from <= plan && plan <= l.window.until {
			record(l.window.latencies, now-plan)
		}
	}
	for i := range l.conns {
		c := &l.conns[i]
		for seq := c.done; seq < c.released; seq++ {
			missing(*l.stamp(i, seq))
		}
		if l.schedule.random != nil {
			for _, plan := range l.schedule.late[i] {
				missing(plan)
			}
			continue
		}
		for nth := c.owed; nth > 0; nth-- {
			missing(l.schedule.planOwed(i, nth, len(l.conns)))
		}
	}
}

// validRate tells whether messages can be planned at a rate; 0 is none.
func validRate(rate float64) bool {
	return rate >= 0 && rate <= 1e8 && !math.IsNaN(rate)
}
