package weir_test

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// ending is a server on whose connections a test waits for the end.
type ending struct {
	server weir.Server
	opened chan *weir.Conn
	closed chan error
	frames chan string
}

func newEnding() *ending {
	e := &ending{opened: make(chan *weir.Conn, 1), closed: make(chan error, 1), frames: make(chan string, 100)}
	e.server.Codec = codec.Line{}
	e.server.Handler = hooks{
		open:  func(c *weir.Conn) { e.opened <- c },
		frame: func(_ *weir.Conn, frame []byte) { e.frames <- string(frame) },
		close: func(_ *weir.Conn, err error) { e.closed <- err },
	}
	return e
}

// expires waits for the end, which has to be due to a timeout, and not to come
// before d has passed since start.
func (e *ending) expires(t *testing.T, want error, start time.Time, d time.Duration) {
	t.Helper()
	err := receive(t, e.closed, "the timeout")
	// A loop reads the clock once per iteration, so it may begin to count a
	// little before start.
	if took := time.Since(start); took < d-5*time.Millisecond {
		t.Errorf("the end came after %v, %v too early", took, d-took)
	}
	var timeout net.Error
	if !errors.Is(err, want) || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("OnClose got %v instead of %v", err, want)
	}
	eventually(t, "it is counted", func() bool { return e.server.Stats().Timeouts == 1 })
}

const short = 50 * time.Millisecond

func TestIdleTimeout(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		e.server.IdleTimeout = short
		start := time.Now()
		c := dial(t, serve(t, m, &e.server))
		e.expires(t, weir.ErrIdleTimeout, start, short)
		ends(t, c)
	})
}

// What comes in counts, be it a part of the first frame only.
func TestIdleTimeoutWhileReceiving(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		e.server.IdleTimeout = 6 * short
		c := dial(t, serve(t, m, &e.server))
		var last time.Time
		for range 9 {
			last = time.Now()
			c.Write([]byte("x"))
			time.Sleep(short)
		}
		e.expires(t, weir.ErrIdleTimeout, last, e.server.IdleTimeout)
	})
}

// The timeout of the first frame is not extended by parts of it.
func TestHandshakeTimeout(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		e.server.HandshakeTimeout = 2 * short
		e.server.IdleTimeout = time.Hour
		start := time.Now()
		c := dial(t, serve(t, m, &e.server))
		stop := make(chan struct{})
		var dribble sync.WaitGroup
		dribble.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(5 * time.Millisecond):
					c.Write([]byte("x"))
				}
			}
		})
		e.expires(t, weir.ErrHandshakeTimeout, start, e.server.HandshakeTimeout)
		close(stop)
		dribble.Wait()
	})
}

// With the first frame the handshake is over, and silence is what counts.
func TestIdleTimeoutAfterHandshake(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		e.server.HandshakeTimeout = time.Hour
		e.server.IdleTimeout = 2 * short
		c := dial(t, serve(t, m, &e.server))
		receive(t, e.opened, "OnOpen")
		time.Sleep(3 * short) // the handshake has more time
		start := time.Now()
		io.WriteString(c, "hello\n")
		receive(t, e.frames, "the first frame")
		e.expires(t, weir.ErrIdleTimeout, start, e.server.IdleTimeout)
	})
}

func TestSetIdleTimeout(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		e.server.IdleTimeout = 2 * short
		c := dial(t, serve(t, m, &e.server))
		conn := receive(t, e.opened, "OnOpen")
		if err := conn.SetIdleTimeout(0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * short)
		io.WriteString(c, "still here\n")
		receive(t, e.frames, "a frame")
		start := time.Now()
		if err := conn.SetIdleTimeout(short); err != nil {
			t.Fatal(err)
		}
		e.expires(t, weir.ErrIdleTimeout, start.Add(-short), short) // silence before the call counts
		if err := conn.SetIdleTimeout(short); !errors.Is(err, weir.ErrClosed) {
			t.Errorf("SetIdleTimeout returned %v", err)
		}
	})
}

