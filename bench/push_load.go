//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-go/weir/push/protocol"
)

// A pushLoad holds many subscribers of one server, and maybe a publisher, in one
// thread over raw sockets. Each subscriber has one topic, and checks every byte of
// what it gets, and that nothing is missing, comes twice or out of order.
type pushLoad struct {
	dialect dialect
	framing framing
	payload *payload
	names   []string // of topics
	timeout time.Duration
	first   int // number of the first subscriber among those of all loads
	all     int // subscribers of all loads
	index   int // of this load
	qos     int

	waiter  *waiter
	buf     []byte
	started time.Time // the zero of the clock
	epoch   int64     // what monotonic told then
	conns   []pushConn
	door    pushDoor
	opened  int  // subscribers
	priming bool // what is opened is not to be remembered
	losses  losses
	board   *board
	arrived uint64   // deliveries
	live    []uint32 // subscribers by topic

	// The same publication comes on very many connections: it is taken apart once.
	// Its place is its number, modulo the length.
	known []knownDelivery

	publisher int // its connection, behind the subscribers; -1 if another load has it
	flow      *outflow
	lastID    uint32
	flight    int // publications that are to be acknowledged
	maxFlight int // as the server says

	count  pushCount // of the phase
	window pushWindow
}

// A pushConn is one connection, or none while fd is 0.
type pushConn struct {
	fd      int32
	topic   int32
	state   connState
	blocked bool // watched for writing
	behind  bool // has not got yet what was published while it was away
	tries   uint8
	seq     uint64 // of the last publication that has come
	epoch   uint64 // of its cursor, 0 without one
	offset  uint64
	began   int64 // when connecting began
	out     []byte
	rest    []byte // what has not come whole
}

type connState uint8

const (
	dialing connState = iota // or closed
	shaking                  // the WebSocket is being opened
	greeting
	isOpen
)

// A knownDelivery is one that was taken apart and found to be right.
type knownDelivery struct {
	bytes  []byte
	p      publication
	offset uint64
	id     uint64 // number of the publication + 1
	got    uint32 // on how many connections it has come
}

func newPushLoad(o pushLoadOptions) (*pushLoad, error) {
	to, err := netip.ParseAddrPort(o.addr)
	if err != nil {
		return nil, &usageError{"push-load", fmt.Errorf("-addr %q: %w", o.addr, err)}
	}
	w, err := newWaiter()
	if err != nil {
		return nil, err
	}
	b, err := openBoard(o.board, o.loads, o.topics)
	if err != nil {
		return nil, err
	}
	l := &pushLoad{
		payload: newPayload(o.size), timeout: o.timeout, first: o.first, all: o.all, index: o.index, qos: o.qos,
		waiter: w, buf: make([]byte, maxTransfer), started: time.Now(), board: b, publisher: -1,
		conns: make([]pushConn, o.conns, o.conns+1), live: make([]uint32, o.topics),
		known: make([]knownDelivery, max(1024, 2*o.window)),
		door: pushDoor{
			addr:    unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()},
			sources: o.sources, atOnce: o.atOnce, took: newHistogram(), random: newRandom(o.index),
		},
	}
	l.epoch = monotonic() - l.clock()
	for t := range o.topics {
		l.names = append(l.names, topicName(t))
	}
	for i := range l.conns {
		l.conns[i].topic = int32((o.first + i) % o.topics)
	}
	if o.index == 0 {
		l.publisher = len(l.conns)
		l.conns = append(l.conns, pushConn{})
	}
	l.speak(o.peer, o.addr)
	return l, nil
}

// speak chooses the dialect of a peer.
func (l *pushLoad) speak(peer, addr string) {
	l.dialect, l.framing = chatDialect{}, newOnWebSocket(addr)
	if strings.HasPrefix(peer, "push") {
		l.dialect = pushDialect{protocol.QoS(l.qos)}
	}
	if peer == "push-tcp" {
		l.framing = onTCP{}
	}
}

// subscribers returns the connections but that of the publisher.
func (l *pushLoad) subscribers() []pushConn {
	if l.publisher >= 0 {
		return l.conns[:l.publisher]
	}
	return l.conns
}

func (l *pushLoad) clock() int64 { return int64(time.Since(l.started)) }

// step handles one batch of events, and publishes what is due meanwhile. It sleeps
// no longer than until the given moment.
func (l *pushLoad) step(until int64) error {
	now := l.clock()
	if l.flow != nil {
		if err := l.publish(now); err != nil {
			return err
		}
		until = min(until, l.flow.wake(now))
	}
	n, err := l.waiter.wait(time.Duration(max(until-now, 0)), true)
	if err != nil {
		return err
	}
	for e := range n {
		i, readable, writable := l.waiter.event(e)
		if err := l.event(i, readable, writable); err != nil {
			return err
		}
		if l.flow != nil && e%8 == 7 {
			if err := l.publish(l.clock()); err != nil {
				return err
			}
		}
	}
	return nil
}

