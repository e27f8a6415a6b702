package web_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/web"
)

// sockets is an OnOpen that passes on what it gets.
func sockets(ws *web.WebSocket) <-chan *web.Socket {
	ch := make(chan *web.Socket, 1024)
	ws.OnOpen = func(s *web.Socket) { ch <- s }
	return ch
}

// How a socket ends is told once, and says who began and with what.
func TestSocketEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(s *web.Socket, c *socketClient)
		want web.CloseError // Err: errors.Is
	}{
		{"by the server", func(s *web.Socket, c *socketClient) {
			if err := s.Close(4001, "enough"); err != nil {
				c.t.Error(err)
			}
			if reason := c.expectClose(4001); reason != "enough" {
				c.t.Errorf("the reason is %q", reason)
			}
			c.raw(closeFrame(4001, "enough"))
			c.expectEnd()
		}, web.CloseError{Code: 4001, Reason: "enough"}},
		{"by the server, without a code", func(s *web.Socket, c *socketClient) {
			s.Close(websocket.NoStatus, "")
			c.expectClose(websocket.NoStatus)
			c.raw(masked(websocket.Close, true, ""))
			c.expectEnd()
		}, web.CloseError{Code: websocket.NoStatus}},
		{"by the client", func(s *web.Socket, c *socketClient) {
			c.raw(closeFrame(4002, "bye"))
			if reason := c.expectClose(4002); reason != "bye" {
				c.t.Errorf("the reason is %q", reason)
			}
			c.expectEnd()
		}, web.CloseError{Code: 4002, Reason: "bye", Remote: true}},
		{"by both", func(s *web.Socket, c *socketClient) {
			s.Close(4003, "server")
			c.raw(closeFrame(4004, "client"))
			c.expectClose(4003)
			c.expectEnd()
		}, web.CloseError{Code: 4003, Reason: "server"}},
		{"the client does not answer", func(s *web.Socket, c *socketClient) {
			s.Close(4005, "")
			c.expectClose(4005)
			c.expectEnd()
		}, web.CloseError{Code: 4005, Err: web.ErrCloseTimeout}},
		{"the client sends on and does not answer", func(s *web.Socket, c *socketClient) {
			s.Close(4005, "")
			go func() {
				for _, err := c.conn.Write(nil); err == nil; time.Sleep(time.Millisecond) {
					_, err = c.conn.Write(masked(websocket.Binary, true, strings.Repeat("x", 1<<10)))
				}
			}()
			c.expectClose(4005)
			c.expectEnd()
		}, web.CloseError{Code: 4005, Err: web.ErrCloseTimeout}},
		{"the client closes TCP instead", func(s *web.Socket, c *socketClient) {
			s.Close(4006, "")
			c.expectClose(4006)
			c.conn.Close()
		}, web.CloseError{Code: 4006, Err: io.ErrUnexpectedEOF}},
		{"FIN", func(s *web.Socket, c *socketClient) {
			c.conn.Close()
		}, web.CloseError{Code: websocket.Abnormal, Err: io.ErrUnexpectedEOF}},
		{"FIN within a frame", func(s *web.Socket, c *socketClient) {
			c.raw(masked(websocket.Text, true, "hello")[:8])
			c.conn.Close()
		}, web.CloseError{Code: websocket.Abnormal, Err: io.ErrUnexpectedEOF}},
		{"RST", func(s *web.Socket, c *socketClient) {
			c.conn.(*net.TCPConn).SetLinger(0)
			c.conn.Close()
		}, web.CloseError{Code: websocket.Abnormal, Err: os.NewSyscallError("read", errors.ErrUnsupported)}},
		{"Abort", func(s *web.Socket, c *socketClient) {
			s.Conn().Abort()
			c.expectEnd()
		}, web.CloseError{Code: websocket.Abnormal, Err: weir.ErrClosed}},
		{"a protocol error while closing", func(s *web.Socket, c *socketClient) {
			s.Close(4007, "")
			c.expectClose(4007)
			c.raw([]byte{0xff, 0xff})
			c.expectEnd()
		}, web.CloseError{Code: 4007, Err: &websocket.Error{}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				ws := echoSocket()
				ws.CloseTimeout = patience
				if errors.Is(test.want.Err, web.ErrCloseTimeout) {
					ws.CloseTimeout = 50 * time.Millisecond
				}
				opened, closed := sockets(ws), closings(ws)
				addr, _ := serveSockets(t, m, ws)
				c := dialSocket(t, addr)
				s := receive(t, opened, "OnOpen")
				test.end(s, c)
				e := receive(t, closed, "OnClose")
				if e.Code != test.want.Code || e.Reason != test.want.Reason || e.Remote != test.want.Remote {
					t.Errorf("OnClose got %v (remote: %v), want %v", e, e.Remote, &test.want)
				}
				same := errors.Is(e, test.want.Err)
				switch test.want.Err.(type) {
				case nil:
					same = e.Err == nil
				case *os.SyscallError:
					same = errors.As(e, new(*os.SyscallError))
				case *websocket.Error:
					same = errors.As(e, new(*websocket.Error))
				}
				if !same {
					t.Errorf("OnClose got %v", e)
				}
				for what, err := range map[string]error{
					"Write": s.WriteText("late"), "Ping": s.Ping(nil),
					"WritePrepared": s.WritePrepared(prepare(t, websocket.Text, "late")),
					"NextWriter":    second(s.NextWriter(websocket.Text)),
				} {
					if !errors.Is(err, weir.ErrClosed) {
						t.Errorf("%s returned %v after the end", what, err)
					}
				}
				if err := s.Close(1000, ""); err != nil {
					t.Errorf("Close after the end: %v", err)
				}
				if st := ws.Stats(); st.Opened != 1 || st.Closed != 1 || st.Open != 0 {
					t.Errorf("counted: %+v", st)
				}
				select {
				case e := <-closed:
					t.Errorf("OnClose again, with %v", e)
				default:
				}
			})
		})
	}
}

