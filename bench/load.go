//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A load exchanges messages with one server over many connections, in one
// thread, over raw sockets, so that the server rather than the load sets the
// pace. It is a closed loop that keeps a fixed number of messages under way on
// each connection or, with a schedule, sends each message when its time has come.
type load struct {
	addr     netip.AddrPort
	script   script
	size     int64 // of a message as it is sent
	pipeline int
	batch    bool          // a connection sends its pipeline at once, when all of it has been answered
	timeout  time.Duration // without any answer
	polite   bool          // the server has the same core: sleep, do not spin

	waiter  *waiter
	buf     []byte
	started time.Time // the zero of the clock

	conns   []loadConn
	stamps  []int64 // when messages were released or planned: pipeline of them per connection
	opened  int     // connections whose first message has been answered
	flowing bool    // an answer releases the next message, or the schedule does

	schedule *schedule // nil: closed loop
	window   window
	underway int   // messages released and not yet answered
	active   int64 // when the server has last said anything, or had nothing to say
}

// A loadConn is one connection.
type loadConn struct {
	fd        int
	connected bool
	greeted   bool   // messages may be sent
	blocked   bool   // watched for writing
	aside     []byte // to be sent between two messages: the greeting, a reply
	sent      int64  // bytes of messages
	released  int64  // messages that may be sent
	done      int64  // messages that were answered
	owed      int64  // messages that are due but have to wait for an answer
}

