package weir_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// lines and blocks are two protocols: a line "up" leads from the first to the
// second, a block "down" back. Each echoes and names itself.
type lines struct{ hooks }

func (lines) OnFrame(c *weir.Conn, frame []byte) {
	fmt.Fprintf(c, "line %s\n", frame)
	if string(frame) == "up" {
		c.SetProtocol(framed, blocks{})
	}
}

type blocks struct{ hooks }

func (blocks) OnFrame(c *weir.Conn, frame []byte) {
	fmt.Fprintf(c, "block %s\n", frame)
	if string(frame) == "down" {
		c.SetProtocol(codec.Line{}, lines{})
	}
}

// block encodes a payload.
func block(p string) string {
	b, _ := framed.Append(nil, []byte(p))
	return string(b)
}

// SetProtocol in a callback holds from the next frame on, also for bytes that
// came in the same packet.
func TestSwapWithBytesBuffered(t *testing.T) {
	stream := "hello\nup\n" + block("a\nb\n") + block("down") + "again\nup\n" + block("") + block("last")
	const want = "line hello\nline up\nblock a\nb\n\nblock down\nline again\nline up\nblock \nblock last\n"
	for _, sent := range []string{"whole", "byte by byte"} {
		t.Run(sent, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				nc := dial(t, serve(t, m, &weir.Server{Codec: codec.Line{}, Handler: lines{}}))
				step := len(stream)
				if sent != "whole" {
					step = 1
				}
				for i := 0; i < len(stream); i += step {
					io.WriteString(nc, stream[i:i+step])
				}
				nc.CloseWrite()
				if got, err := io.ReadAll(nc); string(got) != want || err != nil {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
			})
		})
	}
}

// SetProtocol elsewhere: the bytes that the old codec finds incomplete are looked
// at again by the new one, though nothing more comes.
func TestSwapFromAnotherGoroutine(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		conns := make(chan *weir.Conn, 1)
		s := &weir.Server{Codec: codec.Line{}, Handler: hooks{
			open:  func(c *weir.Conn) { conns <- c },
			frame: func(_ *weir.Conn, frame []byte) { t.Errorf("line %q", frame) },
		}}
		nc := dial(t, serve(t, m, s))
		c := receive(t, conns, "OnOpen")
		sent := block("now") + block("or never")
		io.WriteString(nc, sent)
		eventually(t, "the bytes are there", func() bool { return s.Stats().BytesIn == uint64(len(sent)) })
		if err := c.SetProtocol(framed, blocks{}); err != nil {
			t.Fatal(err)
		}
		const want = "block now\nblock or never\n"
		got := make([]byte, len(want))
		if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// The end is told to the handler that is in force then, though the last frame
// before the end has put it in force.
func TestSwapBeforeTheEnd(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		told := make(chan string, 9)
		after := eofHooks{
			hooks: hooks{close: func(_ *weir.Conn, err error) { told <- fmt.Sprint("OnClose ", err) }},
			eof:   func(c *weir.Conn) { told <- "OnEOF"; c.Close() },
		}
		addr := serve(t, m, &weir.Server{Codec: codec.Line{}, Handler: hooks{
			frame: func(c *weir.Conn, _ []byte) { c.SetProtocol(codec.Line{}, after) },
			close: func(_ *weir.Conn, err error) { told <- fmt.Sprint("OnClose of the old handler ", err) },
		}})
		for range less(50) {
			nc := dial(t, addr)
			io.WriteString(nc, "swap\n")
			nc.CloseWrite()
			for _, want := range []string{"OnEOF", "OnClose EOF"} {
				if got := receive(t, told, want); got != want {
					t.Fatalf("told %q, want %q", got, want)
				}
			}
		}
	})
}

// A connection that has failed while its handler was busy still delivers what
// came before, but cannot be given another handler.
func TestSwapTooLate(t *testing.T) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) {
			told := make(chan string, 9)
			busy, proceed := make(chan struct{}), make(chan struct{})
			s := &weir.Server{Codec: codec.Line{}, Handler: hooks{
				frame: func(c *weir.Conn, frame []byte) {
					if told <- string(frame); string(frame) == "wait" {
						close(busy)
						<-proceed
					} else if err := c.SetProtocol(nil, echo); !is(weir.ErrClosed)(err) {
						t.Errorf("SetProtocol: %v", err)
					}
				},
				close: func(*weir.Conn, error) { told <- "OnClose" },
			}}
			nc := dial(t, serve(t, m, s))
			io.WriteString(nc, "wait\n")
			receive(t, busy, "the handler")
			io.WriteString(nc, "swap\nmore\n")
			eventually(t, "the lines are there", func() bool { return s.Stats().BytesIn == 15 })
			nc.SetLinger(0)
			nc.Close()
			eventually(t, "the connection is gone", func() bool { return s.Stats().Conns == 0 })
			close(proceed)
			for _, want := range []string{"wait", "swap", "more", "OnClose"} {
				if got := receive(t, told, want); got != want {
					t.Errorf("told %q, want %q", got, want)
				}
			}
		})
	}
}
