//go:build unix

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// A door is where connections come in. A connection is open when its first
// message has been answered, so the server has had its share of the work too.
type door struct {
	addr    unix.SockaddrInet4
	sources []netip.Addr // own addresses, used in turn; nil: the system's choice
	atOnce  int          // connections being opened at a time, at most

	fresh  int     // slots below have been in use
	vacant []int32 // those of them that are free again
	oldest int     // slot of the connection that has been open for longest, if it goes round

	begun   []int32   // connections being opened, oldest first; some are open or gone by now
	pending int       // of those, what is neither
	again   []attempt // to be repeated
	gaveUp  error     // why a connection could not be opened in any attempt

	// What is counted in one phase.
	done     int64
	failures int64
	took     *hdrhistogram.Histogram // from connect to the first answer
}

// An attempt is to be made at the given moment.
type attempt struct {
	slot  int32
	tries uint8
	at    int64
}

const (
	maxTries   = 4
	firstPause = 50 * time.Millisecond // after the first attempt; the others are four times as long each
)

// openTimeout is the time given to opening conns connections.
func openTimeout(timeout time.Duration, conns int) time.Duration {
	return timeout + time.Duration(conns)*time.Millisecond
}

// open opens connections until n are open, all if n is 0. It gives up after
// limit, if that is not 0.
func (l *load) open(n int, limit time.Duration) (count, error) {
	if n <= 0 {
		n = len(l.conns)
	}
	if n > len(l.conns) {
		return l.tally(), fmt.Errorf("%d connections are to be opened, the load has room for %d", n, len(l.conns))
	}
	l.beginOpening()
	return l.endOpening(l.fill(n, limit))
}

// beginOpening forgets what was counted.
func (l *load) beginOpening() {
	l.door.done, l.door.failures, l.door.gaveUp = 0, 0, nil
	l.door.took.Reset()
}

// endOpening tells what was counted.
func (l *load) endOpening(err error) (count, error) {
	c := l.tally()
	c.Done, c.Failures = l.door.done, l.door.failures
	var encodeErr error
	c.Histogram, encodeErr = encodeHistogram(l.door.took)
	return c, errors.Join(err, encodeErr)
}

// fill opens connections until n are open. When it fails, none is left half open.
func (l *load) fill(n int, limit time.Duration) error {
	if limit <= 0 {
		limit = openTimeout(l.timeout, n)
	}
	begin := l.clock()
	for l.opened < n {
		d := &l.door
		for d.gaveUp == nil && l.opened+d.opening() < n && d.opening() < d.atOnce {
			if err := l.connect(d.slot(), 0); err != nil {
				return err
			}
		}
		if d.gaveUp != nil && d.opening() == 0 {
			return fmt.Errorf("only %d of %d connections are open: %w", l.opened, n, d.gaveUp)
		}
		l.active = l.clock()
		if err := l.stepOpening(l.active + longestWait); err != nil {
			return err
		}
		if time.Duration(l.clock()-begin) > limit {
			l.abandon()
			if l.opened < n {
				return fmt.Errorf("only %d of %d connections are open after %v", l.opened, n, limit)
			}
		}
	}
	return nil
}

// opening returns how many connections are between two states.
func (d *door) opening() int { return d.pending + len(d.again) }

// source returns the own address of connection i, not a valid one if the system
// chooses it.
func (d *door) source(i int) netip.Addr {
	if len(d.sources) == 0 {
		return netip.Addr{}
	}
	return d.sources[i%len(d.sources)]
}

// slot returns a free slot. There is one if fewer are open or being opened.
func (d *door) slot() int {
	if n := len(d.vacant); n > 0 {
		i := d.vacant[n-1]
		d.vacant = d.vacant[:n-1]
		return int(i)
	}
	d.fresh++
	return d.fresh - 1
}

