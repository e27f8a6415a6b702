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

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"
)

// A load keeps a fixed number of messages under way on each of many connections
// to one server: a closed loop, in one thread, over raw sockets, so that the
// server rather than the load sets the pace.
type load struct {
	addr     netip.AddrPort
	size     int64
	pipeline int
	timeout  time.Duration // without any message coming back

	waiter  *waiter
	pattern pattern
	buf     []byte
	started time.Time // the zero of the clock

	conns   []loadConn
	stamps  []int64 // when messages were released: pipeline of them per connection
	opened  int     // connections whose first message has come back
	flowing bool    // a message that comes back releases the next one

	histogram  *hdrhistogram.Histogram
	messages   int64
	since      int64 // start of the window
	lastActive int64
}

// A loadConn is one connection. All positions count bytes of its stream.
type loadConn struct {
	fd        int
	connected bool
	blocked   bool  // watched for writing
	target    int64 // end of the last message released
	sent      int64
	received  int64
	done      int64 // messages that came back whole
}

// traffic is what a load has measured in one window.
type traffic struct {
	Elapsed   int64  `json:"elapsed_ns"`
	Messages  int64  `json:"messages"`
	Bytes     int64  `json:"bytes"` // one way
	Histogram string `json:"histogram"`
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
	addr := fs.String("addr", "", "address of the server")
	conns := fs.Int("conns", 1, "connections")
	size := fs.Int64("size", 64, "bytes per message")
	pipeline := fs.Int("pipeline", 1, "messages under way per connection")
	timeout := fs.Duration("timeout", 10*time.Second, "longest silence of the server")
	if err := parse(fs, args, stdout); err != nil {
		return err
	}
	to, err := netip.ParseAddrPort(*addr)
	if err != nil {
		return &usageError{"load", fmt.Errorf("-addr %q: %w", *addr, err)}
	}
	if err := checkConns(*conns); err != nil {
		return err
	}
	w, err := newWaiter()
	if err != nil {
		return err
	}
	l := &load{
		addr:      to,
		size:      *size,
		pipeline:  *pipeline,
		timeout:   *timeout,
		waiter:    w,
		pattern:   newPattern(),
		buf:       make([]byte, maxTransfer),
		started:   time.Now(),
		conns:     make([]loadConn, *conns),
		stamps:    make([]int64, *conns**pipeline),
		histogram: newHistogram(),
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
		r, err := l.answer(req)
		if err != nil {
			r.Error = err.Error()
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
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

func (l *load) answer(req request) (reply, error) {
	switch req.Cmd {
	case "prime":
		return reply{}, l.prime(min(len(l.conns), 16))
	case "open":
		return reply{}, l.open()
	case "start":
		return reply{}, l.start()
	case "begin":
		l.histogram.Reset()
		l.messages = 0
		l.since = l.clock()
		return reply{}, nil
	case "end":
		t := traffic{Elapsed: l.clock() - l.since, Messages: l.messages, Bytes: l.messages * l.size}
		var err error
		t.Histogram, err = encodeHistogram(l.histogram)
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
	l.lastActive = now
	for i := range l.conns {
		for range l.pipeline {
			l.release(i, now)
		}
		if err := l.flush(i); err != nil {
			return err
		}
	}
	return nil
}

// step handles one batch of events.
func (l *load) step() error {
	n, err := l.waiter.wait(100)
	if err != nil {
		return err
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
	}
	if silence := time.Duration(l.clock() - l.lastActive); silence > l.timeout {
		return fmt.Errorf("the server has stalled: nothing has come back for %v, %d of %d connections wait for an answer",
			silence.Round(time.Millisecond), l.waiting(), len(l.conns))
	}
	return nil
}

// waiting counts the connections that have sent what has not come back.
func (l *load) waiting() (n int) {
	for i := range l.conns {
		if c := &l.conns[i]; c.received < c.sent {
			n++
		}
	}
	return n
}

// release lets connection i send one more message.
func (l *load) release(i int, now int64) {
	c := &l.conns[i]
	seq := c.target / l.size
	l.stamps[i*l.pipeline+int(seq%int64(l.pipeline))] = now
	c.target += l.size
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
	case c.received+int64(n) > c.sent:
		return fmt.Errorf("connection %d: more has come back than was sent", i+1)
	case !l.pattern.matches(i, c.received, l.buf[:n]):
		return fmt.Errorf("connection %d, message %d: what has come back is not what was sent", i+1, c.done+1)
	}
	now := l.clock()
	l.lastActive = now
	c.received += int64(n)
	for c.received >= (c.done+1)*l.size {
		l.complete(i, now)
	}
	return l.flush(i)
}

// complete takes note that connection i's oldest message is back.
func (l *load) complete(i int, now int64) {
	c := &l.conns[i]
	took := now - l.stamps[i*l.pipeline+int(c.done%int64(l.pipeline))]
	_ = l.histogram.RecordValue(min(took, maxLatency)) // fails only beyond the range
	l.messages++
	if c.done == 0 {
		l.opened++
	}
	c.done++
	if l.flowing {
		l.release(i, now)
	}
}

// flush sends what has been released, as far as the socket takes it.
func (l *load) flush(i int) error {
	c := &l.conns[i]
	for c.sent < c.target {
		chunk := l.pattern.at(i, c.sent, int(min(c.target-c.sent, maxTransfer)))
		n, errno := sysWrite(c.fd, chunk)
		switch errno {
		case 0:
			c.sent += int64(n)
		case unix.EINTR:
		case unix.EAGAIN:
			return l.watch(i, true)
		default:
			return fmt.Errorf("connection %d of %d: %w", i+1, len(l.conns), os.NewSyscallError("write", errno))
		}
	}
	return l.watch(i, false)
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

// open opens all connections. One counts as open when its first message has come
// back, so the server has had its share of the work too.
func (l *load) open() error {
	deadline := openTimeout(l.timeout, len(l.conns))
	begin := l.clock()
	for next := 0; l.opened < len(l.conns); {
		for ; next < len(l.conns) && next-l.opened < openAtOnce; next++ {
			if err := l.connect(next); err != nil {
				return err
			}
		}
		l.lastActive = l.clock()
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

// connect begins to open connection i and releases its first message.
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
	l.conns[i] = loadConn{fd: fd, blocked: true}
	l.release(i, l.clock())
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(l.addr.Port()), Addr: l.addr.Addr().As4()})
	if err != nil && err != unix.EINPROGRESS {
		return l.connectError(i, err)
	}
	return l.waiter.add(fd, i, true)
}
