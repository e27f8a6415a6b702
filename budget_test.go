package weir_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/weir-go/weir"
)

// Unfinished frames that need more than MaxBuffered together end connections with
// ErrBudget, and not those that need nothing.
func TestBudgetForUnfinishedFrames(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		const conns = 40
		closed := make(chan error, conns+1)
		var opened atomic.Int64
		s := &weir.Server{Codec: lengths, Handler: hooks{
			open:  func(*weir.Conn) { opened.Add(1) },
			frame: pong,
			close: func(_ *weir.Conn, err error) { closed <- err },
		}}
		s.MaxBuffered, s.Loops = 1<<20, 1 // with more loops the limit is softer
		addr := serve(t, m, s)
		early := dial(t, addr)
		pings(t, early)
		frame, err := lengths.Append(nil, make([]byte, 64<<10))
		if err != nil {
			t.Fatal(err)
		}
		var holders []net.Conn
		for range conns {
			holders = append(holders, dial(t, addr))
		}
		// What comes while a callback runs grows in a buffer that doubles, because
		// the codec is not asked then how much it will be. The figure below is for
		// buffers of just the right size, so OnOpen has to be over everywhere.
		eventually(t, "every connection is at rest", func() bool {
			return opened.Load() == conns+1 && s.Stats().Workers == 0
		})
		for _, c := range holders {
			c.Write(frame[:len(frame)-1])
		}
		if err := receive(t, closed, "OnClose"); !errors.Is(err, weir.ErrBudget) {
			t.Errorf("OnClose got %v", err)
		}
		eventually(t, "the rest fits", func() bool {
			st := s.Stats()
			return st.Conns+int(st.Closed) == conns+1 && st.Buffered <= s.MaxBuffered && st.OverBudget == st.Closed
		})
		if n := s.Stats().Conns; n < 15 {
			t.Errorf("only %d connections are left, the budget has room for 15", n)
		}
		pings(t, early)
		// Those who may go on do, and give back what they had.
		for _, c := range holders {
			c.Write(frame[len(frame)-1:])
			c.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, c)
		}
		eventually(t, "the buffers are given back", func() bool { return s.Stats().Buffered == 0 })
		pings(t, early)
	})
}

// pings sends a ping in a frame and waits for the answer.
func pings(t *testing.T, c net.Conn) {
	t.Helper()
	got := make([]byte, len(pingFrame))
	c.Write(pingFrame)
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, pingFrame) {
		t.Fatalf("instead of the answer came %q, %v", got, err)
	}
}

// A backlog that would exceed MaxBuffered is refused with ErrBudget; peers that
// read are served all the same.
func TestBudgetForBacklog(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		opened := make(chan *weir.Conn, 1)
		s := &weir.Server{Codec: lengths, Handler: hooks{
			open:  func(c *weir.Conn) { opened <- c },
			frame: pong,
		}}
		s.MaxBuffered = 1 << 20
		s.HighWatermark = 64 << 20
		addr := serve(t, m, s)
		deaf := dial(t, addr)
		c := receive(t, opened, "OnOpen")
		accepted, err := push(c, gigabyte)
		if !errors.Is(err, weir.ErrBudget) {
			t.Fatalf("%d parcels were accepted, then came %v", accepted, err)
		}
		if st := s.Stats(); st.OverBudget != 1 || st.Buffered > s.MaxBuffered+parcelSize+4 {
			t.Errorf("%+v", st)
		}
		pings(t, dial(t, addr))
		for i := range accepted {
			if got := unpack(t, deaf); got != i {
				t.Fatalf("parcel %d came instead of %d", got, i)
			}
		}
		eventually(t, "the backlog has gone", func() bool { return s.Stats().Buffered == 0 })
		if _, err := push(c, 1); err != nil {
			t.Errorf("a write after the backlog has gone: %v", err)
		}
		unpack(t, deaf)
	})
}
