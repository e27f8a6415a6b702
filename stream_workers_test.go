package weir_test

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// Callbacks that wait do not count against Workers, however many there are; when
// they go on they do, and the bound holds again.
func TestWaitingCallbacksHoldNoWorker(t *testing.T) {
	for _, test := range []struct {
		name string
		wait func(t *testing.T, c *weir.Conn, leave <-chan struct{})
	}{
		{"Read", func(t *testing.T, c *weir.Conn, _ <-chan struct{}) {
			if n, err := c.Stream().Read(make([]byte, 1)); n != 1 || err != nil {
				t.Errorf("Read: %d, %v", n, err)
			}
		}},
		{"Write", func(t *testing.T, c *weir.Conn, _ <-chan struct{}) {
			if _, err := c.Stream().Write(make([]byte, 8<<20)); err != nil {
				t.Errorf("Write: %v", err)
			}
		}},
		{"WaitWritable", func(t *testing.T, c *weir.Conn, _ <-chan struct{}) {
			c.Write(make([]byte, 8<<20))
			if err := c.WaitWritable(context.Background()); err != nil {
				t.Errorf("WaitWritable: %v", err)
			}
		}},
		{"LongRunning", func(_ *testing.T, c *weir.Conn, leave <-chan struct{}) {
			c.LongRunning()
			c.LongRunning()
			<-leave
		}},
		{"LongRunning and Read", func(t *testing.T, c *weir.Conn, leave <-chan struct{}) {
			c.LongRunning()
			if n, err := c.Stream().Read(make([]byte, 1)); n != 1 || err != nil {
				t.Errorf("Read: %d, %v", n, err)
			}
			<-leave // it still does not count
		}},
		{"Read and Write at once", func(t *testing.T, c *weir.Conn, _ <-chan struct{}) {
			var both sync.WaitGroup
			both.Go(func() { c.Stream().Read(make([]byte, 1)) })
			both.Go(func() { c.Stream().Write(make([]byte, 8<<20)) })
			both.Wait()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachPoolMode(t, func(t *testing.T, m mode) {
				const conns = 20
				leave := make(chan struct{})
				release := sync.OnceFunc(func() { close(leave) })
				var waiting, inside, most atomic.Int64
				s := &weir.Server{Codec: codec.Line{}, Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
					if string(frame) == "wait" {
						waiting.Add(1)
						test.wait(t, c, leave)
						waiting.Add(-1)
						return
					}
					n := inside.Add(1)
					for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
					}
					c.WriteFrame(frame)
					inside.Add(-1)
				})}
				s.Workers, s.Loops = 1, 1
				s.HighWatermark, s.MaxOutbound = 64<<10, 64<<20
				s.Overflow = weir.OverflowNotify // reading goes on
				addr := serve(t, m, s)
				t.Cleanup(release)
				ping := func(c net.Conn) {
					t.Helper()
					io.WriteString(c, "ping\n")
					if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
						t.Fatal(err)
					}
				}
				var all []*net.TCPConn
				for range conns {
					c := dial(t, addr)
					io.WriteString(c, "wait\n")
					all = append(all, c)
				}
				eventually(t, "all of them wait", func() bool { return waiting.Load() == conns })
				fresh := dial(t, addr)
				ping(fresh)
				if n := s.Stats().Workers; n < conns {
					t.Errorf("%d workers are told of, there are %d callbacks", n, conns)
				}
				if test.name == "LongRunning and Read" {
					for _, c := range all {
						io.WriteString(c, "x")
					}
					ping(fresh)
				}
				release()
				for _, c := range all {
					io.WriteString(c, "x")
					go io.Copy(io.Discard, c)
				}
				eventually(t, "no worker is left", func() bool {
					st := s.Stats()
					return waiting.Load() == 0 && st.Workers == 0 && st.PoolQueue == 0
				})
				ping(fresh)
				if n := most.Load(); n != 1 {
					t.Errorf("%d handlers ran at a time, Workers is 1", n)
				}
			})
		})
	}
}

// After many have waited, Workers is again the most that run, and as many do.
func TestWorkersBoundAfterWaiting(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		const workers, conns = 2, 10
		leave := make(chan struct{})
		var entered, inside, most atomic.Int64
		s := &weir.Server{Codec: codec.Line{}, Handler: hooks{
			frame: func(c *weir.Conn, _ []byte) {
				entered.Add(1)
				c.Stream().Read(make([]byte, 1))
				n := inside.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				<-leave
				inside.Add(-1)
			},
			close: func(c *weir.Conn, _ error) { c.LongRunning() },
		}}
		s.Workers = workers
		addr := serve(t, m, s)
		release := sync.OnceFunc(func() { close(leave) })
		t.Cleanup(release)
		var first []net.Conn
		for range conns { // all wait in Read, and end with OnClose
			c := dial(t, addr)
			io.WriteString(c, "x\n")
			first = append(first, c)
		}
		eventually(t, "all are in their callbacks", func() bool { return entered.Load() == conns })
		for _, c := range first {
			io.WriteString(c, "y")
		}
		eventually(t, "all have what they waited for", func() bool { return inside.Load() == conns })
		most.Store(0)
		for range conns { // Read need not wait
			io.WriteString(dial(t, addr), "x\ny")
		}
		eventually(t, "the others are in line", func() bool { return s.Stats().PoolQueue == conns })
		leave <- struct{}{}
		for n := conns - 1; n >= workers; n-- { // one by one, and none begins
			eventually(t, "one has left", func() bool { return inside.Load() == int64(n) })
			if q := s.Stats().PoolQueue; q != conns {
				t.Fatalf("%d are in line while %d run", q, n)
			}
			if n > workers {
				leave <- struct{}{}
			}
		}
		release()
		for _, c := range first {
			c.Close()
		}
		eventually(t, "no worker is left", func() bool {
			st := s.Stats()
			return st.Workers == 0 && st.Conns == conns && inside.Load() == 0
		})
		if n := most.Load(); n > workers {
			t.Errorf("%d handlers ran at a time", n)
		}
	})
}

// A goroutine that waits for a connection outside of its callbacks occupies no
// worker, so none is booked for it, whatever the connection's turns do meanwhile.
func TestWaitOutsideOfCallbacks(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		conns := make(chan *weir.Conn, 1)
		var inside, most atomic.Int64
		s := &weir.Server{Codec: codec.Line{}, Handler: hooks{
			open: func(c *weir.Conn) { conns <- c },
			frame: func(*weir.Conn, []byte) {
				n := inside.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				inside.Add(-1)
			},
		}}
		s.Workers = 1
		s.HighWatermark, s.MaxOutbound = 64<<10, 64<<20
		s.Overflow = weir.OverflowNotify
		addr := serve(t, m, s)
		var waits, peers sync.WaitGroup
		defer peers.Wait()
		for range 4 {
			nc := dial(t, addr)
			c := receive(t, conns, "OnOpen")
			if _, err := c.Write(make([]byte, 16<<20)); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is blocked", func() bool { return !c.Writable() })
			frames := less(2000)
			for range 4 {
				waits.Go(func() {
					for range 50 {
						ctx, cancel := context.WithCancel(context.Background())
						go cancel()
						c.WaitWritable(ctx)
					}
				})
			}
			peers.Go(func() {
				for range frames {
					io.WriteString(nc, "x\n")
				}
			})
		}
		waits.Wait()
		peers.Wait()
		eventually(t, "no worker is left", func() bool { return s.Stats().Workers == 0 && s.Stats().PoolQueue == 0 })
		if n := s.Stats().Conns; n != 4 {
			t.Errorf("%d connections are left", n)
		}
	})
}
