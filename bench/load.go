//go:build unix

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A load exchanges messages with one server over many connections, in one
// thread, over raw sockets, so that the server rather than the load sets the
// pace. It is a closed loop that keeps a fixed number of messages under way on
// each connection or, with a schedule, sends each message when its time has come.
type load struct {
	script   script
	size     int64 // of a message as it is sent
	pipeline int
	batch    bool          // a connection sends its pipeline at once, when all of it has been answered
	timeout  time.Duration // without any answer; for one attempt to open a connection
	polite   bool          // others have the same core: sleep, do not spin
	lenient  bool          // a connection that breaks is counted, and the others go on
	choice   choice        // of the connections that a schedule uses

	waiter  *waiter
	buf     []byte
	started time.Time // the zero of the clock
	epoch   int64     // what monotonic told then

	conns   []loadConn
	stamps  []int64 // when messages were released or planned: pipeline of them per connection
	opened  int     // connections whose first message has been answered
	flowing bool    // an answer releases the next message, or the schedule does

	door     door
	losses   losses
	inbox    *inbox // a broadcast is expected
	vigil    *vigil // some connections are silent, and to be found by the server
	schedule *schedule
	window   window
	underway int   // messages released and not yet answered
	active   int64 // when the server has last said anything, or had nothing to say
}

// A loadConn is one connection, or none while fd is 0. There are many of them:
// mind its size.
type loadConn struct {
	fd        int32
	connected bool
	greeted   bool   // messages may be sent
	blocked   bool   // watched for writing
	silent    bool   // the server is expected to close it
	tries     uint8  // attempts to open it that have failed
	aside     []byte // to be sent between two messages: the greeting, a reply
	sent      int64  // bytes of messages
	released  int64  // messages that may be sent
	done      int64  // messages that were answered
	owed      int64  // messages that are due but have to wait for an answer
}

func newLoad(o loadOptions) (*load, error) {
	to, err := netip.ParseAddrPort(o.addr)
	if err != nil {
		return nil, &usageError{"load", fmt.Errorf("-addr %q: %w", o.addr, err)}
	}
	if !to.Addr().Is4() {
		return nil, &usageError{"load", fmt.Errorf("-addr %q is not an IPv4 address", o.addr)}
	}
	b, err := findBenchmark(o.bench)
	if err != nil {
		return nil, &usageError{"load", err}
	}
	transfer := maxTransfer
	if o.lenient {
		// One of many processes that share the memory: smaller tables.
		transfer = min(transfer, max(16<<10, int(o.size)))
	}
	s, err := b.script(casting{addr: o.addr, conns: o.conns, size: o.size, request: o.request, transfer: transfer})
	if err != nil {
		return nil, &usageError{"load", err}
	}
	w, err := newWaiter()
	if err != nil {
		return nil, err
	}
	l := &load{
		script:   s,
		size:     s.size(),
		pipeline: o.pipeline,
		batch:    b.batch,
		timeout:  o.timeout,
		polite:   o.polite,
		lenient:  o.lenient,
		choice:   choice{percent: o.percent, random: o.random, seed: o.seed},
		waiter:   w,
		buf:      make([]byte, transfer),
		started:  time.Now(),
		conns:    make([]loadConn, o.conns),
		stamps:   make([]int64, o.conns*o.pipeline),
		window:   newWindow(),
		door: door{
			addr:    unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()},
			sources: o.sources,
			atOnce:  o.atOnce,
			took:    newHistogram(),
		},
	}
	l.epoch = monotonic() - l.clock()
	return l, nil
}

// work lets messages flow, if they do, until there is a request to answer. A
// failure is told at once.
//
// While nothing flows the process sleeps in a channel, and not in the poller: a
// thousand idle processes cost nothing.
func (l *load) work(requests <-chan request, out *json.Encoder) (request, bool) {
	if !l.flowing {
		return <-requests, true
	}
	if err := l.step(l.clock() + longestWait); err != nil {
		_ = out.Encode(reply{Error: err.Error()})
		l.flowing = false
		return request{}, false
	}
	select {
	case req := <-requests:
		return req, true
	default:
		return request{}, false
	}
}

// longestWait is how long a request may have to wait for a load whose messages
// flow slowly.
const longestWait = int64(100 * time.Millisecond)

