package client_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
)

// fakeServer speaks the protocol on TCP as a test says.
type fakeServer struct {
	t  testing.TB
	ln net.Listener
}

func fake(t testing.TB) *fakeServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return &fakeServer{t, ln}
}

func (s *fakeServer) url() string { return "tcp://" + s.ln.Addr().String() }

// accept waits for a connection.
func (s *fakeServer) accept() *peer {
	s.t.Helper()
	_ = s.ln.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := s.ln.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return &peer{t: s.t, conn: conn, in: bufio.NewReader(conn)}
}

// greet accepts a connection, and its HELLO. Zero fields of w are set to something that
// does.
func (s *fakeServer) greet(w protocol.Welcome) (*peer, *protocol.Hello) {
	s.t.Helper()
	p := s.accept()
	h := expect[*protocol.Hello](p)
	if w.Session == "" {
		w.Session = "session"
	}
	if w.MaxMessage == 0 {
		w.MaxMessage = 1 << 16
	}
	if w.MaxTopic == 0 {
		w.MaxTopic = 255
	}
	if w.MaxFlight == 0 {
		w.MaxFlight = 100
	}
	w.MaxSubs = 1000
	p.send(&w)
	return p, h
}

// peer is the server's end of a connection.
type peer struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

// read returns the next frame, or nil if the client has ended the connection.
func (p *peer) read() protocol.Frame {
	p.t.Helper()
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	n, err := binary.ReadUvarint(p.in)
	var f protocol.Frame
	if err == nil {
		b := make([]byte, n)
		if _, err = io.ReadFull(p.in, b); err == nil {
			if f, err = protocol.Decode(protocol.Binary, b); err != nil {
				p.t.Fatal(err)
			}
			return f
		}
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		p.t.Fatal("timed out waiting for a frame")
	}
	return nil
}

// expect reads a frame of a type.
func expect[F protocol.Frame](p *peer) F {
	p.t.Helper()
	f := p.read()
	want, ok := f.(F)
	if !ok {
		p.t.Fatalf("received %T %+v, not %T", f, f, want)
	}
	return want
}

// ended waits until the client has ended the connection.
func (p *peer) ended() {
	p.t.Helper()
	if f := p.read(); f != nil {
		p.t.Fatalf("received %T %+v, not the end", f, f)
	}
}

func (p *peer) send(frames ...protocol.Frame) {
	p.t.Helper()
	var out []byte
	for _, f := range frames {
		b, err := protocol.Append(nil, protocol.Binary, f)
		if err != nil {
			p.t.Fatal(err)
		}
		out = append(binary.AppendUvarint(out, uint64(len(b))), b...)
	}
	if _, err := p.conn.Write(out); err != nil {
		p.t.Fatal(err)
	}
}

// sync waits until the client has taken all that was sent.
func (p *peer) sync() {
	p.t.Helper()
	p.send(protocol.Ping{})
	expect[*protocol.Pong](p)
}

func (p *peer) close() { p.conn.Close() }

// fakeClock is a Clock that stands still until it is told otherwise.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*fakeTimer
}

type fakeTimer struct {
	at time.Time
	f  func()
}

func newClock() *fakeClock { return &fakeClock{now: time.Unix(1_000_000, 0)} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) AfterFunc(d time.Duration, f func()) func() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &fakeTimer{c.now.Add(d), f}
	c.timers = append(c.timers, t)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		i := slices.Index(c.timers, t)
		if i >= 0 {
			c.timers = slices.Delete(c.timers, i, i+1)
		}
		return i >= 0
	}
}

// advance lets time pass, and runs what is due by then.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var due []func()
	c.timers = slices.DeleteFunc(c.timers, func(t *fakeTimer) bool {
		if t.at.After(c.now) {
			return false
		}
		due = append(due, t.f)
		return true
	})
	c.mu.Unlock()
	for _, f := range due {
		f()
	}
}

// until waits until somebody waits for d from now on, and lets it pass.
func (c *fakeClock) until(t testing.TB, d time.Duration) {
	t.Helper()
	eventually(t, "a timer is set to "+d.String(), func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return slices.ContainsFunc(c.timers, func(t *fakeTimer) bool { return t.at.Equal(c.now.Add(d)) })
	})
	c.advance(d)
}

// half is a Random.
func half() float64 { return 0.5 }

// timed is a group whose time stands still, and whose random numbers are 0.5.
func timed(t testing.TB) (*client.Group, *fakeClock) {
	clock := newClock()
	return group(t, client.GroupConfig{Clock: clock, Random: half}), clock
}