// event meets what the poller has told of connection i.
func (l *pushLoad) event(i int, readable, writable bool) error {
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

func (l *pushLoad) readable(i int) error {
	c := &l.conns[i]
	n, errno := sysRead(int(c.fd), l.buf)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
		return nil
	case errno != 0:
		return fmt.Errorf("connection %d: %w", i+1, os.NewSyscallError("read", errno))
	case n == 0:
		return fmt.Errorf("the server has closed connection %d", i+1)
	}
	now := l.clock()
	p := l.buf[:n]
	if len(c.rest) > 0 {
		c.rest = append(c.rest, p...)
		p = c.rest
	}
	if c.state == shaking {
		var err error
		if p, err = l.shake(i, p); err != nil {
			return err
		}
	}
	for c.state > shaking {
		message, rest, reply, ok, err := l.framing.cut(p)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		p = rest
		switch {
		case reply != nil:
			c.out = append(c.out, reply...)
			err = l.flush(i)
		case message != nil:
			err = l.dialect.heard(l, i, message, now)
		}
		if err != nil {
			return err
		}
	}
	switch {
	case len(p) == 0:
		c.rest = nil
	case len(c.rest) != len(p): // not the same still
		c.rest = append([]byte(nil), p...)
	}
	return nil
}

// shake takes the answer to the handshake and returns what follows it.
func (l *pushLoad) shake(i int, p []byte) ([]byte, error) {
	end := bytes.Index(p, []byte("\r\n\r\n"))
	switch {
	case end < 0 && len(p) > maxResponse:
		return nil, errors.New("the answer to the handshake has no end")
	case end < 0:
		return p, nil
	case !bytes.HasPrefix(p, []byte("HTTP/1.1 101 ")) || !bytes.Contains(p[:end+2], []byte(" "+wsAccept+"\r\n")):
		return nil, fmt.Errorf("the answer to the handshake is %q", p[:end])
	}
	return p[end+4:], l.greet(i)
}

// greet says what comes first.
func (l *pushLoad) greet(i int) error {
	l.conns[i].state = greeting
	if i == l.publisher && l.dialect.greeted() {
		l.entered(i, l.clock())
		return nil
	}
	return l.say(i, func(dst []byte) ([]byte, error) { return l.dialect.greet(dst, l, i) })
}

// say sends a message on connection i.
func (l *pushLoad) say(i int, message func(dst []byte) ([]byte, error)) error {
	if err := l.put(i, message); err != nil {
		return err
	}
	return l.flush(i)
}

// put has a message sent with the next flush.
func (l *pushLoad) put(i int, message func(dst []byte) ([]byte, error)) error {
	m, err := message(nil)
	if err != nil {
		return err
	}
	c := &l.conns[i]
	c.out = append(l.framing.wrap(c.out, len(m)), m...)
	return nil
}

// flush sends what there is, as far as the socket takes it.
func (l *pushLoad) flush(i int) error {
	c := &l.conns[i]
	for len(c.out) > 0 {
		n, errno := sysWrite(int(c.fd), c.out)
		switch {
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			return l.watch(i, true)
		case errno != 0:
			return fmt.Errorf("connection %d: %w", i+1, os.NewSyscallError("write", errno))
		default:
			c.out = c.out[n:]
		}
	}
	c.out = nil
	return l.watch(i, false)
}

// watch changes whether connection i is watched for writing, if it must.
func (l *pushLoad) watch(i int, blocked bool) error {
	c := &l.conns[i]
	if c.blocked == blocked {
		return nil
	}
	c.blocked = blocked
	return l.waiter.modify(int(c.fd), i, blocked)
}

func (l *pushLoad) writable(i int) error {
	c := &l.conns[i]
	if c.state == dialing {
		errno, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if err != nil {
			return os.NewSyscallError("getsockopt", err)
		}
		if errno != 0 {
			return connectFailed(i, syscall.Errno(errno))
		}
		if hello := l.framing.hello(); hello != nil {
			c.state = shaking
			c.out = append(c.out, hello...)
		} else if err := l.greet(i); err != nil {
			return err
		}
	}
	return l.flush(i)
}

// settleThread gives the calling goroutine a thread of its own whose sleeps end
// when they should.
func (l *pushLoad) settleThread() {
	runtime.LockOSThread()
	sharpenSleep()
}