// clock is the monotonic time in nanoseconds: some 30 ns a reading. It is read
// once per event, after the read: that moment is both the end of a message and
// the release of the one that follows it.
func (l *load) clock() int64 { return int64(time.Since(l.started)) }

// start lets messages flow, rate of them per second or, if that is 0, as many as
// are answered.
func (l *load) start(rate float64) error {
	now := l.clock()
	l.active = now
	if rate > 0 {
		s, err := l.newSchedule(rate, now)
		if err != nil {
			return err
		}
		l.schedule, l.flowing = s, true
		return nil
	}
	l.schedule, l.flowing = nil, true
	for i := range l.conns {
		if l.conns[i].fd == 0 {
			continue
		}
		l.releaseAll(i, now)
		if err := l.push(i); err != nil {
			return err
		}
	}
	return nil
}

// stop ends the flow and gives the answers that are missing some time to come.
func (l *load) stop(limit time.Duration) (count, error) {
	l.flowing = false
	var missing int64
	for i := range l.conns {
		missing += l.conns[i].owed
		l.conns[i].owed = 0
	}
	l.schedule = nil
	if limit <= 0 {
		limit = l.timeout
	}
	err := l.settle(limit)
	c := l.tally()
	c.Failures = missing + int64(l.underway)
	return c, err
}

// settle waits until no message is under way, but not for longer than limit.
func (l *load) settle(limit time.Duration) error {
	l.active = l.clock()
	for end := l.active + int64(limit); l.underway > 0 && l.clock() < end; {
		if err := l.step(end); err != nil {
			return err
		}
	}
	return nil
}

// step handles one batch of events, and what falls due meanwhile. It sleeps no
// longer than until the given moment.
func (l *load) step(until int64) error {
	before := l.clock()
	timeout := l.patience(before, until)
	n, err := l.waiter.wait(timeout, l.polite || l.lenient)
	if err != nil {
		return err
	}
	if n == 0 || timeout > 0 {
		l.window.idle += l.clock() - before
	}
	for e := range n {
		if err := l.event(l.waiter.event(e)); err != nil {
			return err
		}
		if err := l.due(l.active); err != nil { // the clock as it was read last
			return err
		}
	}
	now := l.clock()
	if err := l.due(now); err != nil {
		return err
	}
	if silence := time.Duration(now - l.active); silence > l.timeout && l.underway > 0 && !l.lenient {
		return fmt.Errorf("the server has stalled: nothing has come back for %v, %d of %d connections wait for an answer",
			silence.Round(time.Millisecond), l.waiting(), len(l.conns))
	}
	return nil
}

// event meets what the poller has told of connection i.
func (l *load) event(i int, readable, writable bool) error {
	if l.conns[i].fd == 0 {
		return nil // it has ended since
	}
	if writable {
		if err := l.writable(i); err != nil {
			return l.broken(i, err)
		}
	}
	if readable {
		if err := l.readable(i); err != nil {
			return l.broken(i, err)
		}
	}
	return nil
}

// patience returns how long to wait for an event.
func (l *load) patience(now, until int64) time.Duration {
	if l.flowing && l.schedule != nil {
		plan := l.schedule.plan(l.schedule.next)
		if !l.polite {
			plan -= int64(time.Millisecond) // the kernel wakes late: be awake before
		}
		until = min(until, plan)
	}
	return time.Duration(max(until-now, 0))
}

// waiting counts the connections that wait for an answer.
func (l *load) waiting() (n int) {
	for i := range l.conns {
		if c := &l.conns[i]; c.fd > 0 && (c.done < c.released || !c.greeted) {
			n++
		}
	}
	return n
}

// stamp is where the stamp of message seq of connection i is kept.
func (l *load) stamp(i int, seq int64) *int64 {
	return &l.stamps[i*l.pipeline+int(seq%int64(l.pipeline))]
}

// release lets connection i send one more message. at is when the latency of the
// message begins.
func (l *load) release(i int, at int64) {
	c := &l.conns[i]
	*l.stamp(i, c.released) = at
	c.released++
	l.underway++
}

// releaseAll lets connection i, which waits for nothing, fill its pipeline.
func (l *load) releaseAll(i int, at int64) {
	for range l.pipeline {
		l.release(i, at)
	}
}

