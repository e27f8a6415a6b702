package weir_test

import (
	"io"
	"net"
	"testing"

	"github.com/weir-go/weir"
)

// NotifyEnd tells a callback that blocks of the end of its peer, once, however that
// comes.
func TestNotifyEnd(t *testing.T) {
	for name, end := range map[string]func(s *weir.Server, c *weir.Conn, nc *net.TCPConn){
		"FIN":          func(_ *weir.Server, _ *weir.Conn, nc *net.TCPConn) { nc.CloseWrite() },
		"FIN, RST":     func(_ *weir.Server, _ *weir.Conn, nc *net.TCPConn) { nc.CloseWrite(); nc.SetLinger(0); nc.Close() },
		"RST":          func(_ *weir.Server, _ *weir.Conn, nc *net.TCPConn) { nc.SetLinger(0); nc.Close() },
		"Abort":        func(_ *weir.Server, c *weir.Conn, _ *net.TCPConn) { c.Abort() },
		"Server.Close": func(s *weir.Server, _ *weir.Conn, _ *net.TCPConn) { s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				conns := make(chan *weir.Conn, 1)
				told, leave := make(chan string, 10), make(chan struct{})
				j := newJudge(t, hooks{frame: func(c *weir.Conn, _ []byte) {
					c.NotifyEnd(func() { told <- "replaced" })
					c.NotifyEnd(func() { told <- "end" })
					conns <- c
					if m.Dispatch == weir.Pool {
						<-leave
					}
				}})
				s := &weir.Server{Handler: j}
				nc := dial(t, serve(t, m, s))
				io.WriteString(nc, "x")
				c := receive(t, conns, "the callback")
				end(s, c, nc)
				if got := receive(t, told, "the end"); got != "end" {
					t.Errorf("told of %q", got)
				}
				// Whoever comes late is told at once.
				c.NotifyEnd(func() { told <- "late" })
				if got := receive(t, told, "the end"); got != "late" {
					t.Errorf("told of %q", got)
				}
				close(leave)
				nc.Close()
				j.settled(1)
				c.NotifyEnd(nil)
				if len(told) > 0 {
					t.Errorf("told again, of %q", <-told)
				}
			})
		})
	}
}

// What has been removed is not called, and a panic is the function's own affair.
func TestNotifyEndRemoved(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		done := make(chan *weir.Conn, 1)
		var log logged
		s := &weir.Server{Config: weir.Config{Logger: log.logger()}, Handler: hooks{
			frame: func(c *weir.Conn, frame []byte) {
				c.NotifyEnd(nil)
				c.NotifyEnd(func() { t.Error("called") })
				c.NotifyEnd(nil)
				c.Write(frame)
			},
			close: func(c *weir.Conn, _ error) { done <- c },
		}}
		nc := dial(t, serve(t, m, s))
		io.WriteString(nc, "x")
		if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		nc.CloseWrite()
		c := receive(t, done, "OnClose")
		c.NotifyEnd(func() { panic("the test's") })
		eventually(t, "the panic is counted", func() bool { return s.Stats().Panics == 1 })
	})
}

// A write that fails tells of the end though reading is paused.
func TestNotifyEndByWrite(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		told := make(chan struct{})
		nc := dial(t, serve(t, m, &weir.Server{Handler: weir.HandlerFunc(func(c *weir.Conn, _ []byte) {
			c.PauseRead()
			c.NotifyEnd(func() { close(told) })
			for {
				select {
				case <-told:
					return
				default:
					c.Write([]byte("still there?"))
					c.Flush()
				}
			}
		})}))
		io.WriteString(nc, "x")
		if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		nc.SetLinger(0)
		nc.Close()
		receive(t, told, "the end")
	})
}