// loadCommand is the load process. Its parent has it
//
//	prime  exchange a few messages over connections that are closed again
//	open   open all connections, exchange one message on each, and be idle
//	start  let messages flow until the process ends
//	begin  begin a window: forget what was measured before
//	end    report the window; the messages go on flowing
//
// An error is the last thing it says.
func loadCommand(_ context.Context, args []string, stdout, _ io.Writer) error {
	fs := flag.NewFlagSet("load", flag.ContinueOnError)
	var o loadOptions
	fs.StringVar(&o.bench, "bench", "echo", "benchmark")
	fs.StringVar(&o.addr, "addr", "", "address of the server")
	fs.IntVar(&o.conns, "conns", 1, "connections")
	fs.Int64Var(&o.size, "size", 64, "bytes per message")
	fs.StringVar(&o.request, "request", "", "HTTP request")
	fs.IntVar(&o.pipeline, "pipeline", 1, "messages under way per connection")
	fs.Float64Var(&o.rate, "rate", 0, "messages per second; 0: as many as are answered")
	fs.DurationVar(&o.timeout, "timeout", 10*time.Second, "longest silence of the server")
	fs.BoolVar(&o.polite, "polite", false, "leave the core to others while waiting")
	if err := parse(fs, args, stdout); err != nil {
		return err
	}
	if err := checkConns(o.conns); err != nil {
		return err
	}
	l, err := newLoad(o)
	if err != nil {
		return err
	}
	out := json.NewEncoder(stdout)
	if err := out.Encode(reply{}); err != nil {
		return err
	}
	requests := requests(os.Stdin)
	for {
		req, ok := l.work(requests, out)
		if !ok {
			continue
		}
		r, err := l.answer(req, o)
		if err != nil {
			r.Error = err.Error()
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
}

// loadOptions are the flags of the load process.
type loadOptions struct {
	bench    string
	addr     string
	conns    int
	size     int64
	request  string
	pipeline int
	rate     float64
	timeout  time.Duration
	polite   bool
}

func newLoad(o loadOptions) (*load, error) {
	to, err := netip.ParseAddrPort(o.addr)
	if err != nil {
		return nil, &usageError{"load", fmt.Errorf("-addr %q: %w", o.addr, err)}
	}
	b, err := findBenchmark(o.bench)
	if err != nil {
		return nil, &usageError{"load", err}
	}
	s, err := b.script(casting{addr: o.addr, conns: o.conns, size: o.size, request: o.request})
	if err != nil {
		return nil, &usageError{"load", err}
	}
	w, err := newWaiter()
	if err != nil {
		return nil, err
	}
	l := &load{
		addr:     to,
		script:   s,
		size:     s.size(),
		pipeline: o.pipeline,
		batch:    b.batch,
		timeout:  o.timeout,
		polite:   o.polite,
		waiter:   w,
		buf:      make([]byte, maxTransfer),
		started:  time.Now(),
		conns:    make([]loadConn, o.conns),
		stamps:   make([]int64, o.conns*o.pipeline),
		window:   newWindow(),
	}
	if o.rate > 0 {
		l.schedule = &schedule{spacing: 1e9 / o.rate}
	}
	return l, nil
}

// work lets messages flow, if they do, until there is a request to answer. A
// failure is told at once.
func (l *load) work(requests <-chan request, out *json.Encoder) (request, bool) {
	if !l.flowing {
		return <-requests, true
	}
	if err := l.step(); err != nil {
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

func (l *load) answer(req request, o loadOptions) (reply, error) {
	switch req.Cmd {
	case "prime":
		return reply{}, prime(o)
	case "open":
		return reply{}, l.open()
	case "start":
		return reply{}, l.start()
	case "begin":
		l.window.begin(l.clock(), l.schedule != nil)
		return reply{}, nil
	case "end":
		t, err := l.end()
		return reply{Traffic: &t}, err
	}
	return reply{}, fmt.Errorf("unknown request %q", req.Cmd)
}

// clock is the monotonic time in nanoseconds: some 30 ns a reading. It is read
// once per event, after the read: that moment is both the end of a message and
// the release of the one that follows it.
func (l *load) clock() int64 { return int64(time.Since(l.started)) }

func (l *load) start() error {
	l.flowing = true
	now := l.clock()
	l.active = now
	if l.schedule != nil {
		l.schedule.start = now
		return nil
	}
	for i := range l.conns {
		l.releaseAll(i, now)
		if err := l.flush(i); err != nil {
			return err
		}
	}
	return nil
}

// step handles one batch of events, and what falls due meanwhile.
func (l *load) step() error {
	before := l.clock()
	timeout := l.patience(before)
	n, err := l.waiter.wait(timeout)
	if err != nil {
		return err
	}
	if n == 0 || timeout > 0 {
		l.window.idle += l.clock() - before
	}
	for e := range n {
		i, readable, writable := l.waiter.event(e)
		if writable {
			if err := l.writable(i); err != nil {
				return err
			}
		}
		if readable {
			if err := l.readable(i); err != nil {
				return err
			}
		}
		if err := l.due(l.active); err != nil { // the clock as it was read last
			return err
		}
	}
	now := l.clock()
	if err := l.due(now); err != nil {
		return err
	}
	if silence := time.Duration(now - l.active); silence > l.timeout && l.underway > 0 {
		return fmt.Errorf("the server has stalled: nothing has come back for %v, %d of %d connections wait for an answer",
			silence.Round(time.Millisecond), l.waiting(), len(l.conns))
	}
	return nil
}

// patience returns how many milliseconds to wait for an event.
func (l *load) patience(now int64) int {
	const longest = 100
	if l.schedule == nil || !l.flowing {
		return longest
	}
	left := (l.schedule.plan(l.schedule.next) - now) / int64(time.Millisecond)
	if l.polite {
		left++ // late by up to a millisecond, but the server has the core
	} else {
		left-- // the kernel wakes late: be awake before
	}
	return int(min(max(left, 0), longest))
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

// release lets connection i send one more message. at is when the latency of the
// message begins.
func (l *load) release(i int, at int64) {
	c := &l.conns[i]
	l.stamps[i*l.pipeline+int(c.released%int64(l.pipeline))] = at
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
	n, errno := sysRead(c.fd, l.buf)
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
		l.release(i, now)
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
	l.window.answer(l.stamps[i*l.pipeline+int(c.done%int64(l.pipeline))], now)
	l.underway--
	if c.done == 0 {
		l.opened++
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
		c.owed--
		l.release(i, l.planOf(i, c.released))
	}
}

// flush sends what has been released, as far as the socket takes it.
func (l *load) flush(i int) error {
	c := &l.conns[i]
	for {
		chunk, aside := l.outgoing(i)
		if len(chunk) == 0 {
			return l.watch(i, false)
		}
		n, errno := sysWrite(c.fd, chunk)
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
	return l.script.at(i, c.sent, int(min(end-c.sent, maxTransfer))), false
}

// watch changes whether connection i is watched for writing, if it must.
func (l *load) watch(i int, blocked bool) error {
	c := &l.conns[i]
	if c.blocked == blocked {
		return nil
	}
	c.blocked = blocked
	return l.waiter.modify(c.fd, i, blocked)
}

func (l *load) writable(i int) error {
	c := &l.conns[i]
	if !c.connected {
		errno, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
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

func (l *load) connectError(i int, err error) error {
	err = fmt.Errorf("connection %d of %d: %w", i+1, len(l.conns), os.NewSyscallError("connect", err))
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		err = fmt.Errorf("%w (no local port is left)", err)
	}
	return err
}

// openAtOnce bounds how many connections are being opened at a time. It stays
// below the accept queue of any server.
const openAtOnce = 100

// open opens all connections. One counts as open when its first message has been
// answered, so the server has had its share of the work too.
func (l *load) open() error {
	deadline := openTimeout(l.timeout, len(l.conns))
	begin := l.clock()
	for next := 0; l.opened < len(l.conns); {
		for ; next < len(l.conns) && next-l.opened < openAtOnce; next++ {
			if err := l.connect(next); err != nil {
				return err
			}
		}
		l.active = l.clock()
		if err := l.step(); err != nil {
			return err
		}
		if time.Duration(l.clock()-begin) > deadline {
			return fmt.Errorf("only %d of %d connections are open after %v", l.opened, len(l.conns), deadline)
		}
	}
	return nil
}

// openTimeout is the time given to opening conns connections.
func openTimeout(timeout time.Duration, conns int) time.Duration {
	return timeout + time.Duration(conns)*time.Millisecond
}

// connect begins to open connection i, and says what comes first.
func (l *load) connect(i int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	// The end is a reset: thousands of connections in TIME_WAIT would weigh on
	// the runs that follow.
	linger := unix.Linger{Onoff: 1, Linger: 0}
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	l.conns[i] = loadConn{fd: fd, blocked: true, aside: l.script.greeting()}
	if c := &l.conns[i]; c.aside == nil {
		c.greeted = true
		l.release(i, l.clock())
	}
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(l.addr.Port()), Addr: l.addr.Addr().As4()})
	if err != nil && err != unix.EINPROGRESS {
		return l.connectError(i, err)
	}
	return l.waiter.add(fd, i, true)
}
