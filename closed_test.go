package weir_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// A Conn may be kept: after the end everything says ErrClosed, and nothing else
// happens.
func TestConnAfterClose(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		timers := make(chan *weir.Timer, 1)
		closed := make(chan *weir.Conn, 1)
		s := &weir.Server{Handler: hooks{
			frame: func(c *weir.Conn, _ []byte) {
				c.SetContext("kept")
				timer, err := c.AfterFunc(time.Hour, func(*weir.Conn) { t.Error("a timer fired") })
				if err != nil {
					t.Error(err)
				}
				timers <- timer
				c.Close()
				checkClosed(t, "closing", c)
			},
			close: func(c *weir.Conn, _ error) {
				checkClosed(t, "in OnClose", c)
				checkDead(t, "in OnClose", c)
				closed <- c
			},
		}}
		nc := dial(t, serve(t, m, s))
		io.WriteString(nc, "x")
		io.Copy(io.Discard, nc)
		nc.Close()
		c := receive(t, closed, "OnClose")
		checkClosed(t, "after OnClose", c)
		checkDead(t, "after OnClose", c)
		if (<-timers).Stop() {
			t.Error("a timer could be stopped")
		}
		if got := c.RemoteAddr().String(); got != nc.LocalAddr().String() {
			t.Errorf("RemoteAddr %s, want %s", got, nc.LocalAddr())
		}
		if got := c.RemoteAddrPort().String(); got != nc.LocalAddr().String() {
			t.Errorf("RemoteAddrPort %s, want %s", got, nc.LocalAddr())
		}
		if got := c.LocalAddr().String(); got != nc.RemoteAddr().String() {
			t.Errorf("LocalAddr %s, want %s", got, nc.RemoteAddr())
		}
		if c.Context() != "kept" {
			t.Errorf("Context %v", c.Context())
		}
		if c.ID() == 0 {
			t.Error("ID is 0")
		}
	})
}

// checkClosed: nothing can be written any more.
func checkClosed(t *testing.T, when string, c *weir.Conn) {
	t.Helper()
	m, err := weir.NewMessage(nil, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release()
	released := 0
	checks := map[string]error{
		"WriteFrame":   c.WriteFrame([]byte("x")),
		"WriteOwned":   c.WriteOwned([]byte("x"), func() { released++ }),
		"WriteMessage": c.WriteMessage(m),
		"CloseWrite":   c.CloseWrite(),
		"WaitWritable": c.WaitWritable(context.Background()),
	}
	n, err := c.Write([]byte("x"))
	checks["Write"] = err
	k, err := c.Writev([][]byte{[]byte("x")})
	checks["Writev"] = err
	if n != 0 || k != 0 {
		t.Errorf("%s: %d and %d bytes were accepted", when, n, k)
	}
	if released != 1 {
		t.Errorf("%s: an owned write was released %d times", when, released)
	}
	if c.Writable() {
		t.Errorf("%s: Writable", when)
	}
	if n := c.Buffered(); n != 0 {
		t.Errorf("%s: %d bytes are buffered", when, n)
	}
	if err := c.Close(); err != nil {
		t.Errorf("%s: to close again is an error: %v", when, err)
	}
	checkAllClosed(t, when, checks)
}

// checkDead: neither can anything else be done.
func checkDead(t *testing.T, when string, c *weir.Conn) {
	t.Helper()
	_, timer := c.AfterFunc(0, func(*weir.Conn) { t.Errorf("%s: a timer fired", when) })
	if err := c.Abort(); err != nil {
		t.Errorf("%s: to abort again is an error: %v", when, err)
	}
	checkAllClosed(t, when, map[string]error{
		"Flush":            c.Flush(),
		"Do":               c.Do(func(*weir.Conn) { t.Errorf("%s: a function of Do ran", when) }),
		"AfterFunc":        timer,
		"PauseRead":        c.PauseRead(),
		"ResumeRead":       c.ResumeRead(),
		"SetProtocol":      c.SetProtocol(nil, echo),
		"SetReadDeadline":  c.SetReadDeadline(time.Now()),
		"SetWriteDeadline": c.SetWriteDeadline(time.Now()),
		"SetIdleTimeout":   c.SetIdleTimeout(time.Second),
		"SetNoDelay":       c.SetNoDelay(true),
		"SetKeepAlive":     c.SetKeepAlive(time.Second),
		"SetReadBuffer":    c.SetReadBuffer(4096),
		"SetWriteBuffer":   c.SetWriteBuffer(4096),
	})
}

func checkAllClosed(t *testing.T, when string, checks map[string]error) {
	t.Helper()
	for what, err := range checks {
		if !errors.Is(err, weir.ErrClosed) || !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %s returned %v", when, what, err)
		}
	}
}

// The error is ErrClosed also if the end came while bytes were waiting to be
// sent and could not.
func TestWriteAfterBrokenClose(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		conns, closed := make(chan *weir.Conn, 1), make(chan error, 1)
		s := &weir.Server{Handler: hooks{
			open:  func(c *weir.Conn) { conns <- c },
			close: func(_ *weir.Conn, err error) { closed <- err },
		}}
		s.Linger = patience
		nc := dial(t, serve(t, m, s))
		c := receive(t, conns, "OnOpen")
		c.Write(make([]byte, 16_000_000))
		c.Close()
		nc.SetLinger(0)
		nc.Close()
		if err := receive(t, closed, "OnClose"); err != nil {
			t.Errorf("OnClose got %v after Close", err)
		}
		checkClosed(t, "after OnClose", c)
	})
}

// Options of an open connection can be set.
func TestConnOptions(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		conns := make(chan *weir.Conn, 1)
		dial(t, serve(t, m, &weir.Server{Handler: hooks{open: func(c *weir.Conn) { conns <- c }}}))
		c := receive(t, conns, "OnOpen")
		for what, err := range map[string]error{
			"SetNoDelay":       c.SetNoDelay(false),
			"SetKeepAlive":     c.SetKeepAlive(1500 * time.Millisecond),
			"SetKeepAlive off": c.SetKeepAlive(0),
			"SetReadBuffer":    c.SetReadBuffer(4096),
			"SetWriteBuffer":   c.SetWriteBuffer(4096),
			"PauseRead":        c.PauseRead(),
			"ResumeRead":       c.ResumeRead(),
			"Flush":            c.Flush(),
		} {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}
