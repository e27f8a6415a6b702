package weir_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weir-go/weir"
)

// A handler that gives the pool more to do, in every way there is, does not wait
// for itself: with one worker and one loop, and as many such handlers as that.
func TestHandlerSubmitsToFullPool(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		const conns, depth = 20, 10
		var s *weir.Server
		var done atomic.Int64
		finished := func() { done.Add(1) }
		inner := &weir.Client{Handler: hooks{
			open: func(c *weir.Conn) { c.Write([]byte("inner")) },
			frame: func(c *weir.Conn, frame []byte) {
				c.Close()
				finished()
			},
		}}
		var nest func(left int)
		nest = func(left int) {
			if left == 0 {
				finished()
				return
			}
			if err := s.Go(func() { nest(left - 1) }); err != nil {
				t.Error(err)
			}
		}
		s = &weir.Server{Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			if string(frame) != "outer" {
				c.Write(frame)
				return
			}
			nest(depth)
			c.Do(func(c *weir.Conn) {
				c.Do(func(*weir.Conn) { finished() })
			})
			if _, err := c.Write(make([]byte, 1<<20)); err != nil {
				t.Error(err)
			}
			// On a loop Dial would wait for that loop.
			call := func() {
				if _, err := inner.Dial(context.Background(), "tcp", c.LocalAddr().String()); err != nil {
					t.Error(err)
				}
				finished()
			}
			if m.Dispatch == weir.Pool {
				call()
			} else if err := s.Go(call); err != nil {
				t.Error(err)
			}
		})}
		s.Workers, s.Loops = 1, 1
		inner.Server = s
		addr := serve(t, m, s)
		for range conns {
			c := dial(t, addr)
			io.WriteString(c, "outer")
			go io.Copy(io.Discard, c)
		}
		// Each handler: the innermost task, both Do, Dial, and the answer.
		eventually(t, "everything is done", func() bool { return done.Load() == 4*conns || t.Failed() })
	})
}

// A handler may wait for its own peer to read, whom the loop serves.
func TestOneWorkerWaitsWritable(t *testing.T) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) {
			const size, pieces = 256 << 10, 64
			s := &weir.Server{Handler: weir.HandlerFunc(func(c *weir.Conn, _ []byte) {
				for range pieces {
					if err := c.WaitWritable(context.Background()); err != nil {
						t.Error(err)
						return
					}
					if _, err := c.Write(make([]byte, size)); err != nil {
						t.Error(err)
						return
					}
				}
				c.Close()
			})}
			s.Workers, s.Loops = 1, 1
			s.HighWatermark = 64 << 10
			s.Linger = patience
			addr := serve(t, m, s)
			var peers sync.WaitGroup
			for range 4 {
				c := dial(t, addr)
				io.WriteString(c, "go")
				peers.Go(func() {
					if n, err := io.Copy(io.Discard, c); n != size*pieces || err != nil {
						t.Errorf("%d bytes came, %v", n, err)
					}
				})
			}
			peers.Wait()
		})
	}
}

// More functions than MaxTasks are refused, and never wait for room.
func TestPoolFull(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Handler: echo}
		s.Workers, s.MaxTasks = 1, 4
		serve(t, m, s)
		eventually(t, "it serves", func() bool { return len(s.Addrs()) == 1 })
		entered, leave := make(chan struct{}), make(chan struct{})
		release := sync.OnceFunc(func() { close(leave) })
		t.Cleanup(release)
		ran := make(chan int, s.MaxTasks)
		if err := s.Go(func() { close(entered); <-leave }); err != nil {
			t.Fatal(err)
		}
		receive(t, entered, "the worker")
		for i := range s.MaxTasks {
			if err := s.Go(func() { ran <- i }); err != nil {
				t.Errorf("task %d: %v", i, err)
			}
		}
		if err := s.Go(func() { t.Error("it ran") }); !errors.Is(err, weir.ErrPoolFull) {
			t.Errorf("Go returned %v", err)
		}
		if st := s.Stats(); st.PoolQueue != s.MaxTasks || st.Workers != 1 {
			t.Errorf("%+v", st)
		}
		release()
		for want := range s.MaxTasks {
			if i := receive(t, ran, "a task"); i != want {
				t.Errorf("task %d ran instead of %d", i, want)
			}
		}
	})
}

// Workers is the most handlers that run at a time, and as many do.
func TestWorkersBound(t *testing.T) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) {
			const workers, conns = 3, 20
			var inside, most atomic.Int64
			leave := make(chan struct{})
			s := &weir.Server{Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
				n := inside.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				<-leave
				inside.Add(-1)
				c.Write(frame)
			})}
			s.Workers = workers
			addr := serve(t, m, s)
			var all []net.Conn
			for range conns {
				c := dial(t, addr)
				io.WriteString(c, "p")
				all = append(all, c)
			}
			eventually(t, "every worker is taken", func() bool {
				return inside.Load() == workers && s.Stats().PoolQueue == conns-workers
			})
			close(leave)
			for _, c := range all {
				if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
					t.Error(err)
				}
			}
			if n := most.Load(); n != workers {
				t.Errorf("%d handlers ran at a time", n)
			}
		})
	}
}

// However many functions panic, the others run, each once.
func TestTasksOutlivePanics(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		const producers = 8
		each := less(2000)
		var ran atomic.Int64
		s := &weir.Server{Handler: echo}
		s.Workers, s.Logger = 2, quiet()
		serve(t, m, s)
		eventually(t, "it serves", func() bool { return len(s.Addrs()) == 1 })
		inParallel(producers, producers, func(int) {
			for i := range each {
				err := s.Go(func() {
					ran.Add(1)
					if i%10 == 0 {
						panic("a task")
					}
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		eventually(t, "every task has run", func() bool { return ran.Load() >= int64(producers*each) })
		if n := ran.Load(); n != int64(producers*each) {
			t.Errorf("%d tasks ran of %d", n, producers*each)
		}
	})
}
