package weir_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// The frames of a connection are handled in order and one at a time, however
// many workers there are and however long each takes. So are its timers and the
// functions of Do.
func TestCallbacksInOrder(t *testing.T) {
	type state struct {
		inside atomic.Bool // a callback runs
		frame  int         // the next
		do     [3]int      // the next of each goroutine that calls Do
		timers int         // run
	}
	eachMode(t, func(t *testing.T, m mode) {
		const doers, dos, timers = 3, 100, 10
		frames := less(1000)
		done := make(chan *state, 8)
		var ran atomic.Int64 // functions and timers
		enter := func(st *state) func() {
			if !st.inside.CompareAndSwap(false, true) {
				t.Error("two callbacks of a connection at a time")
			}
			return func() { st.inside.Store(false) }
		}
		h := hooks{
			open: func(c *weir.Conn) {
				st := &state{}
				c.SetContext(st)
				defer enter(st)()
				for d := range doers {
					go func() {
						for i := range dos {
							if err := c.Do(func(c *weir.Conn) {
								defer enter(st)()
								if st.do[d] != i {
									t.Errorf("Do: function %d came when %d was due", i, st.do[d])
								}
								st.do[d]++
								ran.Add(1)
							}); err != nil {
								t.Errorf("Do: %v", err)
							}
							runtime.Gosched()
						}
					}()
				}
				for i := range timers {
					c.AfterFunc(time.Duration(i)*time.Millisecond, func(c *weir.Conn) {
						defer enter(st)()
						if st.timers != i {
							t.Errorf("timer %d came when %d was due", i, st.timers)
						}
						st.timers++
						ran.Add(1)
					})
				}
				c.Write([]byte("welcome\n"))
			},
			frame: func(c *weir.Conn, frame []byte) {
				st := c.Context().(*state)
				defer enter(st)()
				if got := string(frame); got != strconv.Itoa(st.frame) {
					t.Errorf("frame %s came when %d was due", got, st.frame)
				}
				st.frame++
				switch {
				case m.Dispatch == weir.Pool && rand.IntN(50) == 0:
					time.Sleep(100 * time.Microsecond)
				case rand.IntN(5) == 0:
					runtime.Gosched()
				}
				c.WriteFrame(frame)
			},
			close: func(c *weir.Conn, err error) {
				st := c.Context().(*state)
				defer enter(st)()
				done <- st
			},
		}
		addr := serve(t, m, &weir.Server{Handler: h, Codec: codec.Line{}, Config: weir.Config{Workers: 64}})
		inParallel(8, 8, func(int) {
			nc := dial(t, addr)
			r := bufio.NewScanner(nc)
			r.Scan()
			go func() {
				for i := range frames {
					fmt.Fprintf(nc, "%d\n", i)
				}
			}()
			for i := range frames {
				if !r.Scan() || r.Text() != strconv.Itoa(i) {
					t.Errorf("reply %q came when %d was due, %v", r.Text(), i, r.Err())
					return
				}
			}
			eventually(t, "all functions have run", func() bool { return ran.Load() == 8*(doers*dos+timers) })
			nc.Close()
		})
		for range 8 {
			st := receive(t, done, "OnClose")
			if st.frame != frames || st.do != [3]int{dos, dos, dos} || st.timers != timers {
				t.Errorf("%d frames, %d functions, %d timers", st.frame, st.do, st.timers)
			}
		}
	})
}

// Different connections are served in parallel: a handler that waits for those
// of all the others ends.
func TestConnectionsRunInParallel(t *testing.T) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) {
			const conns = 32
			var meeting sync.WaitGroup
			meeting.Add(conns)
			s := &weir.Server{Codec: codec.Line{}, Config: weir.Config{Workers: conns},
				Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
					meeting.Done()
					meeting.Wait()
					c.WriteFrame(frame)
				})}
			addr := serve(t, m, s)
			inParallel(conns, conns, func(int) {
				nc := dial(t, addr)
				io.WriteString(nc, "x\n")
				if _, err := io.ReadFull(nc, make([]byte, 2)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What a handler has written leaves though it blocks then, and so does what
// others write meanwhile.
func TestWritesLeaveWhileHandlerBlocks(t *testing.T) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) {
			conns, proceed := make(chan *weir.Conn, 1), make(chan struct{})
			s := &weir.Server{Handler: hooks{frame: func(c *weir.Conn, _ []byte) {
				io.WriteString(c, "reply")
				conns <- c
				<-proceed
				io.WriteString(c, "late")
			}}}
			nc := dial(t, serve(t, m, s))
			expect := func(want string) {
				t.Helper()
				got := make([]byte, len(want))
				if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
					t.Fatalf("got %q, %v, want %q", got, err, want)
				}
			}
			io.WriteString(nc, "x")
			c := receive(t, conns, "the handler")
			expect("reply")
			for i := range 20 {
				fmt.Fprintf(c, "%2d", i)
				expect(fmt.Sprintf("%2d", i))
			}
			close(proceed)
			expect("late")
		})
	}
}

// Flush does not wait for the end of the callback.
func TestFlushInHandler(t *testing.T) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) {
			proceed := make(chan struct{})
			nc := dial(t, serve(t, m, &weir.Server{Handler: hooks{frame: func(c *weir.Conn, _ []byte) {
				for range 50 {
					io.WriteString(c, "now")
					if err := c.Flush(); err != nil {
						t.Error(err)
					}
					if n := c.Buffered(); n != 0 {
						t.Errorf("%d bytes are buffered after Flush", n)
					}
					<-proceed
				}
			}}}))
			io.WriteString(nc, "x")
			for range 50 {
				if _, err := io.ReadFull(nc, make([]byte, 3)); err != nil {
					t.Fatal(err)
				}
				proceed <- struct{}{}
			}
		})
	}
}
