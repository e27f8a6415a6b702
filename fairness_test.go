package weir_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// crowd is n, or as many connections as a poller can watch when both of their
// ends are in this process.
func crowd(m mode, n int) int {
	if m.Poller == weir.PollerSelect {
		return min(n, 400)
	}
	return n
}

// vanish makes Close send RST, so that thousands of connections leave no sockets
// in TIME_WAIT behind.
func vanish(c *net.TCPConn) *net.TCPConn {
	c.SetLinger(0)
	return c
}

// flood has n connections send without end until the test is over. It returns
// the number of bytes sent so far.
func flood(t *testing.T, addr string, n int) *atomic.Int64 {
	t.Helper()
	var sent atomic.Int64
	var running sync.WaitGroup
	var conns []net.Conn
	for range n {
		c := vanish(dial(t, addr))
		c.SetDeadline(time.Time{})
		conns = append(conns, c)
	}
	t.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
		running.Wait()
	})
	drop, _ := lengths.Append(nil, make([]byte, 1000))
	water := bytes.Repeat(drop, 256)
	for _, c := range conns {
		running.Go(func() {
			for {
				n, err := c.Write(water)
				sent.Add(int64(n))
				if err != nil {
					if !errors.Is(err, net.ErrClosed) {
						t.Errorf("the flood: %v", err)
					}
					return
				}
			}
		})
	}
	return &sent
}

// pong answers pings, and not the drops of a flood.
var pong = weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
	if len(frame) == len("ping") {
		c.WriteFrame(frame)
	}
})

var pingFrame = []byte("\x00\x00\x00\x04ping")

// A connection that always has something to read does not keep the others from
// being served, not even when there is only one worker.
func TestFloodStarvesNobody(t *testing.T) {
	const rounds = 5
	eachMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Codec: lengths, Handler: pong}
		s.Loops, s.Workers = 1, 1
		addr := serve(t, m, s)
		sent := flood(t, addr, 1)
		conns := make([]*net.TCPConn, crowd(m, less(1000)))
		for i := range conns {
			conns[i] = vanish(dial(t, addr))
		}
		got := make([]byte, len(pingFrame))
		for range rounds {
			before := sent.Load()
			for _, c := range conns {
				c.SetDeadline(time.Now().Add(patience))
				c.Write(pingFrame)
			}
			for _, c := range conns {
				if _, err := io.ReadFull(c, got); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "the flood goes on", func() bool { return sent.Load() > before })
		}
	})
}

// Connections that always have something to read do not keep new ones from being
// accepted and served.
func TestAcceptUnderLoad(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		n := crowd(m, less(5000))
		s := &weir.Server{Codec: lengths, Handler: pong}
		s.Loops = 1
		addr := serve(t, m, s)
		sent := flood(t, addr, 4)
		eventually(t, "the flood runs", func() bool { return sent.Load() > 1<<20 })
		inParallel(n, 64, func(int) {
			c, err := net.DialTimeout("tcp", addr, patience)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { vanish(c.(*net.TCPConn)).Close() })
			c.SetDeadline(time.Now().Add(patience))
			c.Write(pingFrame)
			if _, err := io.ReadFull(c, make([]byte, len(pingFrame))); err != nil {
				t.Error(err)
			}
		})
		if got := s.Stats().Conns; got != n+4 && !t.Failed() {
			t.Errorf("%d connections are open, of %d", got, n+4)
		}
	})
}

// Half a frame occupies no worker, however many connections hold one.
func TestPartialFramesHoldNoWorker(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		// 10,000, if there were descriptors for both ends.
		n := crowd(m, less(9000))
		s := &weir.Server{Codec: codec.Line{}, Handler: weir.HandlerFunc(func(c *weir.Conn, line []byte) {
			c.WriteFrame(line)
		})}
		s.Workers = 1
		addr := serve(t, m, s)
		conns := make([]*net.TCPConn, n)
		inParallel(n, 16, func(i int) {
			c, err := net.DialTimeout("tcp", addr, patience)
			if err != nil {
				t.Error(err)
				return
			}
			conns[i] = vanish(c.(*net.TCPConn))
			io.WriteString(c, "half a li")
		})
		defer func() {
			for _, c := range conns {
				if c != nil {
					c.Close()
				}
			}
		}()
		if t.Failed() {
			return
		}
		eventually(t, "the halves have arrived", func() bool { return s.Stats().BytesIn == uint64(9*n) })
		eventually(t, "no worker is left", func() bool { return s.Stats().Workers == 0 })
		fresh := dial(t, addr)
		line := func(c net.Conn, send, want string) {
			io.WriteString(c, send)
			got := make([]byte, len(want))
			c.SetDeadline(time.Now().Add(patience))
			if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
				t.Fatalf("got %q, %v instead of %q", got, err, want)
			}
		}
		line(fresh, "whole\n", "whole\n")
		for _, i := range []int{0, n / 2, n - 1} {
			line(conns[i], "ne\n", "half a line\n")
		}
		if got := s.Stats().FramesIn; got != 4 {
			t.Errorf("%d frames were delivered", got)
		}
	})
}
