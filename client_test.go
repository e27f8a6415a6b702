package weir_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// newClient returns a client with loops of its own, in the given mode.
func newClient(m mode, h weir.Handler) *weir.Client {
	return &weir.Client{Handler: h, Config: weir.Config{Poller: m.Poller, Dispatch: m.Dispatch, Logger: quiet()}}
}

// A client exchanges frames with a server, on loops of its own or on the
// server's.
func TestClient(t *testing.T) {
	for _, loops := range []string{"own", "server's"} {
		t.Run(loops, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				s := &weir.Server{Codec: framed, Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) { c.WriteFrame(frame) })}
				addr := serve(t, m, s)
				eventually(t, "it serves", func() bool { return len(s.Addrs()) == 1 })
				got, closed := make(chan string, 100), make(chan error, 100)
				j := newJudge(t, hooks{
					open:  func(c *weir.Conn) { c.WriteFrame([]byte("opened")) },
					frame: func(_ *weir.Conn, frame []byte) { got <- string(frame) },
					close: func(_ *weir.Conn, err error) { closed <- err },
				})
				c := newClient(m, j)
				c.Codec = framed
				if loops != "own" {
					c.Server = s
				}
				ids := map[uint64]bool{}
				for range 10 {
					conn, err := c.Dial(t.Context(), "tcp", addr)
					if err != nil {
						t.Fatal(err)
					}
					ids[conn.ID()] = true
					if a := conn.RemoteAddr().String(); a != addr {
						t.Errorf("RemoteAddr %s, want %s", a, addr)
					}
					if a := conn.LocalAddr().(*net.TCPAddr); !a.IP.IsLoopback() || a.Port == 0 {
						t.Errorf("LocalAddr %s", a)
					}
					if frame := receive(t, got, "the echo"); frame != "opened" {
						t.Errorf("got %q", frame)
					}
					conn.WriteFrame([]byte("dialled"))
					if frame := receive(t, got, "the echo"); frame != "dialled" {
						t.Errorf("got %q", frame)
					}
				}
				if len(ids) != 10 {
					t.Errorf("%d IDs for 10 connections", len(ids))
				}
				if n := c.Stats().Conns; loops == "own" && n != 10 || loops != "own" && n != 20 {
					t.Errorf("%d connections in Stats", n)
				}
				if err := c.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
				if _, err := c.Dial(t.Context(), "tcp", addr); !errors.Is(err, weir.ErrClosed) {
					t.Errorf("Dial after Shutdown: %v", err)
				}
				if loops != "own" {
					return // those connections end with the server
				}
				for range 10 {
					if err := receive(t, closed, "OnClose"); err != nil {
						t.Errorf("OnClose got %v", err)
					}
				}
				j.settled(10)
			})
		})
	}
}

// Close aborts the client's connections, also those that are dialled meanwhile.
func TestClientClose(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		addr := serve(t, m, &weir.Server{Handler: echo})
		for range less(20) {
			j := newJudge(t, hooks{})
			c := newClient(m, j)
			first, err := c.Dial(t.Context(), "tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			var dialling sync.WaitGroup
			for range 4 {
				dialling.Go(func() {
					for {
						if _, err := c.Dial(t.Context(), "tcp", addr); err != nil {
							if !errors.Is(err, weir.ErrClosed) {
								t.Errorf("Dial: %v", err)
							}
							return
						}
					}
				})
			}
			eventually(t, "some are dialled", func() bool { return c.Stats().Conns > 4 })
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			dialling.Wait()
			eventually(t, "no connection is left", func() bool { return c.Stats().Conns == 0 })
			j.settled(1)
			if _, err := first.Write([]byte("x")); !errors.Is(err, weir.ErrClosed) {
				t.Errorf("Write: %v", err)
			}
			if st := c.Stats(); st.Accepted != st.Closed {
				t.Errorf("%d connections opened, %d closed", st.Accepted, st.Closed)
			}
		}
	})
}

// Dial fails as net.Dial does.
func TestDialErrors(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := ln.Addr().String()
		c := newClient(m, hooks{open: func(*weir.Conn) { t.Error("OnOpen") }})
		defer c.Close()

		cancelled, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := c.Dial(cancelled, "tcp", addr); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		expired, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
		defer cancel()
		var timeout net.Error
		if _, err := c.Dial(expired, "tcp", addr); !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("expired: %v", err)
		}
		ln.Close()
		if _, err := c.Dial(t.Context(), "tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("refused: %v", err)
		}
		var unknown net.UnknownNetworkError
		if _, err := c.Dial(t.Context(), "carrier pigeon", addr); !errors.As(err, &unknown) {
			t.Errorf("unknown network: %v", err)
		}
		if _, err := c.Dial(t.Context(), "udp", addr); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("udp: %v", err)
		}
	})
}

// Adopt takes over a connection that was made otherwise, and refuses what has no
// socket of its own. What it is given is closed either way.
func TestAdopt(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		addr := serve(t, m, &weir.Server{Handler: echo})
		got := make(chan string, 1)
		c := newClient(m, weir.HandlerFunc(func(_ *weir.Conn, frame []byte) { got <- string(frame) }))
		defer c.Close()
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := c.Adopt(nc)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Write to what was adopted: %v", err)
		}
		io.WriteString(conn, "hello")
		if s := receive(t, got, "the echo"); s != "hello" {
			t.Errorf("got %q", s)
		}
		a, b := net.Pipe()
		defer b.Close()
		if _, err := c.Adopt(a); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Adopt of a pipe: %v", err)
		}
		if _, err := a.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Write to what was refused: %v", err)
		}
		nc, err = net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		nc.Close()
		if _, err := c.Adopt(nc); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Adopt of a closed connection: %v", err)
		}
	})
}

// A client on the loops of a server needs one that serves.
func TestClientOfIdleServer(t *testing.T) {
	s := &weir.Server{Handler: echo}
	c := &weir.Client{Handler: echo, Server: s}
	var config *weir.ConfigError
	if _, err := c.Dial(t.Context(), "tcp", "127.0.0.1:1"); !errors.As(err, &config) || config.Field != "Server" {
		t.Errorf("before Serve: %v", err)
	}
	addr := serve(t, modes()[0], s)
	eventually(t, "it serves", func() bool { return len(s.Addrs()) == 1 })
	if _, err := c.Dial(t.Context(), "tcp", addr); err != nil {
		t.Errorf("while it serves: %v", err)
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := c.Dial(t.Context(), "tcp", ln.Addr().String()); !errors.Is(err, weir.ErrClosed) {
		t.Errorf("after Shutdown: %v", err)
	}
	if err := errors.Join(c.Close(), c.Close(), c.Shutdown(context.Background())); err != nil {
		t.Error(err)
	}
}
