package weir_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/internal/testutil"
)

// shutDown begins the Shutdown of s, which has patience. The channel gets what it
// returns.
func shutDown(s *weir.Server) <-chan error {
	down := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		down <- s.Shutdown(ctx)
	}()
	return down
}

// begun waits until s is shutting down.
func begun(t *testing.T, s *weir.Server) {
	t.Helper()
	eventually(t, "the shutdown has begun", func() bool {
		return errors.Is(s.Go(func() {}), weir.ErrServerClosed)
	})
}

// ends waits for the end of a stream on which nothing more comes.
func ends(t *testing.T, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("instead of the end came %d bytes, %v", n, err)
	}
}

// After Shutdown no goroutine is left, no descriptor, and nothing that spins.
func TestShutdownLeavesNothing(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		goroutines, fds := runtime.NumGoroutine(), testutil.OpenFDs()
		s := &weir.Server{Handler: echo, Config: weir.Config{Poller: m.Poller, Dispatch: m.Dispatch}}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- s.Serve(ln) }()
		var conns []net.Conn
		for range 50 {
			c := dial(t, ln.Addr().String())
			pingOn(t, c)
			conns = append(conns, c)
		}
		if err := receive(t, shutDown(s), "Shutdown"); err != nil {
			t.Fatal(err)
		}
		if err := receive(t, served, "Serve"); !errors.Is(err, weir.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
		if c, err := net.Dial("tcp", ln.Addr().String()); err == nil {
			c.Close()
			t.Error("the address still is listened on")
		}
		for _, c := range conns {
			ends(t, c)
			c.Close()
		}
		if st := s.Stats(); st.Conns != 0 || st.Closed != 50 || st.Buffered != 0 {
			t.Errorf("afterwards: %+v", st)
		}
		eventually(t, "the goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
		// The runtime's poller takes three for itself when it is first used.
		if n := testutil.OpenFDs(); n > fds+3 {
			t.Errorf("%d descriptors are left, before there were %d", n, fds)
		}
		asleep(t, s, "after Shutdown")
	})
}

// Shutdown waits for the handlers that run, and for the replies to leave.
func TestShutdownWaitsForHandlers(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		entered, leave := make(chan struct{}), make(chan struct{})
		s := &weir.Server{Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			close(entered)
			<-leave
			c.Write(frame)
		})}
		s.Loops = 1
		addr := serve(t, m, s)
		busy, idle := dial(t, addr), dial(t, addr)
		eventually(t, "both are open", func() bool { return s.Stats().Conns == 2 })
		io.WriteString(busy, "request")
		receive(t, entered, "the request")
		down := shutDown(s)
		begun(t, s)
		if m.Dispatch == weir.Pool {
			ends(t, idle)
			asleep(t, s, "waiting for a handler")
		}
		select {
		case err := <-down:
			t.Errorf("Shutdown did not wait for the handler: %v", err)
		default:
		}
		close(leave)
		got, err := io.ReadAll(busy)
		if string(got) != "request" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		ends(t, idle)
		if err := receive(t, down, "Shutdown"); err != nil {
			t.Error(err)
		}
	})
}

// Frames that were received before Shutdown are handled: here those that stand in
// line behind a slow one.
func TestShutdownHandlesWhatWasReceived(t *testing.T) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) {
			entered, leave := make(chan struct{}), make(chan struct{})
			var enter sync.Once
			s := &weir.Server{Codec: words, Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
				enter.Do(func() { close(entered) })
				<-leave
				c.WriteFrame(frame)
			})}
			c := dial(t, serve(t, m, s))
			io.WriteString(c, "one ")
			receive(t, entered, "the first frame")
			io.WriteString(c, "two three ")
			eventually(t, "the others have arrived", func() bool { return s.Stats().BytesIn == uint64(len("one two three ")) })
			down := shutDown(s)
			begun(t, s)
			close(leave)
			got, err := io.ReadAll(c)
			if string(got) != "one two three " || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
			if err := receive(t, down, "Shutdown"); err != nil {
				t.Error(err)
			}
		})
	}
}

