//go:build unix

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// A pushDoor is where subscribers come in. One is open when the server has said
// that its subscription holds.
type pushDoor struct {
	addr    unix.SockaddrInet4
	sources []netip.Addr
	atOnce  int // connections being opened at a time, at most
	random  *rand.Rand

	queue   []int32   // to be opened
	again   []attempt // to be opened later
	begun   []int32   // being opened, oldest first; some are open or gone by now
	pending int       // of those, what is neither
	gaveUp  error     // why a connection could not be opened in any attempt

	herd   bool  // subscribers come back: one that the server sends away comes again
	behind int   // of them, how many have not got yet what they have missed
	since  int64 // when they were to begin

	done     int64
	failures int64
	took     *hdrhistogram.Histogram // from connect until it was open
}

// patient is how often one of a herd tries before it gives up.
const patient = 100

func newRandom(seed int) *rand.Rand { return rand.New(rand.NewPCG(uint64(seed), 1)) }

// open opens subscribers until n are open, all if n is 0.
func (l *pushLoad) open(n int, limit time.Duration) (count, error) {
	subscribers := l.subscribers()
	if n <= 0 || n > len(subscribers) {
		n = len(subscribers)
	}
	if limit <= 0 {
		limit = openTimeout(l.timeout, n)
	}
	d := &l.door
	d.done, d.failures, d.gaveUp = 0, 0, nil
	d.took.Reset()
	for i, left := 0, n-l.opened; i < len(subscribers) && left > 0; i++ {
		if subscribers[i].fd == 0 {
			d.queue = append(d.queue, int32(i))
			left--
		}
	}
	err := l.admit(func() bool { return l.opened >= n }, limit)
	c := l.tally()
	c.Done, c.Failures = d.done, d.failures
	var encodeErr error
	c.Histogram, encodeErr = encodeHistogram(d.took)
	return c, errors.Join(err, encodeErr)
}

// admit opens what is queued until enough says so.
func (l *pushLoad) admit(enough func() bool, limit time.Duration) error {
	d := &l.door
	for begin := l.clock(); !enough(); {
		now := l.clock()
		if err := l.dial(now); err != nil {
			return err
		}
		switch {
		case d.gaveUp != nil && d.pending == 0:
			l.abandon()
			return fmt.Errorf("only %d of %d subscribers are open: %w", l.opened, len(l.subscribers()), d.gaveUp)
		case time.Duration(now-begin) > limit:
			opened := l.opened
			l.abandon()
			return fmt.Errorf("only %d of %d subscribers are open after %v, %d are to get what they have missed",
				opened, len(l.subscribers()), limit, d.behind)
		}
		until := now + longestWait
		for _, a := range d.again {
			until = min(until, a.at)
		}
		if err := l.step(until); err != nil {
			return err
		}
		if err := l.expire(l.clock()); err != nil {
			return err
		}
	}
	return nil
}

// dial begins with as many as may be opened at a time.
func (l *pushLoad) dial(now int64) error {
	d := &l.door
	later := d.again[:0]
	for _, a := range d.again {
		if a.at > now {
			later = append(later, a)
		} else {
			d.queue = append(d.queue, a.slot)
		}
	}
	d.again = later
	for d.gaveUp == nil && len(d.queue) > 0 && d.pending < d.atOnce {
		i := d.queue[0]
		d.queue = d.queue[1:]
		if err := l.connect(int(i)); err != nil {
			return err
		}
	}
	return nil
}

// expire gives up attempts that take too long.
func (l *pushLoad) expire(now int64) error {
	d := &l.door
	for len(d.begun) > 0 {
		c := &l.conns[d.begun[0]]
		if c.fd != 0 && c.state != isOpen {
			if time.Duration(now-c.began) <= l.timeout {
				break
			}
			if err := l.failed(int(d.begun[0]), fmt.Errorf("not subscribed after %v", l.timeout)); err != nil {
				return err
			}
		}
		d.begun = d.begun[1:]
	}
	return nil
}

// abandon gives up all that is half open, and what would be opened.
func (l *pushLoad) abandon() {
	d := &l.door
	for i := range l.conns {
		if c := &l.conns[i]; c.fd != 0 && c.state != isOpen {
			l.shut(i)
			d.failures++
		}
	}
	d.queue, d.again, d.begun = nil, nil, nil
}

// connect begins to open connection i.
func (l *pushLoad) connect(i int) error {
	c := &l.conns[i]
	c.state, c.began, c.blocked = dialing, l.clock(), true
	if i != l.publisher {
		l.door.pending++
		l.door.begun = append(l.door.begun, int32(i))
	}
	fd, err := newSocket()
	if err != nil {
		return l.failed(i, err)
	}
	c.fd = int32(fd)
	var source netip.Addr
	if n := len(l.door.sources); n > 0 {
		source = l.door.sources[i%n]
	}
	if err := setOptions(fd, source); err != nil {
		return l.failed(i, err)
	}
	if err := unix.Connect(fd, &l.door.addr); err != nil && err != unix.EINPROGRESS {
		return l.failed(i, connectFailed(i, err))
	}
	if err := l.waiter.add(fd, i, true); err != nil {
		return l.failed(i, err)
	}
	return nil
}

func connectFailed(i int, err error) error {
	err = fmt.Errorf("connection %d: %w", i+1, os.NewSyscallError("connect", err))
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		err = fmt.Errorf("%w (no local port is left)", err)
	}
	return err
}