func second[T any](_ T, err error) error { return err }

// What may not be sent is refused, and does no harm.
func TestSocketRefusesToSend(t *testing.T) {
	ws := echoSocket()
	opened := sockets(ws)
	addr, _ := serveSockets(t, socketMode{mode: modes()[0]}, ws)
	c := dialSocket(t, addr)
	s := receive(t, opened, "OnOpen")
	for _, code := range []int{-1, 0, 999, 1004, 1006, 1015, 2999, 5000, 66535} {
		if err := s.Close(code, ""); !errors.Is(err, web.ErrCloseCode) {
			t.Errorf("Close(%d) returned %v", code, err)
		}
	}
	for _, reason := range []string{strings.Repeat("x", 124), "\xff"} {
		if err := s.Close(1000, reason); !errors.Is(err, web.ErrCloseCode) {
			t.Errorf("Close(%q) returned %v", reason, err)
		}
	}
	if err := s.Close(websocket.NoStatus, "why"); !errors.Is(err, web.ErrCloseCode) {
		t.Errorf("Close returned %v", err)
	}
	for _, op := range []web.Opcode{websocket.Continuation, websocket.Close, websocket.Ping, websocket.Pong, 3} {
		if err := s.Write(op, nil); !errors.Is(err, web.ErrOpcode) {
			t.Errorf("Write(%v) returned %v", op, err)
		}
		if _, err := s.NextWriter(op); !errors.Is(err, web.ErrOpcode) {
			t.Errorf("NextWriter(%v) returned %v", op, err)
		}
		if _, err := web.NewPrepared(op, nil); !errors.Is(err, web.ErrOpcode) {
			t.Errorf("NewPrepared(%v) returned %v", op, err)
		}
	}
	if err := s.Ping(make([]byte, 126)); !errors.Is(err, web.ErrPingSize) {
		t.Errorf("Ping returned %v", err)
	}
	s.WriteText("fine")
	c.expect(websocket.Text, "fine")
	c.leave()
}

// After Close no message is delivered, and no ping answered.
func TestSocketDataAfterClose(t *testing.T) {
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		var after []string
		ws := &web.WebSocket{OnMessage: func(s *web.Socket, op web.Opcode, data []byte) {
			if string(data) == "end" {
				s.Close(1000, "")
				return
			}
			after = append(after, string(data))
		}}
		closed := closings(ws)
		addr, _ := serveSockets(t, m, ws)
		c := dialSocket(t, addr)
		c.raw(masked(websocket.Text, true, "end"))
		c.raw(masked(websocket.Text, true, "late"))
		c.raw(masked(websocket.Text, false, "la"))
		c.raw(masked(websocket.Ping, true, "?"))
		c.raw(masked(websocket.Continuation, true, "te"))
		c.raw(masked(websocket.Text, true, "late"))
		c.expectClose(1000)
		c.raw(closeFrame(1000, ""))
		c.expectEnd()
		if e := receive(t, closed, "OnClose"); e.Code != 1000 || e.Err != nil {
			t.Errorf("OnClose got %v", e)
		}
		if len(after) > 0 {
			t.Errorf("delivered after Close: %q", after)
		}
	})
}