// What was accepted before Shutdown leaves, however slowly the peer takes it.
func TestShutdownFlushes(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		reply := bytes.Repeat([]byte("weir"), 2<<20)
		written := make(chan error, 1)
		s := &weir.Server{Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			_, err := c.Write(reply)
			written <- err
		})}
		s.Linger = patience
		c := dial(t, serve(t, m, s))
		io.WriteString(c, "request")
		if err := receive(t, written, "the reply"); err != nil {
			t.Fatal(err)
		}
		down := shutDown(s)
		begun(t, s)
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, reply) {
			t.Errorf("%d bytes of %d arrived, or others: %v", len(got), len(reply), err)
		}
		if err := receive(t, down, "Shutdown"); err != nil {
			t.Error(err)
		}
	})
}

// When its context ends Shutdown aborts what is left, and waits neither for a
// peer that does not read nor for a handler.
func TestShutdownAborts(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		entered, leave := make(chan struct{}, 1), make(chan struct{})
		ended := make(chan error, 3)
		s := &weir.Server{Codec: words, Handler: hooks{
			frame: func(c *weir.Conn, frame []byte) {
				if string(frame) == "block" {
					entered <- struct{}{}
					<-leave
					return
				}
				c.Write(make([]byte, 16<<20))
				entered <- struct{}{}
			},
			close: func(_ *weir.Conn, err error) { ended <- err },
		}}
		s.Linger, s.WriteTimeout = time.Hour, time.Hour
		addr := serve(t, m, s)
		t.Cleanup(func() { close(leave) })
		deaf := dial(t, addr)
		io.WriteString(deaf, "write ")
		receive(t, entered, "the request to write")
		if m.Dispatch == weir.Pool {
			io.WriteString(dial(t, addr), "block ")
			receive(t, entered, "the request to block")
		}
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown returned %v", err)
		}
		eventually(t, "the connections are aborted", func() bool { return s.Stats().Conns == 0 })
		receive(t, ended, "OnClose of the connection that did not read")
		if _, err := io.Copy(io.Discard, deaf); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer that did not read got %v", err)
		}
	})
}

// leaveTaker is a handler that says goodbye.
type leaveTaker struct {
	weir.HandlerFunc
	shutdown func(c *weir.Conn)
}

func (l leaveTaker) OnShutdown(c *weir.Conn) { l.shutdown(c) }

// OnShutdown comes once, and the connection then has its own time.
func TestOnShutdown(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		var told atomic.Int64
		s := &weir.Server{Handler: leaveTaker{echo, func(c *weir.Conn) {
			told.Add(1)
			c.Write([]byte("good"))
			c.AfterFunc(time.Millisecond, func(c *weir.Conn) {
				c.Write([]byte("bye"))
				c.Close()
			})
		}}}
		addr := serve(t, m, s)
		var conns []net.Conn
		for range 10 {
			c := dial(t, addr)
			pingOn(t, c)
			conns = append(conns, c)
		}
		down, again := shutDown(s), shutDown(s)
		for _, c := range conns {
			if got, err := io.ReadAll(c); string(got) != "goodbye" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		}
		for _, d := range []<-chan error{down, again} {
			if err := receive(t, d, "Shutdown"); err != nil {
				t.Error(err)
			}
		}
		if n := told.Load(); n != 10 {
			t.Errorf("OnShutdown came %d times for 10 connections", n)
		}
	})
}

// Close of a connection, in a callback and elsewhere, while the server shuts down.
func TestCloseDuringShutdown(t *testing.T) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) {
			var s *weir.Server
			j := newJudge(t, hooks{
				frame: func(c *weir.Conn, frame []byte) {
					begun(t, s)
					c.Write(frame)
					go c.Close()
					c.Close()
				},
				close: func(c *weir.Conn, _ error) { c.Close() },
			})
			s = &weir.Server{Handler: j}
			addr := serve(t, m, s)
			var conns []net.Conn
			for range 10 {
				conns = append(conns, dial(t, addr))
			}
			eventually(t, "all are open", func() bool { return j.opened.Load() == 10 })
			for _, c := range conns {
				io.WriteString(c, "x")
			}
			eventually(t, "the requests have come", func() bool { return s.Stats().BytesIn == 10 })
			down := shutDown(s)
			for _, c := range conns {
				if got, err := io.ReadAll(c); string(got) != "x" || err != nil {
					t.Errorf("got %q, %v", got, err)
				}
			}
			if err := receive(t, down, "Shutdown"); err != nil {
				t.Error(err)
			}
			j.settled(10)
		})
	}
}

