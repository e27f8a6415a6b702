package weir_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// What a peer sends right before it closes is delivered, before OnClose, which
// says io.EOF; if it closes within a frame, io.ErrUnexpectedEOF.
func TestLastBytesBeforeFIN(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		n := less(2500) // times four modes
		var frames sync.Map
		var whole, partial atomic.Int64
		j := newJudge(t, hooks{
			frame: func(c *weir.Conn, frame []byte) {
				if m.Dispatch == weir.Pool && c.ID()%16 == 0 {
					time.Sleep(time.Millisecond) // the FIN comes meanwhile
				}
				got, _ := frames.LoadOrStore(c, new(string))
				*got.(*string) += string(frame) + "|"
			},
			close: func(c *weir.Conn, err error) {
				got, ok := frames.Load(c)
				if !ok || *got.(*string) != "first|second|" {
					t.Errorf("OnClose (%v) came after %v", err, got)
				}
				switch err {
				case io.EOF:
					whole.Add(1)
				case io.ErrUnexpectedEOF:
					partial.Add(1)
				default:
					t.Errorf("OnClose got %v", err)
				}
			},
		})
		addr := serve(t, m, &weir.Server{Handler: j, Codec: codec.Line{}})
		inParallel(n, 16, func(i int) {
			nc, err := net.DialTimeout("tcp", addr, patience)
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			io.WriteString(nc, "first\nsecond\n")
			if i%5 == 0 {
				io.WriteString(nc, "thi")
			}
		})
		j.settled(int64(n))
		if p := int64((n + 4) / 5); partial.Load() != p || whole.Load() != int64(n)-p {
			t.Errorf("of %d connections %d ended after a frame, %d within one", n, whole.Load(), partial.Load())
		}
	})
}

// The bytes and the FIN that come while a handler is busy: the handler gets all
// of the former before the latter counts.
func TestFINDuringHandler(t *testing.T) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) {
			busy, proceed := make(chan struct{}), make(chan struct{})
			got, closed := make(chan string, 100), make(chan error, 1)
			s := &weir.Server{Codec: codec.Line{}, Handler: hooks{
				frame: func(_ *weir.Conn, frame []byte) {
					if got <- string(frame); string(frame) == "0" {
						close(busy)
						<-proceed
					}
				},
				close: func(_ *weir.Conn, err error) { closed <- err },
			}}
			nc := dial(t, serve(t, m, s))
			io.WriteString(nc, "0\n")
			receive(t, busy, "the handler")
			sent := 2
			for i := range 50 {
				k, _ := fmt.Fprintf(nc, "%d\n", i+1)
				sent += k
			}
			nc.CloseWrite()
			eventually(t, "everything is received", func() bool { return s.Stats().BytesIn == uint64(sent) })
			time.Sleep(10 * time.Millisecond) // the FIN has no counter
			close(proceed)
			for i := range 51 {
				if frame := receive(t, got, "a frame"); frame != fmt.Sprint(i) {
					t.Fatalf("frame %q, want %d", frame, i)
				}
			}
			if err := receive(t, closed, "OnClose"); err != io.EOF {
				t.Errorf("OnClose got %v", err)
			}
		})
	}
}

// poolModes are the modes in which a handler may block.
func poolModes() (pool []mode) {
	for _, m := range modes() {
		if m.Dispatch == weir.Pool {
			pool = append(pool, m)
		}
	}
	return pool
}

// A codec may make a last frame of what the stream ends with.
func TestFinisherAtEOF(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		got, closed := make(chan string, 4), make(chan error, 1)
		s := &weir.Server{Codec: words, Handler: hooks{
			frame: func(_ *weir.Conn, frame []byte) { got <- string(frame) },
			close: func(_ *weir.Conn, err error) { closed <- err },
		}}
		nc := dial(t, serve(t, m, s))
		io.WriteString(nc, "to be or")
		nc.CloseWrite()
		for _, want := range []string{"to", "be", "or"} {
			if frame := receive(t, got, "a word"); frame != want {
				t.Errorf("got %q, want %q", frame, want)
			}
		}
		if err := receive(t, closed, "OnClose"); err != io.EOF {
			t.Errorf("OnClose got %v", err)
		}
	})
}

// A reply that comes long after the peer's FIN still leaves.
func TestReplyAfterFIN(t *testing.T) {
	const soon, later = 20 * time.Millisecond, 200 * time.Millisecond
	for name, h := range map[string]weir.Handler{
		"OnEOF replies later": eofHooks{eof: func(c *weir.Conn) {
			time.AfterFunc(later, func() { c.Write([]byte("reply")); c.Close() })
		}},
		"OnEOF sets a timer": eofHooks{eof: func(c *weir.Conn) {
			c.AfterFunc(soon, func(c *weir.Conn) { c.Write([]byte("reply")); c.CloseWrite() })
		}},
		"OnFrame replies later": eofHooks{
			hooks: hooks{frame: func(c *weir.Conn, _ []byte) {
				time.AfterFunc(soon, func() { c.Write([]byte("reply")); c.Close() })
			}},
			eof: func(*weir.Conn) {},
		},
		"OnFrame blocks": hooks{frame: func(c *weir.Conn, _ []byte) {
			time.Sleep(later)
			c.Write([]byte("reply"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				nc := dial(t, serve(t, m, &weir.Server{Handler: h}))
				io.WriteString(nc, "request")
				nc.CloseWrite()
				if got, err := io.ReadAll(nc); string(got) != "reply" || err != nil {
					t.Errorf("got %q, %v", got, err)
				}
			})
		})
	}
}

// CloseWrite ends the server's side only: the client's frames go on coming.
func TestCloseWriteGoesOnReading(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		got, closed := make(chan string, 10), make(chan error, 1)
		nc := dial(t, serve(t, m, &weir.Server{Codec: codec.Line{}, Handler: hooks{
			open: func(c *weir.Conn) {
				io.WriteString(c, "welcome")
				if err := c.CloseWrite(); err != nil {
					t.Errorf("CloseWrite: %v", err)
				}
				if _, err := c.Write([]byte("x")); !is(net.ErrClosed)(err) {
					t.Errorf("Write after CloseWrite: %v", err)
				}
			},
			frame: func(_ *weir.Conn, frame []byte) { got <- string(frame) },
			close: func(_ *weir.Conn, err error) { closed <- err },
		}}))
		if all, err := io.ReadAll(nc); string(all) != "welcome" || err != nil {
			t.Fatalf("got %q, %v", all, err)
		}
		for i := range 5 {
			fmt.Fprintf(nc, "line %d\n", i)
			if line := receive(t, got, "a frame"); line != fmt.Sprintf("line %d", i) {
				t.Errorf("frame %q, want line %d", line, i)
			}
		}
		nc.Close()
		if err := receive(t, closed, "OnClose"); err != io.EOF {
			t.Errorf("OnClose got %v", err)
		}
	})
}
