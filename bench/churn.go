//go:build unix

package main

import (
	"errors"
	"time"
)

// churn closes connections, the one that has been open for longest first, and
// opens a new one in the place of each: rate of them per second, evenly spaced,
// for as long as limit says.
func (l *load) churn(rate float64, limit time.Duration) (count, error) {
	if rate <= 0 || !validRate(rate) {
		return l.tally(), errors.New("churn needs a rate")
	}
	l.beginOpening()
	return l.endOpening(l.turnOver(schedule{spacing: 1e9 / rate, start: l.clock()}, limit))
}

// turnOver replaces a connection whenever the plan says so. One that is late,
// because too many are being opened, is replaced as soon as possible.
func (l *load) turnOver(plan schedule, limit time.Duration) error {
	d := &l.door
	end := plan.start + int64(limit)
	for now := plan.start; ; now = l.clock() {
		for plan.plan(plan.next) <= min(now, end-1) && d.opening() < d.atOnce && l.opened > 0 {
			plan.next++
			i := l.nextOut()
			l.shut(i)
			if err := l.connect(i, 0); err != nil {
				return err
			}
		}
		late := plan.plan(plan.next) <= now
		until := plan.plan(plan.next)
		if late {
			until = now + longestWait // or until one of those is open
		}
		switch {
		case now < end:
			until = min(until, end)
		case d.opening() == 0:
			return nil
		case now > end+int64(l.timeout):
			l.abandon()
			return nil
		default:
			until = now + longestWait
		}
		l.active = now
		if err := l.stepOpening(until); err != nil {
			return err
		}
	}
}

// nextOut returns the connection that has been open for longest, going round. One
// is open.
func (l *load) nextOut() int {
	for {
		i := l.door.oldest % len(l.conns)
		l.door.oldest = i + 1
		if l.conns[i].done > 0 {
			return i
		}
	}
}