// A second Shutdown waits as the first does, and Close cuts both short.
func TestCloseCutsShutdownShort(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		h := leaver{told: make(chan *weir.Conn, 1), ended: make(chan error, 1)} // it does not close
		s := &weir.Server{Handler: h}
		c := dial(t, serve(t, m, s))
		eventually(t, "the connection is open", func() bool { return s.Stats().Conns == 1 })
		first := shutDown(s)
		receive(t, h.told, "OnShutdown")
		second := shutDown(s)
		asleep(t, s, "waiting for a connection to end")
		select {
		case <-first:
			t.Error("the first did not wait")
		case <-second:
			t.Error("the second did not wait")
		default:
		}
		s.Close()
		for _, d := range []<-chan error{first, second} {
			if err := receive(t, d, "Shutdown"); err != nil {
				t.Error(err)
			}
		}
		if err := receive(t, h.ended, "OnClose"); !errors.Is(err, weir.ErrClosed) {
			t.Errorf("OnClose got %v", err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer got %v", err)
		}
	})
}

// Close may be called in a callback, on the loop too, and ends every connection.
func TestServerCloseInHandler(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		var s *weir.Server
		j := newJudge(t, hooks{frame: func(c *weir.Conn, _ []byte) {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if _, err := c.Write([]byte("x")); err != nil && !errors.Is(err, weir.ErrClosed) {
				t.Errorf("Write after Close: %v", err)
			}
		}})
		s = &weir.Server{Handler: j}
		addr := serve(t, m, s)
		var conns []net.Conn
		for range 10 {
			conns = append(conns, dial(t, addr))
		}
		eventually(t, "all are open", func() bool { return j.opened.Load() == 10 })
		io.WriteString(conns[0], "close")
		for _, c := range conns {
			io.Copy(io.Discard, c) // returns
		}
		j.settled(10)
		if err := receive(t, shutDown(s), "Shutdown after Close"); err != nil {
			t.Error(err)
		}
	})
}

func TestServeAfterShutdown(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Handler: echo}
		pingOn(t, dial(t, serve(t, m, s)))
		for range 2 {
			if err := receive(t, shutDown(s), "Shutdown"); err != nil {
				t.Error(err)
			}
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(ln); !errors.Is(err, weir.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
		if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the listener is open: %v", err)
		}
		if err := s.ListenAndServe("tcp", "127.0.0.1:0"); !errors.Is(err, weir.ErrServerClosed) {
			t.Errorf("ListenAndServe returned %v", err)
		}
		if err := s.Go(func() { t.Error("it ran") }); !errors.Is(err, weir.ErrServerClosed) {
			t.Errorf("Go returned %v", err)
		}
	})
}

func TestShutdownBeforeServe(t *testing.T) {
	s := &weir.Server{Handler: echo}
	if err := receive(t, shutDown(s), "Shutdown"); err != nil {
		t.Error(err)
	}
	if err := s.ListenAndServe("tcp", "127.0.0.1:0"); !errors.Is(err, weir.ErrServerClosed) {
		t.Errorf("ListenAndServe returned %v", err)
	}
}

// Connections that come while the server closes are closed, too.
func TestDialWhileClosing(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		fds := testutil.OpenFDs()
		for range less(50) {
			s := &weir.Server{Handler: echo, Config: weir.Config{Poller: m.Poller, Dispatch: m.Dispatch}}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- s.Serve(ln) }()
			var dialling sync.WaitGroup
			for range 4 {
				dialling.Go(func() {
					for {
						c, err := net.Dial("tcp", ln.Addr().String())
						if err != nil {
							return
						}
						tryPing(c)
						vanish(c.(*net.TCPConn)).Close()
					}
				})
			}
			eventually(t, "connections come", func() bool { return s.Stats().Accepted > 20 })
			s.Close()
			dialling.Wait()
			if err := receive(t, served, "Serve"); !errors.Is(err, weir.ErrServerClosed) {
				t.Errorf("Serve returned %v", err)
			}
			if err := receive(t, shutDown(s), "the end"); err != nil {
				t.Error(err)
			}
			if n := s.Stats().Conns; n != 0 {
				t.Errorf("%d connections are left", n)
			}
		}
		if n := testutil.OpenFDs(); n > fds+3 {
			t.Errorf("%d descriptors are left, before there were %d", n, fds)
		}
	})
}