// stepOpening is step, with a look at the attempts that take too long and at
// those that are to be repeated.
func (l *load) stepOpening(until int64) error {
	for _, a := range l.door.again {
		until = min(until, a.at)
	}
	if err := l.step(until); err != nil {
		return err
	}
	now := l.clock()
	d := &l.door
	for len(d.begun) > 0 {
		i := int(d.begun[0])
		c := &l.conns[i]
		if c.fd != 0 && c.done == 0 {
			age := time.Duration(now - *l.stamp(i, 0))
			if age <= l.timeout || !l.lenient { // the strict step has an eye on it
				break
			}
			if err := l.failed(i, fmt.Errorf("no answer to its first message after %v", l.timeout)); err != nil {
				return err
			}
		}
		d.begun = d.begun[1:]
	}
	due := func(a attempt) bool { return a.at <= now }
	if !slices.ContainsFunc(d.again, due) {
		return nil
	}
	repeat := d.again
	d.again = nil
	for _, a := range repeat {
		if !due(a) {
			d.again = append(d.again, a)
		} else if err := l.connect(int(a.slot), a.tries); err != nil {
			return err
		}
	}
	return nil
}

// abandon gives up all that is half open.
func (l *load) abandon() {
	d := &l.door
	for _, i := range d.begun {
		if c := &l.conns[i]; c.fd != 0 && c.done == 0 {
			l.shut(int(i))
			d.vacant = append(d.vacant, i)
			d.failures++
		}
	}
	for _, a := range d.again {
		d.vacant = append(d.vacant, a.slot)
	}
	d.begun, d.again = nil, nil
}

// connect begins to open connection i, of which some tries have failed, and says
// what comes first.
func (l *load) connect(i int, tries uint8) error {
	now := l.clock()
	c := &l.conns[i]
	*c = loadConn{blocked: true, tries: tries, aside: l.script.greeting()}
	l.script.reset(i)
	*l.stamp(i, 0) = now
	l.door.pending++
	fd, err := newSocket()
	if err != nil {
		return l.failed(i, err)
	}
	c.fd = int32(fd)
	if c.aside == nil {
		c.greeted = true
		l.release(i, now)
	}
	l.door.begun = append(l.door.begun, int32(i))
	if err := setOptions(fd, l.door.source(i)); err != nil {
		return l.failed(i, err)
	}
	if err := unix.Connect(fd, &l.door.addr); err != nil && err != unix.EINPROGRESS {
		return l.failed(i, l.connectError(i, err))
	}
	if err := l.waiter.add(fd, i, true); err != nil {
		return l.failed(i, err)
	}
	return nil
}

// setOptions prepares a socket for connect.
func setOptions(fd int, source netip.Addr) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	// The end is a reset: thousands of connections in TIME_WAIT would weigh on
	// the runs that follow.
	linger := unix.Linger{Onoff: 1, Linger: 0}
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if !source.IsValid() {
		return nil
	}
	if err := leavePortToConnect(fd); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: source.As4()}); err != nil {
		return fmt.Errorf("-source %v: %w", source, os.NewSyscallError("bind", err))
	}
	return nil
}

func (l *load) connectError(i int, err error) error {
	err = fmt.Errorf("connection %d of %d: %w", i+1, len(l.conns), os.NewSyscallError("connect", err))
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		err = fmt.Errorf("%w (no local port is left)", err)
	}
	return err
}

// failed ends an attempt to open connection i. There will be another one, after a
// pause, but not for ever.
func (l *load) failed(i int, err error) error {
	d := &l.door
	tries := l.conns[i].tries + 1
	l.shut(i)
	if !l.lenient {
		return err
	}
	d.failures++
	l.losses.note(err)
	if tries == maxTries {
		d.gaveUp = err
		d.vacant = append(d.vacant, int32(i))
		return nil
	}
	pause := firstPause << (2 * (tries - 1))
	d.again = append(d.again, attempt{slot: int32(i), tries: tries, at: l.clock() + int64(pause)})
	return nil
}

// entered counts a connection that is open after some time.
func (l *load) entered(took int64) {
	l.opened++
	l.door.pending--
	l.door.done++
	record(l.door.took, took)
}