// Whose reading is paused is not idle, and has all the time when it is resumed.
func TestPausedIsNotIdle(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		e.server.IdleTimeout = 2 * short
		dial(t, serve(t, m, &e.server))
		conn := receive(t, e.opened, "OnOpen")
		conn.PauseRead()
		select {
		case err := <-e.closed:
			t.Fatalf("paused, it was ended: %v", err)
		case <-time.After(3 * e.server.IdleTimeout):
		}
		start := time.Now()
		conn.ResumeRead()
		e.expires(t, weir.ErrIdleTimeout, start, e.server.IdleTimeout)
	})
}

// A peer has all of the idle timeout after a handler that took longer than that.
func TestIdleAfterSlowHandler(t *testing.T) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) {
			const idle = 4 * short
			done, closed := make(chan time.Time, 1), make(chan error, 1)
			s := &weir.Server{Handler: hooks{
				frame: func(*weir.Conn, []byte) {
					time.Sleep(idle + idle/2) // half way between two looks of the timer
					done <- time.Now()
				},
				close: func(_ *weir.Conn, err error) { closed <- err },
			}}
			s.IdleTimeout = idle
			io.WriteString(dial(t, serve(t, m, s)), "x")
			since := receive(t, done, "the handler")
			if err := receive(t, closed, "OnClose"); !errors.Is(err, weir.ErrIdleTimeout) {
				t.Fatalf("OnClose got %v", err)
			}
			if d := time.Since(since); d < idle-reactorTick {
				t.Errorf("closed %v after the handler, the idle timeout is %v", d, idle)
			}
		})
	}
}

// reactorTick is how far the end of a callback and the loop's time may lie apart.
const reactorTick = 10 * time.Millisecond

func TestReadDeadline(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		c := dial(t, serve(t, m, &e.server))
		conn := receive(t, e.opened, "OnOpen")
		for _, at := range []time.Time{time.Now().Add(short), time.Now().Add(2 * short), {}} {
			if err := conn.SetReadDeadline(at); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(3 * short) // none is left
		io.WriteString(c, "still here\n")
		receive(t, e.frames, "a frame")
		start := time.Now()
		conn.SetReadDeadline(start.Add(short))
		io.WriteString(c, "no extension\n")
		e.expires(t, weir.ErrReadTimeout, start, short)
	})
}

// A read deadline that has passed already ends the connection at once.
func TestReadDeadlineInThePast(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		dial(t, serve(t, m, &e.server))
		conn := receive(t, e.opened, "OnOpen")
		conn.SetReadDeadline(time.Unix(1, 0))
		e.expires(t, weir.ErrReadTimeout, time.Now(), 0)
	})
}

// block writes more than the peer, who does not read, has room for.
func (e *ending) block(t *testing.T) *weir.Conn {
	t.Helper()
	conn := receive(t, e.opened, "OnOpen")
	if _, err := conn.Write(make([]byte, 32<<20)); err != nil {
		t.Fatal(err)
	}
	if conn.Buffered() == 0 {
		t.Fatal("the system has taken everything")
	}
	return conn
}

func TestWriteDeadline(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		dial(t, serve(t, m, &e.server))
		conn := e.block(t)
		start := time.Now()
		conn.SetWriteDeadline(start.Add(short))
		e.expires(t, weir.ErrWriteTimeout, start, short)
	})
}

// A write deadline harms no connection from which everything has left, but
// nothing is accepted after it.
func TestWriteDeadlineWithoutBacklog(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		c := dial(t, serve(t, m, &e.server))
		conn := receive(t, e.opened, "OnOpen")
		conn.SetWriteDeadline(time.Now().Add(short))
		conn.Write([]byte("before"))
		time.Sleep(2 * short)
		if _, err := conn.Write([]byte("after")); !errors.Is(err, weir.ErrWriteTimeout) {
			t.Errorf("Write returned %v", err)
		}
		conn.SetWriteDeadline(time.Time{})
		if _, err := conn.Write([]byte(" later")); err != nil {
			t.Error(err)
		}
		conn.Close()
		if got, err := io.ReadAll(c); string(got) != "before later" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestWriteTimeout(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		e.server.WriteTimeout = 2 * short
		start := time.Now()
		dial(t, serve(t, m, &e.server))
		e.block(t)
		e.expires(t, weir.ErrWriteTimeout, start, e.server.WriteTimeout)
	})
}