// A peer that is silent is pinged, and stays as long as it answers.
func TestSocketKeepAlive(t *testing.T) {
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		ws := echoSocket()
		ws.PingInterval, ws.PongTimeout = 20*time.Millisecond, patience
		pongs := make(chan string, 100)
		ws.OnPong = func(_ *web.Socket, data []byte) { pongs <- string(data) }
		addr, _ := serveSockets(t, m, ws)
		c := dialSocket(t, addr)
		for range 3 {
			c.expect(websocket.Ping, "")
			c.raw(masked(websocket.Pong, true, ""))
			receive(t, pongs, "OnPong")
		}
		// Anything will do, within a text message as well.
		c.expect(websocket.Ping, "")
		c.raw(masked(websocket.Text, false, "still "))
		c.expect(websocket.Ping, "")
		c.raw(masked(websocket.Continuation, true, "there"))
		c.expect(websocket.Text, "still there")
		c.expect(websocket.Ping, "")
		c.raw(masked(websocket.Text, false, "abc\xff and more")[:12])
		c.expectClose(websocket.InvalidPayload)
	})
}

// A peer that stays silent after a ping is disconnected.
func TestSocketPongTimeout(t *testing.T) {
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		ws := echoSocket()
		ws.PingInterval, ws.PongTimeout = 20*time.Millisecond, 20*time.Millisecond
		closed := closings(ws)
		addr, _ := serveSockets(t, m, ws)
		c := dialSocket(t, addr)
		c.expect(websocket.Ping, "")
		c.expectEnd()
		e := receive(t, closed, "OnClose")
		if e.Code != websocket.Abnormal || !errors.Is(e, web.ErrPongTimeout) || !errors.Is(e, os.ErrDeadlineExceeded) {
			t.Errorf("OnClose got %v", e)
		}
		if n := ws.Stats().PongTimeouts; n != 1 {
			t.Errorf("%d pong timeouts are counted", n)
		}
	})
}

// A negative PingInterval leaves it to the server's idle timeout.
func TestSocketWithoutPings(t *testing.T) {
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		ws := echoSocket()
		ws.PingInterval = -1
		closed := closings(ws)
		h := web.Handler(ws)
		if m.fast {
			h = web.Fast(ws.ServeFast)
		}
		s := &weir.Server{Handler: h}
		s.IdleTimeout = 50 * time.Millisecond
		c := dialSocket(t, serve(t, m.mode, s))
		c.expectEnd()
		if e := receive(t, closed, "OnClose"); e.Code != websocket.Abnormal || !errors.Is(e, weir.ErrIdleTimeout) {
			t.Errorf("OnClose got %v", e)
		}
	})
}

// Ping carries data, which the pong brings back.
func TestSocketPing(t *testing.T) {
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		ws := echoSocket()
		opened := sockets(ws)
		pongs := make(chan string, 1)
		ws.OnPong = func(_ *web.Socket, data []byte) { pongs <- string(data) }
		addr, _ := serveSockets(t, m, ws)
		c := dialSocket(t, addr)
		data := strings.Repeat("p", 125)
		if err := receive(t, opened, "OnOpen").Ping([]byte(data)); err != nil {
			t.Fatal(err)
		}
		c.expect(websocket.Ping, data)
		c.raw(masked(websocket.Pong, true, data))
		if got := receive(t, pongs, "OnPong"); got != data {
			t.Errorf("OnPong got %q", got)
		}
	})
}

// A frame that is begun has to be finished.
func TestSocketFrameTimeout(t *testing.T) {
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		ws := echoSocket()
		ws.FrameTimeout, ws.FrameRate = 50*time.Millisecond, -1
		closed := closings(ws)
		addr, _ := serveSockets(t, m, ws)
		c := dialSocket(t, addr)
		c.raw(masked(websocket.Text, true, "hello")[:8])
		c.expectEnd()
		if e := receive(t, closed, "OnClose"); e.Code != websocket.Abnormal || !errors.Is(e, weir.ErrFrameTimeout) {
			t.Errorf("OnClose got %v", e)
		}
	})
}