func (l *load) readable(i int) error {
	c := &l.conns[i]
	n, errno := sysRead(int(c.fd), l.buf)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return nil
	case errno != 0:
		return fmt.Errorf("connection %d of %d: %w", i+1, len(l.conns), os.NewSyscallError("read", errno))
	case n == 0:
		return fmt.Errorf("the server has closed connection %d of %d after %d messages", i+1, len(l.conns), c.done)
	}
	now := l.clock()
	l.active = now
	if l.inbox != nil && c.done == c.released {
		return l.deliver(i, l.buf[:n], now)
	}
	answers, reply, err := l.script.heard(i, l.buf[:n])
	if err != nil {
		return fmt.Errorf("connection %d, message %d: %w", i+1, c.done+1, err)
	}
	if len(reply) > 0 {
		c.aside = append(c.aside, reply...)
	}
	if answers > 0 && !c.greeted {
		answers--
		c.greeted = true
		l.release(i, *l.stamp(i, 0)) // when connecting began
	}
	if c.done+int64(answers) > c.sent/l.size {
		return fmt.Errorf("connection %d: more has come back than was sent", i+1)
	}
	for range answers {
		l.complete(i, now)
	}
	return l.flush(i)
}

// complete takes note of an answer to connection i's oldest message.
func (l *load) complete(i int, now int64) {
	c := &l.conns[i]
	stamp := *l.stamp(i, c.done)
	l.window.answer(stamp, now)
	l.underway--
	if c.done == 0 {
		l.entered(now - stamp)
	}
	c.done++
	switch {
	case !l.flowing:
	case l.schedule == nil && l.batch:
		if c.done == c.released {
			l.releaseAll(i, now)
		}
	case l.schedule == nil:
		l.release(i, now)
	case c.owed > 0:
		plan := l.schedule.oldest(i, c.owed, len(l.conns))
		c.owed--
		l.release(i, plan)
	}
}

// push is flush where nobody else looks after a connection that breaks.
func (l *load) push(i int) error {
	if err := l.flush(i); err != nil {
		return l.broken(i, err)
	}
	return nil
}

// flush sends what has been released, as far as the socket takes it.
func (l *load) flush(i int) error {
	c := &l.conns[i]
	for {
		chunk, aside := l.outgoing(i)
		if len(chunk) == 0 {
			return l.watch(i, false)
		}
		n, errno := sysWrite(int(c.fd), chunk)
		switch {
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			return l.watch(i, true)
		case errno != 0:
			return fmt.Errorf("connection %d of %d: %w", i+1, len(l.conns), os.NewSyscallError("write", errno))
		case !aside:
			c.sent += int64(n)
		case n < len(c.aside):
			c.aside = c.aside[n:]
		default:
			c.aside = nil
		}
	}
}

// outgoing returns what connection i is to send next, nothing if that is all.
func (l *load) outgoing(i int) (chunk []byte, aside bool) {
	c := &l.conns[i]
	end := c.released * l.size
	if len(c.aside) > 0 {
		begun := c.sent % l.size
		if begun == 0 {
			return c.aside, true
		}
		end = c.sent - begun + l.size
	}
	if c.sent == end {
		return nil, false
	}
	return l.script.at(i, c.sent, int(min(end-c.sent, int64(len(l.buf))))), false
}

// watch changes whether connection i is watched for writing, if it must.
func (l *load) watch(i int, blocked bool) error {
	c := &l.conns[i]
	if c.blocked == blocked {
		return nil
	}
	c.blocked = blocked
	return l.waiter.modify(int(c.fd), i, blocked)
}

func (l *load) writable(i int) error {
	c := &l.conns[i]
	if !c.connected {
		errno, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if err != nil {
			return os.NewSyscallError("getsockopt", err)
		}
		if errno != 0 {
			return l.connectError(i, syscall.Errno(errno))
		}
		c.connected = true
	}
	return l.flush(i)
}

// settleThread gives the calling goroutine a thread of its own whose sleeps end
// when they should, if the load shares its core: it has to sleep until a
// message's time has come, where others spin.
func (l *load) settleThread() {
	if l.polite {
		runtime.LockOSThread()
		sharpenSleep()
	}
}

var errFlowing = errors.New("messages are flowing: stop them first")
