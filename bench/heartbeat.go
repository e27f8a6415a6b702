//go:build unix

package main

import (
	"errors"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A vigil is the wait for a server to close the connections that are silent.
type vigil struct {
	found       int64
	first, last int64
	silence     *hdrhistogram.Histogram // of a connection, until it is closed
}

// Silence is counted in longer times than an answer.
const (
	minSilence = int64(time.Millisecond)
	maxSilence = int64(24 * time.Hour)
)

// heartbeat sends a message on every connection once per interval, evenly spread,
// but for some connections that stay silent and that the server should find and
// close. After limit these are opened again.
func (l *load) heartbeat(every time.Duration, silent int, limit time.Duration) (count, error) {
	if every <= 0 || limit <= 0 || silent < 0 {
		return l.tally(), errors.New("a heartbeat needs an interval and a duration")
	}
	open := l.openSlots()
	for _, i := range evenly(open, min(silent, len(open))) {
		l.conns[i].silent = true
	}
	var beating []int32
	for _, i := range open {
		if !l.conns[i].silent {
			beating = append(beating, i)
		}
	}
	v := &vigil{silence: hdrhistogram.New(minSilence, maxSilence, latencyDigits)}
	l.vigil = v
	now := l.clock()
	l.window.begin(now, true)
	if len(beating) > 0 {
		l.schedule = &schedule{spacing: float64(every) / float64(len(beating)), start: now, slots: beating}
		l.flowing = true
	}
	for end := now + int64(limit); l.clock() < end; {
		if err := l.step(end); err != nil {
			return l.tally(), err
		}
	}
	l.window.until = l.clock()
	c, err := l.stop(min(l.timeout, 2*time.Second))
	if err != nil {
		return c, err
	}
	for i := range l.conns {
		l.conns[i].silent = false
	}
	l.vigil = nil
	c.Sent, c.Done = l.window.planned, l.window.counted
	c.Failures = c.Sent - c.Done
	c.Silent, c.Found = int64(len(open)-len(beating)), v.found
	if v.found > 0 {
		c.First, c.Last = v.first+l.epoch, v.last+l.epoch
	}
	if c.Histogram, err = encodeHistogram(v.silence); err != nil {
		return c, err
	}
	l.beginOpening()
	err = l.fill(l.opened+int(v.found), 0)
	after := l.tally()
	c.Open, c.Lost = after.Open, c.Lost+after.Lost
	if c.Problem == "" {
		c.Problem = after.Problem
	}
	return c, err
}

// found counts the silent connection i, which the server has closed. Its silence
// began with its last message.
func (l *load) found(i int) {
	v := l.vigil
	now := l.clock()
	v.found++
	if v.found == 1 {
		v.first = now
	}
	v.last = now
	silence := now - *l.stamp(i, l.conns[i].released-1)
	_ = v.silence.RecordValue(min(max(silence, 0), maxSilence))
}
