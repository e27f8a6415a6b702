package weir_test

import (
	"io"
	"testing"

	"github.com/weir-go/weir"
)

// halfCloser is a handler that decides itself what to do at EOF.
type halfCloser struct {
	open  func(c *weir.Conn)
	eof   func(c *weir.Conn)
	ended chan error
}

func (h halfCloser) OnOpen(c *weir.Conn)             { h.open(c) }
func (h halfCloser) OnFrame(c *weir.Conn, _ []byte)  {}
func (h halfCloser) OnEOF(c *weir.Conn)              { h.eof(c) }
func (h halfCloser) OnClose(c *weir.Conn, err error) { h.ended <- err }

// Both sides have ended the stream, whichever came first: that is the end, with
// no need for Close.
func TestBothSidesEndTheStream(t *testing.T) {
	for _, first := range []string{"ours", "theirs"} {
		t.Run(first, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				h := halfCloser{ended: make(chan error, 1), open: func(*weir.Conn) {}, eof: func(*weir.Conn) {}}
				if first == "ours" {
					h.open = func(c *weir.Conn) { c.CloseWrite() }
				} else {
					h.eof = func(c *weir.Conn) { c.CloseWrite() }
				}
				c := dial(t, serve(t, m, &weir.Server{Handler: h}))
				if first == "ours" {
					if n, err := c.Read(make([]byte, 1)); err != io.EOF {
						t.Fatalf("read %d bytes, %v, want EOF", n, err)
					}
				}
				c.CloseWrite()
				if err := receive(t, h.ended, "OnClose"); err != io.EOF {
					t.Errorf("OnClose got %v, want EOF", err)
				}
			})
		})
	}
}

// PauseRead holds back OnEOF as it does OnFrame, also if the FIN was read before.
func TestPauseHoldsEOF(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		for range 20 {
			sent, opened := make(chan struct{}), make(chan *weir.Conn, 1)
			resumed := false // in callbacks of the connection only
			h := halfCloser{ended: make(chan error, 1)}
			h.open = func(c *weir.Conn) {
				if m.Dispatch == weir.Pool {
					receive(t, sent, "the FIN")
				}
				c.PauseRead()
				opened <- c
			}
			h.eof = func(c *weir.Conn) {
				if !resumed {
					t.Error("OnEOF while paused")
				}
				c.Close()
			}
			dial(t, serve(t, m, &weir.Server{Handler: h})).CloseWrite()
			close(sent)
			c := receive(t, opened, "OnOpen")
			c.Do(func(c *weir.Conn) { resumed = true; c.ResumeRead() })
			receive(t, h.ended, "OnClose")
		}
	})
}
