package weir_test

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// A connection that ends in many ways at once is opened once and closed once.
func TestOneOpenOneClose(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		var enders sync.WaitGroup
		j := newJudge(t, hooks{
			open: func(c *weir.Conn) {
				c.SetIdleTimeout(time.Millisecond)
				c.SetReadDeadline(time.Now().Add(time.Millisecond))
				c.AfterFunc(time.Millisecond, func(c *weir.Conn) { c.Close() })
				for range 3 {
					enders.Go(func() { c.Close() })
					enders.Go(func() { c.Write([]byte("last words")); c.CloseWrite() })
				}
				enders.Go(func() { c.Abort() })
				c.Write([]byte("hello"))
			},
			frame: func(c *weir.Conn, frame []byte) { c.Write(frame); c.Close() },
		})
		s := &weir.Server{Handler: j, Config: weir.Config{Logger: quiet()}}
		addr := serve(t, m, s)
		n := less(500)
		inParallel(n, 16, func(i int) {
			nc, err := net.DialTimeout("tcp", addr, patience)
			if isReset(err) || isBroken(err) {
				return // Abort was that quick
			} else if err != nil {
				t.Error(err)
				return
			}
			nc.Write([]byte("some bytes"))
			if i%2 == 0 {
				nc.(*net.TCPConn).SetLinger(0) // RST
			}
			nc.Close()
		})
		eventually(t, "every connection is accepted", func() bool { return s.Stats().Accepted >= uint64(n) })
		j.settled(int64(n))
		enders.Wait()
		eventually(t, "no connection is left", func() bool { return s.Stats().Conns == 0 })
		if st := s.Stats(); st.Accepted != st.Closed || st.Accepted != uint64(n) || st.Buffered != 0 {
			t.Errorf("%d accepted, %d closed of %d, %d bytes buffered", st.Accepted, st.Closed, n, st.Buffered)
		}
	})
}

// The single ways to end, one by one, with what OnClose gets in each.
func TestCloseCauses(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(c *weir.Conn)
		peer func(nc *net.TCPConn)
		want func(err error) bool
	}{
		{name: "Close", end: func(c *weir.Conn) { c.Close() }, want: is(nil)},
		{name: "Close twice", end: func(c *weir.Conn) { c.Close(); c.Close() }, want: is(nil)},
		{name: "Abort", end: func(c *weir.Conn) { c.Abort() }, want: is(weir.ErrClosed)},
		{name: "Close, Abort", end: func(c *weir.Conn) { c.Close(); c.Abort() }, want: is(nil)},
		{name: "Abort, Close", end: func(c *weir.Conn) { c.Abort(); c.Close() }, want: is(weir.ErrClosed)},
		{name: "idle", end: func(c *weir.Conn) { c.SetIdleTimeout(time.Millisecond) }, want: is(weir.ErrIdleTimeout)},
		{name: "deadline", end: func(c *weir.Conn) { c.SetReadDeadline(time.Now()) }, want: is(weir.ErrReadTimeout)},
		{name: "panic", end: func(c *weir.Conn) { panic("the test's") }, want: isPanic("the test's")},
		{name: "FIN", peer: func(nc *net.TCPConn) { nc.Close() }, want: isEOF},
		{name: "RST", peer: func(nc *net.TCPConn) { nc.SetLinger(0); nc.Close() }, want: isReset},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				closed := make(chan error, 2)
				j := newJudge(t, hooks{
					frame: func(c *weir.Conn, _ []byte) {
						if test.end != nil {
							test.end(c)
						} else {
							c.Write([]byte("go on"))
						}
					},
					close: func(_ *weir.Conn, err error) { closed <- err },
				})
				nc := dial(t, serve(t, m, &weir.Server{Handler: j, Config: weir.Config{Logger: quiet()}}))
				nc.Write([]byte("x"))
				if test.peer != nil {
					nc.Read(make([]byte, 8))
					test.peer(nc)
				} else {
					nc.Read(make([]byte, 8)) // until FIN or RST
					nc.Close()
				}
				if err := receive(t, closed, "OnClose"); !test.want(err) {
					t.Errorf("OnClose got %v (%T)", err, err)
				}
				j.settled(1)
			})
		})
	}
}
