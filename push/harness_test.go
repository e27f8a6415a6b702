package push_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

// patience bounds what a test waits for.
const patience = 20 * time.Second

// bench is a server with its formats.
type bench struct {
	*push.Server
	t       testing.TB
	formats [2]*push.Format // by encoding
}

func start(t testing.TB, c push.Config) *bench {
	t.Helper()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := push.New(c)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{Server: s, t: t}
	for _, e := range []protocol.Encoding{protocol.Binary, protocol.JSON} {
		b.formats[e] = &push.Format{Encoding: e, Name: fmt.Sprint("test ", e), Wrap: func(f []byte) (any, int, error) { return f, len(f), nil }}
		if e == protocol.Binary {
			b.formats[e].Join = func(wires []any) any { return wires }
		}
		if err := s.Register(b.formats[e]); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { s.Close() })
	return b
}

// client is a Sink and what it has got.
type client struct {
	t       testing.TB
	session *push.Session
	format  *push.Format
	turns   chan func()
	ended   chan struct{}

	mu       sync.Mutex
	got      sync.Cond
	frames   []protocol.Frame
	blocked  bool
	room     int // messages that it takes until it is blocked, if > 0
	paused   bool
	ping     time.Duration
	code     protocol.Code
	closed   bool
	sendFail error
}

// attach connects a client, without HELLO.
func (b *bench) attach(e protocol.Encoding) *client {
	c := &client{t: b.t, format: b.formats[e], turns: make(chan func(), 1<<16), ended: make(chan struct{})}
	c.got.L = &c.mu
	c.session = b.Attach(c, c.format)
	go func() {
		for f := range c.turns {
			f()
		}
		close(c.ended)
	}()
	b.t.Cleanup(c.cut)
	return c
}

// connect connects a client and says HELLO.
func (b *bench) connect(session string, cursors ...protocol.Subscription) *client {
	b.t.Helper()
	c := b.attach(protocol.Binary)
	c.hello(session, cursors...)
	return c
}

func (c *client) hello(session string, cursors ...protocol.Subscription) *protocol.Welcome {
	c.t.Helper()
	c.write(&protocol.Hello{Version: protocol.Version, Session: session, Cursors: cursors})
	return next[*protocol.Welcome](c)
}

// cut ends the connection as the peer does, and returns when the session knows.
func (c *client) cut() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	c.mu.Unlock()
	c.turns <- func() { c.session.Closed(errors.New("cut")) }
	close(c.turns)
	<-c.ended
}

// write has the session receive a frame, in its turn.
func (c *client) write(f protocol.Frame) {
	c.t.Helper()
	b, err := protocol.Append(nil, c.format.Encoding, f)
	if err != nil {
		c.t.Fatal(err)
	}
	c.writeBytes(b)
}

func (c *client) writeBytes(b []byte) {
	if c.Do(func() { c.session.Receive(b) }) != nil {
		c.t.Fatal("the connection is closed")
	}
}

// frame waits for the next frame.
func (c *client) frame() protocol.Frame {
	c.t.Helper()
	timer := time.AfterFunc(patience, func() { c.got.Broadcast() })
	defer timer.Stop()
	deadline := time.Now().Add(patience)
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.frames) == 0 {
		if !time.Now().Before(deadline) {
			c.t.Fatal("no frame came")
		}
		c.got.Wait()
	}
	f := c.frames[0]
	c.frames = c.frames[1:]
	return f
}

// next waits for the next frame, which has to be of a type.
func next[F protocol.Frame](c *client) F {
	c.t.Helper()
	f := c.frame()
	x, ok := f.(F)
	if !ok {
		c.t.Fatalf("got %#v, want a %T", f, x)
	}
	return x
}

// message waits for the next MSG and returns its data.
func (c *client) message() string { c.t.Helper(); return string(next[*protocol.Msg](c).Data) }

// refused waits for the next ERR, of a code.
func (c *client) refused(code protocol.Code) *protocol.Err {
	c.t.Helper()
	e := next[*protocol.Err](c)
	if e.Code != code {
		c.t.Fatalf("got error %d %q, want %d", e.Code, e.Message, code)
	}
	return e
}