// Shutdown tells the peers, waits for their answers, and not for ever.
func TestSocketShutdown(t *testing.T) {
	for name, answers := range map[string]bool{"answered": true, "not answered": false} {
		t.Run(name, func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				ws := echoSocket()
				ws.CloseTimeout = patience
				if !answers {
					ws.CloseTimeout = 50 * time.Millisecond
				}
				closed := closings(ws)
				addr, s := serveSockets(t, m, ws)
				c := dialSocket(t, addr)
				c.send(websocket.Text, "hello")
				c.expect(websocket.Text, "hello")
				down := make(chan error, 1)
				go func() {
					ctx, cancel := context.WithTimeout(context.Background(), patience)
					defer cancel()
					down <- s.Shutdown(ctx)
				}()
				c.expectClose(websocket.GoingAway)
				if answers {
					c.raw(closeFrame(websocket.GoingAway, ""))
				}
				c.expectEnd()
				if e := receive(t, closed, "OnClose"); e.Code != websocket.GoingAway || e.Remote ||
					answers != (e.Err == nil) || !answers && !errors.Is(e, web.ErrCloseTimeout) {
					t.Errorf("OnClose got %v", e)
				}
				if err := receive(t, down, "Shutdown"); err != nil {
					t.Errorf("Shutdown: %v", err)
				}
			})
		})
	}
}

// A callback that panics ends its socket, and the peer is told.
func TestSocketPanic(t *testing.T) {
	for name, ws := range map[string]func() *web.WebSocket{
		"OnMessage": func() *web.WebSocket {
			return &web.WebSocket{OnMessage: func(*web.Socket, web.Opcode, []byte) { panic("boom") }}
		},
		"OnOpen": func() *web.WebSocket { return &web.WebSocket{OnOpen: func(*web.Socket) { panic("boom") }} },
		"OnPong": func() *web.WebSocket {
			return &web.WebSocket{OnPong: func(*web.Socket, []byte) { panic("boom") }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				ws := ws()
				closed := closings(ws)
				h := web.Handler(ws)
				if m.fast {
					h = web.Fast(ws.ServeFast)
				}
				s := &weir.Server{Handler: h}
				s.Logger = quiet()
				addr := serve(t, m.mode, s)
				c := dialSocket(t, addr)
				c.raw(masked(websocket.Pong, true, ""))
				c.raw(masked(websocket.Text, true, "hello"))
				c.expectClose(websocket.InternalError)
				c.expectEnd()
				var p *weir.PanicError
				if e := receive(t, closed, "OnClose"); e.Code != websocket.InternalError || !errors.As(e, &p) ||
					p.Value != "boom" || !strings.Contains(string(p.Stack), "socket_close_test.go") {
					t.Errorf("OnClose got %v", e)
				}
				dialSocket(t, addr) // the server lives
			})
		})
	}
}

// A Shutdown that begins while a handshake is being decided about does not end the
// socket that comes of it without a word. Only in Pool mode may Accept take its time.
func TestSocketShutdownDuringHandshake(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		for _, fast := range []bool{false, true} {
			ws := echoSocket()
			closed := closings(ws)
			asked, decided := make(chan struct{}), make(chan struct{})
			ws.Accept = func(*web.Handshake) error {
				close(asked)
				<-decided
				return nil
			}
			s := &weir.Server{Handler: web.Handler(ws), Config: weir.Config{Loops: 1}}
			if fast {
				s.Handler = web.Fast(ws.ServeFast)
			}
			addr := serve(t, m, s)
			nc := dial(t, addr)
			if _, err := io.WriteString(nc, upgrade()); err != nil {
				t.Fatal(err)
			}
			receive(t, asked, "Accept")
			witness := dial(t, addr) // the loop comes by it later
			eventually(t, "the witness is there", func() bool { return s.Stats().Conns == 2 })
			down := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				down <- s.Shutdown(ctx)
			}()
			if _, err := io.ReadAll(witness); err != nil {
				t.Fatal(err)
			}
			close(decided)
			c := &socketClient{t: t, conn: nc, in: bufio.NewReader(nc), codec: websocket.Codec{Client: true}}
			if r, err := http.ReadResponse(c.in, nil); err != nil || r.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("the handshake is answered with %v, %v", r, err)
			}
			c.expectClose(websocket.GoingAway)
			c.raw(closeFrame(websocket.GoingAway, ""))
			c.expectEnd()
			if e := receive(t, closed, "OnClose"); e.Code != websocket.GoingAway || e.Err != nil {
				t.Errorf("OnClose got %v", e)
			}
			if err := receive(t, down, "Shutdown"); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		}
	})
}