// Close waits for Linger and no longer for a peer that does not read, and for one
// that reads but does not close.
func TestLinger(t *testing.T) {
	for _, reads := range []bool{false, true} {
		t.Run(map[bool]string{false: "deaf", true: "mute"}[reads], func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				e := newEnding()
				e.server.Linger = 2 * short
				e.server.WriteTimeout = time.Hour
				c := dial(t, serve(t, m, &e.server))
				conn := e.block(t)
				if reads {
					go io.Copy(io.Discard, c)
				}
				start := time.Now()
				conn.Close()
				if err := receive(t, e.closed, "OnClose"); err != nil {
					t.Errorf("OnClose got %v", err)
				}
				if took := time.Since(start); took < e.server.Linger {
					t.Errorf("the end came after %v", took)
				}
			})
		})
	}
}

// Functions run in the order of their times, unless they are stopped, and never
// after the end.
func TestAfterFunc(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		dial(t, serve(t, m, &e.server))
		conn := receive(t, e.opened, "OnOpen")
		ran := make(chan int, 10)
		after := func(n int) *weir.Timer {
			start := time.Now()
			d := time.Duration(n) * 10 * time.Millisecond
			timer, err := conn.AfterFunc(d, func(c *weir.Conn) {
				if c != conn {
					t.Error("it ran for another connection")
				}
				if took := time.Since(start); took < d {
					t.Errorf("%v too early", d-took)
				}
				ran <- n
			})
			if err != nil {
				t.Fatal(err)
			}
			return timer
		}
		for _, n := range []int{3, 1, 5, 0, 2} {
			after(n)
		}
		stopped := after(4)
		if !stopped.Stop() {
			t.Error("Stop came too late")
		}
		if stopped.Stop() {
			t.Error("a second Stop stopped it again")
		}
		for _, want := range []int{0, 1, 2, 3, 5} {
			if got := receive(t, ran, "a timer"); got != want {
				t.Errorf("timer %d ran instead of %d", got, want)
			}
		}
		never, err := conn.AfterFunc(short, func(*weir.Conn) { t.Error("a timer ran after the end") })
		if err != nil {
			t.Fatal(err)
		}
		conn.Abort()
		receive(t, e.closed, "OnClose")
		if never.Stop() {
			t.Error("Stop after the end says that it has stopped something")
		}
		if _, err := conn.AfterFunc(0, func(*weir.Conn) {}); !errors.Is(err, weir.ErrClosed) {
			t.Errorf("AfterFunc returned %v", err)
		}
		time.Sleep(2 * short)
	})
}

// The silence of a peer that waits for a callback does not count, however long that
// takes: the whole idle timeout is left when the callback has returned.
func TestIdleTimeoutBeginsAfterCallback(t *testing.T) {
	for _, m := range modes() {
		if m.Dispatch == weir.Inline {
			continue // where callbacks take no time
		}
		t.Run(m.Poller.String(), func(t *testing.T) {
			e := newEnding()
			e.server.IdleTimeout = 10 * short
			returned := make(chan time.Time, 1)
			e.server.Handler = hooks{
				frame: func(*weir.Conn, []byte) {
					time.Sleep(8 * short)
					returned <- time.Now()
				},
				close: func(_ *weir.Conn, err error) { e.closed <- err },
			}
			c := dial(t, serve(t, m, &e.server))
			io.WriteString(c, "hello\n")
			e.expires(t, weir.ErrIdleTimeout, receive(t, returned, "the callback's end"), e.server.IdleTimeout)
		})
	}
}

// Callbacks that the peer has nothing to do with, however long, do not make up for its
// silence.
func TestIdleTimeoutDespiteOwnCallbacks(t *testing.T) {
	for _, m := range modes() {
		if m.Dispatch == weir.Inline {
			continue // where callbacks take no time
		}
		t.Run(m.Poller.String(), func(t *testing.T) {
			e := newEnding()
			e.server.IdleTimeout = 10 * short
			var tick func(c *weir.Conn)
			tick = func(c *weir.Conn) {
				time.Sleep(short)
				c.AfterFunc(short, tick)
			}
			e.server.Handler = hooks{
				frame: func(c *weir.Conn, _ []byte) { c.Do(tick) },
				close: func(_ *weir.Conn, err error) { e.closed <- err },
			}
			c := dial(t, serve(t, m, &e.server))
			start := time.Now()
			io.WriteString(c, "hello\n")
			e.expires(t, weir.ErrIdleTimeout, start, e.server.IdleTimeout)
		})
	}
}