// none checks that no frame has come, when all turns are done.
func (c *client) none() {
	c.t.Helper()
	done := make(chan struct{})
	if c.Do(func() { close(done) }) == nil {
		<-done
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.frames) > 0 {
		c.t.Fatalf("got %#v", c.frames[0])
	}
}

// sub subscribes.
func (c *client) sub(filter string, qos protocol.QoS, cursor *protocol.Cursor) *protocol.SubOK {
	c.t.Helper()
	c.write(&protocol.Sub{ID: 7, Subscription: protocol.Subscription{Filter: filter, QoS: qos, Cursor: cursor}})
	return next[*protocol.SubOK](c)
}

// pub publishes and waits for the PUBACK of QoS 1.
func (c *client) pub(topic string, qos protocol.QoS, data string) *protocol.PubAck {
	c.t.Helper()
	c.write(&protocol.Pub{ID: 9, Topic: topic, QoS: qos, Data: []byte(data)})
	if qos == protocol.AtMostOnce {
		return nil
	}
	return next[*protocol.PubAck](c)
}

// block has the sink be full, or have room again.
func (c *client) block(blocked bool) {
	c.mu.Lock()
	was := c.blocked
	c.blocked = blocked
	c.mu.Unlock()
	if was && !blocked {
		c.Do(c.session.Writable)
	}
}

// end waits for the server to close the connection, and returns the code.
func (c *client) end() protocol.Code {
	c.t.Helper()
	select {
	case <-c.ended:
	case <-time.After(patience):
		c.t.Fatal("the connection was not closed")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

func (c *client) Send(wire any) error {
	wires, ok := wire.([]any)
	if !ok {
		wires = []any{wire}
	}
	var frames []protocol.Frame
	for _, w := range wires {
		f, err := protocol.Decode(c.format.Encoding, w.([]byte))
		if err != nil {
			c.t.Error(err)
		}
		frames = append(frames, f)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errors.New("closed")
	}
	if c.sendFail != nil {
		return c.sendFail
	}
	if c.room > 0 {
		if c.room = max(c.room-len(frames), 0); c.room == 0 {
			c.blocked = true
		}
	}
	c.frames = append(c.frames, frames...)
	c.got.Signal()
	return nil
}

func (c *client) Write(frame []byte) error { return c.Send(bytes.Clone(frame)) }

func (c *client) Writable() bool { c.mu.Lock(); defer c.mu.Unlock(); return !c.blocked }
func (c *client) Buffered() int  { return 0 }

func (c *client) Do(f func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errors.New("closed")
	}
	c.turns <- f
	return nil
}

func (c *client) Pause()  { c.mu.Lock(); c.paused = true; c.mu.Unlock() }
func (c *client) Resume() { c.mu.Lock(); c.paused = false; c.mu.Unlock() }

func (c *client) SetPing(d time.Duration) { c.mu.Lock(); c.ping = d; c.mu.Unlock() }

func (c *client) Close(code protocol.Code) {
	c.mu.Lock()
	c.code = code
	if !c.closed {
		c.closed = true
		c.turns <- func() { c.session.Closed(nil) }
		close(c.turns)
	}
	c.mu.Unlock()
}

func (c *client) RemoteAddr() netip.AddrPort { return netip.MustParseAddrPort("192.0.2.1:1234") }

// eventually waits until something holds.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for: " + what)
		}
	}
}

func (b *bench) publish(topic, data string) {
	b.t.Helper()
	if _, err := b.Publish(b.t.Context(), push.Publication{Topic: topic, Data: []byte(data), QoS: protocol.AtLeastOnce}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) idle() {
	b.t.Helper()
	eventually(b.t, "nothing is left of the session", func() bool {
		st := b.Stats()
		return st.Sessions == 0 && st.Subs == 0 && st.Behind == 0 && st.Attached == 0 && st.Topics == 0 && st.Pending == 0
	})
}

func (c *client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sendFail = err
}
