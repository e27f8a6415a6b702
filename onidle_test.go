package weir_test

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// idleHooks are hooks with OnIdle.
type idleHooks struct {
	hooks
	idle func(c *weir.Conn)
}

func (h idleHooks) OnIdle(c *weir.Conn) { h.idle(c) }

// OnIdle comes instead of the end, for each idle timeout that passes.
func TestOnIdle(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		closed := make(chan error, 1)
		idle := make(chan time.Time)
		s := &weir.Server{Handler: idleHooks{
			hooks: hooks{close: func(_ *weir.Conn, err error) { closed <- err }},
			idle: func(c *weir.Conn) {
				now := time.Now()
				c.Write([]byte("?"))
				go func() { idle <- now }()
			},
		}}
		s.IdleTimeout = short
		start := time.Now()
		nc := dial(t, serve(t, m, s))
		for range 3 {
			at := receive(t, idle, "OnIdle")
			if d := at.Sub(start); d < s.IdleTimeout-reactorTick {
				t.Errorf("OnIdle came after %v", d)
			}
			start = at
		}
		if _, err := io.ReadFull(nc, make([]byte, 3)); err != nil {
			t.Error(err)
		}
		nc.Close()
		for done := false; !done; {
			select {
			case <-idle:
			case err := <-closed:
				if err != io.EOF {
					t.Errorf("OnClose got %v", err)
				}
				done = true
			}
		}
		if n := s.Stats().Timeouts; n != 0 {
			t.Errorf("%d timeouts are counted", n)
		}
	})
}

// Traffic is no silence, be it but parts of a frame.
func TestOnIdleWhileReceiving(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		idle := make(chan time.Time, 100)
		s := &weir.Server{Codec: codec.Line{}, Handler: idleHooks{idle: func(*weir.Conn) { idle <- time.Now() }}}
		s.IdleTimeout = 20 * short
		nc := dial(t, serve(t, m, s))
		var last time.Time
		for start := time.Now(); time.Since(start) < s.IdleTimeout*3/2; time.Sleep(short) {
			last = time.Now()
			io.WriteString(nc, "x")
		}
		if d := receive(t, idle, "OnIdle").Sub(last); d < s.IdleTimeout-reactorTick {
			t.Errorf("OnIdle came %v after the last byte", d)
		}
	})
}

// pinging is a protocol that pings a silent peer, and ponging the one that it
// switches to until the peer shows a sign of life; if there is none, the connection
// ends.
type pinging struct {
	hooks
	waits *atomic.Pointer[weir.Protocol]
}

func (p pinging) OnFrame(c *weir.Conn, frame []byte) { c.WriteFrame(frame) }
func (p pinging) OnIdle(c *weir.Conn) {
	c.WriteFrame([]byte("ping"))
	c.Switch(p.waits.Load())
}
func (p pinging) Timeouts() weir.Timeouts { return weir.Timeouts{Idle: short} }

type ponging struct {
	hooks
	pings *atomic.Pointer[weir.Protocol]
	idle  time.Duration
}

func (p ponging) OnFrame(c *weir.Conn, frame []byte) { c.Switch(p.pings.Load()) }
func (p ponging) Timeouts() weir.Timeouts            { return weir.Timeouts{Idle: p.idle} }

// protocolOf is a Protocol of lines.
func protocolOf(t *testing.T, h weir.Handler) *weir.Protocol {
	t.Helper()
	p, err := weir.NewProtocol(codec.Line{}, h)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A keep-alive is two shared Protocols that a connection switches between. The
// timeouts are of the Protocols, whether they are the same or not.
func TestKeepAliveByProtocols(t *testing.T) {
	for _, wait := range []time.Duration{short, 2 * short} {
		t.Run(wait.String(), func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				closed := make(chan error, 2)
				h := hooks{close: func(_ *weir.Conn, err error) { closed <- err }}
				var pings, waits atomic.Pointer[weir.Protocol]
				pings.Store(protocolOf(t, pinging{h, &waits}))
				waits.Store(protocolOf(t, ponging{h, &pings, patience}))
				s := &weir.Server{Codec: codec.Line{}, Handler: pinging{h, &waits}}
				nc := dial(t, serve(t, m, s))
				expect := func(want string) {
					t.Helper()
					got := make([]byte, len(want))
					if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
						t.Fatalf("got %q, %v, want %q", got, err, want)
					}
				}
				for range 3 {
					expect("ping\n")
					io.WriteString(nc, "pong\n")
				}
				expect("ping\n")
				io.WriteString(nc, "pong\nhello\n")
				expect("hello\n")
				expect("ping\n")
				select {
				case err := <-closed:
					t.Fatalf("OnClose got %v", err)
				default:
				}
				// No pong in time.
				waits.Store(protocolOf(t, ponging{h, &pings, wait}))
				io.WriteString(nc, "pong\n")
				start := time.Now()
				expect("ping\n")
				if err := receive(t, closed, "OnClose"); !errors.Is(err, weir.ErrIdleTimeout) {
					t.Errorf("OnClose got %v", err)
				}
				if d := time.Since(start); d < wait-reactorTick {
					t.Errorf("the end came %v after the ping", d)
				}
				if n := s.Stats().Timeouts; n != 1 {
					t.Errorf("%d timeouts are counted", n)
				}
			})
		})
	}
}

// What OnIdle costs is a turn now and then: no memory of the connection's own, and
// none of the heap while it comes again and again.
func TestOnIdleAllocatesNothing(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		const conns = 100
		var addr string
		idle := make(chan *weir.Conn, 10*conns)
		h := idleHooks{idle: func(c *weir.Conn) {
			select {
			case idle <- c:
			default:
			}
		}}
		s := &weir.Server{Handler: h}
		s.IdleTimeout = short
		addr = serve(t, m, s)
		var all []net.Conn
		for range conns {
			all = append(all, dial(t, addr))
		}
		for range 3 * conns {
			if c := receive(t, idle, "OnIdle"); weir.HasExtension(c) {
				t.Fatal("the connection has an extension")
			}
		}
		if n := s.Stats().Conns; n != len(all) {
			t.Errorf("%d connections are left", n)
		}
	})
}