// failed ends an attempt to open connection i. There will be another one, after a
// pause, but not for ever.
func (l *pushLoad) failed(i int, err error) error {
	if i == l.publisher {
		return fmt.Errorf("the publisher: %w", err)
	}
	d, c := &l.door, &l.conns[i]
	l.shut(i)
	d.failures++
	l.losses.note(err)
	c.tries++
	most, pause := uint8(maxTries), firstPause<<(2*(c.tries-1))
	if d.herd {
		most, pause = patient, firstPause+time.Duration(d.random.Int64N(int64(firstPause)))
	}
	if c.tries >= most {
		d.gaveUp = err
		return nil
	}
	d.again = append(d.again, attempt{slot: int32(i), at: l.clock() + int64(pause)})
	return nil
}

// entered takes note that connection i is open.
func (l *pushLoad) entered(i int, now int64) {
	c := &l.conns[i]
	if c.state == isOpen {
		return
	}
	c.state, c.tries = isOpen, 0
	if i == l.publisher {
		return
	}
	l.opened++
	l.live[c.topic]++
	l.door.pending--
	l.door.done++
	record(l.door.took, now-c.began)
	last := l.board.last[c.topic].Load()
	switch {
	case !c.behind:
		c.seq = last // what was published before it came it does not get
	case c.seq >= last:
		l.caughtUp(i, now)
	}
}

// caughtUp takes note that connection i has got what it has missed.
func (l *pushLoad) caughtUp(i int, now int64) {
	l.conns[i].behind = false
	l.door.behind--
	l.count.CaughtUp++
	record(l.window.took, now-l.door.since)
}

// broken takes note that connection i is of no use any more.
func (l *pushLoad) broken(i int, err error) error {
	c, d := &l.conns[i], &l.door
	var away *sentAway
	switch {
	case i == l.publisher:
		return fmt.Errorf("the publisher: %w", err)
	case errors.As(err, &away) && (d.herd || c.state != isOpen):
		l.shut(i)
		l.count.SentAway++
		l.losses.note(err)
		pause := away.after + firstPause
		if away.spread > 0 {
			pause += time.Duration(d.random.Int64N(int64(away.spread)))
		}
		d.again = append(d.again, attempt{slot: int32(i), at: l.clock() + int64(pause)})
		return nil
	case c.state != isOpen:
		return l.failed(i, err)
	}
	l.losses.lost++
	l.losses.note(err)
	l.leave(i)
	return nil
}

// leave ends a subscriber for good: nobody waits for what it has not got.
func (l *pushLoad) leave(i int) {
	c := &l.conns[i]
	l.shut(i)
	if last := l.board.last[c.topic].Load(); last > c.seq {
		l.missed(c, last)
	}
	l.advance()
	if c.behind {
		c.behind = false
		l.door.behind--
	}
}

// shut closes connection i, with a reset. What it has received it still knows.
func (l *pushLoad) shut(i int) {
	c := &l.conns[i]
	if c.fd != 0 {
		l.waiter.remove(i)
		unix.Close(int(c.fd))
	}
	switch {
	case i == l.publisher:
	case c.state == isOpen:
		l.opened--
		l.live[c.topic]--
	default:
		l.door.pending--
	}
	c.fd, c.state, c.blocked, c.out, c.rest = 0, dialing, false, nil, nil
}

// cut closes all subscribers at once.
func (l *pushLoad) cut() count {
	var closed int64
	for i := range l.subscribers() {
		if l.conns[i].fd != 0 {
			l.shut(i)
			closed++
		}
	}
	c := l.tally()
	c.Done = closed
	return c
}

// close closes everything.
func (l *pushLoad) close() count {
	c := l.cut()
	if l.publisher >= 0 && l.conns[l.publisher].fd != 0 {
		l.shut(l.publisher)
	}
	return c
}

// check looks for connections that have ended.
func (l *pushLoad) check() (count, error) {
	for {
		n, err := l.waiter.wait(0, false)
		if n == 0 || err != nil {
			return l.tally(), err
		}
		for e := range n {
			if err := l.event(l.waiter.event(e)); err != nil {
				return l.tally(), err
			}
		}
	}
}

// tally tells what has become of the subscribers, and forgets what is told once.
func (l *pushLoad) tally() count {
	c := count{Open: l.opened, Lost: l.losses.lost, Problem: l.losses.problem}
	l.losses = losses{}
	return c
}

// resume has all subscribers come back at the moment at, a reading of monotonic,
// and waits until each has what was published while they were away.
func (l *pushLoad) resume(at int64, limit time.Duration) (pushCount, error) {
	d := &l.door
	l.count, l.window = pushCount{}, newPushWindow(0, 0)
	d.done, d.failures, d.gaveUp, d.since = 0, 0, nil, at-l.epoch
	d.herd = true
	defer func() { d.herd = false }()
	for l.clock() < d.since {
		if err := l.step(d.since); err != nil {
			return l.count, err
		}
	}
	for i := range l.subscribers() {
		l.conns[i].behind = true
		d.queue = append(d.queue, int32(i))
		d.behind++
	}
	err := l.admit(func() bool { return d.behind == 0 }, limit)
	l.count.Failures = d.failures
	for i := range l.subscribers() {
		c := &l.conns[i]
		if c.behind {
			l.count.Lost += int64(l.board.last[c.topic].Load() - c.seq)
			c.behind = false
			d.behind--
		}
	}
	l.count.Ended, l.count.Open = l.losses.lost, l.opened
	if l.count.Problem == "" {
		l.count.Problem = l.losses.problem
	}
	l.losses = losses{}
	if err != nil && l.opened > 0 { // it is told as what was lost
		l.count.Problem, err = err.Error(), nil
	}
	return l.count, errors.Join(err, l.window.encode(&l.count))
}
