//go:build unix

package main

import (
	"errors"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// An outflow is what the publisher has to do in a phase. Moments are those of the
// load's clock.
type outflow struct {
	rate  float64 // publications per second; 0: closed loop
	under uint64  // closed loop: publications under way at most
	total int64   // publications; 0: until to
	begin int64
	to    int64
	give  int64 // until when those that were planned before to are still sent
	n     int64 // published
	short bool  // there is no time to publish all of them at once
	done  bool
	lag   *hdrhistogram.Histogram // from the plan to the socket
}

const (
	// afterFlow is how long a publisher that is late goes on.
	afterFlow = int64(2 * time.Second)
	// publishAtOnce is how many publications leave in one write.
	publishAtOnce = 64
	// maxBacklog is what may wait in the publisher, in bytes, before it waits too.
	maxBacklog = 64 << 10
)

// next returns the moment that the next publication was planned for, and whether
// it may be sent now.
func (l *pushLoad) next(now int64) (planned int64, may bool) {
	f, c := l.flow, &l.conns[l.publisher]
	switch {
	case f.total > 0 && f.n >= f.total, f.total == 0 && f.rate == 0 && now >= f.to, now >= f.give:
		f.done = true
		return 0, false
	case f.rate > 0:
		if planned = f.plan(f.n); planned >= f.to {
			f.done = true
			return 0, false
		}
	default:
		planned = now
	}
	switch {
	case planned > now || now < f.begin, len(c.out) > maxBacklog, l.maxFlight > 0 && l.flight >= l.maxFlight:
		return planned, false
	case f.rate == 0 && f.under > 0:
		return planned, l.board.underWay() < f.under
	}
	return planned, true
}

func (f *outflow) plan(n int64) int64 { return f.begin + int64(float64(n)*1e9/f.rate) }

// publish publishes what is due.
func (l *pushLoad) publish(now int64) error {
	f := l.flow
	if f.done {
		return nil
	}
	any := false
	f.short = true
	for range publishAtOnce {
		planned, may := l.next(now)
		if !may {
			f.short = false
			break
		}
		topic := int(l.board.published.Load() % uint64(len(l.names)))
		p := publication{planned: planned + l.epoch, seq: l.board.last[topic].Load() + 1, topic: topic}
		err := l.put(l.publisher, func(dst []byte) ([]byte, error) {
			return l.dialect.publish(dst, l, l.names[topic], l.payload.of(p))
		})
		if err != nil {
			return err
		}
		l.board.last[topic].Store(p.seq)
		l.board.published.Add(1)
		f.n++
		record(f.lag, now-planned)
		any = true
	}
	if f.done {
		l.board.stopped.Store(1)
	}
	if !any {
		return nil
	}
	if err := l.flush(l.publisher); err != nil {
		return l.broken(l.publisher, err)
	}
	return nil
}

// wake returns when the publisher has to have another look.
func (f *outflow) wake(now int64) int64 {
	switch {
	case f.done:
		return now + longestWait
	case f.short:
		return now
	case f.rate > 0 && f.plan(f.n) > now:
		return f.plan(f.n)
	case f.begin > now:
		return f.begin
	}
	// It waits for the server, or for what other loads receive.
	return now + int64(200*time.Microsecond)
}

// A pushWindow is what counts of a phase.
type pushWindow struct {
	from, to int64
	n        int64                   // received meanwhile
	took     *hdrhistogram.Histogram // of what was planned meanwhile, from the plan to the receipt
}

func newPushWindow(from, to int64) pushWindow {
	return pushWindow{from: from, to: to, took: newHistogram()}
}

func (w *pushWindow) delivered(planned, now int64) {
	if now >= w.from && now < w.to {
		w.n++
	}
	if planned >= w.from && planned < w.to {
		record(w.took, now-planned)
	}
}

func (w *pushWindow) encode(c *pushCount) (err error) {
	c.Histogram, err = encodeHistogram(w.took)
	return err
}

// deliver receives what the publisher publishes from the moment at on: for some
// time that does not count, and for some that does. Then it waits for what is
// missing, as long as something comes.
func (l *pushLoad) deliver(req request) (pushCount, error) {
	begin := req.At - l.epoch
	from := begin + req.Warmup
	to := from + req.Duration
	l.count, l.window = pushCount{}, newPushWindow(from, to)
	l.board.complete[l.index].Store(l.board.published.Load())
	if l.publisher >= 0 {
		l.board.stopped.Store(0)
		l.flow = &outflow{
			rate: req.Rate, under: uint64(req.N), begin: begin, to: to, give: to + afterFlow,
			lag: newHistogram(),
		}
	}
	defer func() { l.flow = nil }()
	for now := l.clock(); now < to || l.board.stopped.Load() == 0; now = l.clock() {
		if err := l.step(now + longestWait/4); err != nil {
			return l.count, err
		}
	}
	if err := l.settle(); err != nil {
		return l.count, err
	}
	l.count.Delivered = l.window.n
	if f := l.flow; f != nil {
		l.count.Published = f.n
		for n := f.n; f.rate > 0 && f.plan(n) < to; n++ {
			l.count.Unpublished++
		}
		var err error
		if l.count.Lag, err = encodeHistogram(f.lag); err != nil {
			return l.count, err
		}
	}
	l.count.Ended, l.count.Open = l.losses.lost, l.opened
	if l.losses.lost > 0 {
		l.count.Problem = l.losses.problem
	}
	l.losses = losses{}
	return l.count, l.window.encode(&l.count)
}

// settle waits until all that was published has come, but no longer than the
// timeout without anything.
func (l *pushLoad) settle() error {
	arrived, since := l.arrived, l.clock()
	for {
		missing := l.missing()
		now := l.clock()
		if l.arrived != arrived {
			arrived, since = l.arrived, now
		}
		if missing == 0 {
			return nil
		}
		if time.Duration(now-since) > l.timeout {
			l.count.Lost += missing
			if l.count.Problem == "" {
				l.count.Problem = "messages have not come within " + l.timeout.String()
			}
			return nil
		}
		if err := l.step(now + int64(5*time.Millisecond)); err != nil {
			return err
		}
	}
}

// missing counts what was published and has not come.
func (l *pushLoad) missing() (n int64) {
	for i := range l.subscribers() {
		if c := &l.conns[i]; c.state == isOpen {
			n += int64(l.board.last[c.topic].Load() - c.seq)
		}
	}
	return n
}

// fill publishes n messages on each topic while nobody is there, as fast as the
// server acknowledges them.
func (l *pushLoad) fill(n int, limit time.Duration) (pushCount, error) {
	if l.publisher < 0 {
		return pushCount{}, errors.New("this load does not publish")
	}
	now := l.clock()
	l.flow = &outflow{total: int64(n) * int64(len(l.names)), begin: now, give: now + int64(limit), lag: newHistogram()}
	defer func() { l.flow = nil }()
	for !l.flow.done || l.flight > 0 {
		if l.clock() > now+int64(limit) {
			return pushCount{}, errors.New("the server has not acknowledged all that was published")
		}
		if err := l.step(l.clock() + longestWait); err != nil {
			return pushCount{}, err
		}
	}
	return pushCount{Published: l.flow.n}, nil
}
