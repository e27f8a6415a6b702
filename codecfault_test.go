package weir_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// faulty is a codec of lines, with the faults that a user's may have.
type faulty struct{ codec.Line }

func (f faulty) Decode(buf []byte) ([]byte, int, error) { return f.DecodeFrom(buf, 0) }

func (f faulty) DecodeFrom(buf []byte, seen int) ([]byte, int, error) {
	switch {
	case bytes.HasPrefix(buf, []byte("panic")):
		panic("the test's")
	case bytes.HasPrefix(buf, []byte("index")):
		return buf[len(buf)+1:], 1, nil
	case bytes.HasPrefix(buf, []byte("beyond")):
		return buf, len(buf) + 1, nil
	case bytes.HasPrefix(buf, []byte("before")):
		return nil, -1, nil
	case bytes.HasPrefix(buf, []byte("error")):
		return nil, 0, errFaulty
	}
	return f.Line.DecodeFrom(buf, seen)
}

// FrameSize makes it a codec.Sizer.
func (f faulty) FrameSize(buf []byte) int {
	switch {
	case bytes.HasPrefix(buf, []byte("size")):
		panic("the test's")
	case bytes.HasPrefix(buf, []byte("negative")):
		return -5
	}
	return 0
}

var errFaulty = errors.New("faulty")

// A codec that panics, or consumes more than there is, takes one connection down,
// wherever the fault comes in its stream, and no other.
func TestFaultyCodec(t *testing.T) {
	isMalformed := is(codec.ErrMalformed)
	isAnyPanic := func(err error) bool {
		var p *weir.PanicError
		return errors.As(err, &p)
	}
	for _, test := range []struct {
		sent   string
		want   func(error) bool
		frames int
		panics uint64
	}{
		{"panic", isPanic("the test's"), 0, 1},
		{"one\ntwo\npanic", isPanic("the test's"), 2, 1},
		{"index", isAnyPanic, 0, 1},
		{"one\nindex", isAnyPanic, 1, 1},
		{"beyond", isMalformed, 0, 0},
		{"one\nbeyond", isMalformed, 1, 0},
		{"before", isMalformed, 0, 0},
		{"error", is(errFaulty), 0, 0},
		{"one\nerror", is(errFaulty), 1, 0},
		{"size", isPanic("the test's"), 0, 1},
		{"one\nsize", isPanic("the test's"), 1, 1},
	} {
		t.Run(test.sent, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				frames, closed := make(chan string, 9), make(chan error, 9)
				j := newJudge(t, hooks{
					frame: func(c *weir.Conn, frame []byte) {
						if string(frame) == "ping" {
							c.WriteFrame([]byte("pong"))
							return
						}
						frames <- string(frame)
					},
					close: func(_ *weir.Conn, err error) { closed <- err },
				})
				s := &weir.Server{Codec: faulty{}, Handler: j, Config: weir.Config{Logger: quiet()}}
				s.Loops = 1
				addr := serve(t, m, s)
				other := dial(t, addr)
				nc := dial(t, addr)
				io.WriteString(nc, test.sent)
				go func() { io.Copy(io.Discard, nc); nc.Close() }()
				if err := receive(t, closed, "OnClose"); !test.want(err) {
					t.Errorf("OnClose got %v", err)
				}
				if len(frames) != test.frames {
					t.Errorf("%d frames were delivered, want %d", len(frames), test.frames)
				}
				io.WriteString(other, "ping\n")
				if _, err := io.ReadFull(other, make([]byte, 5)); err != nil {
					t.Errorf("another connection: %v", err)
				}
				if n := s.Stats().Panics; n != test.panics {
					t.Errorf("%d panics are counted, want %d", n, test.panics)
				}
			})
		})
	}
}

// The same while a worker is busy with the connection, when what comes is only
// put aside.
func TestFaultySizeWhileBusy(t *testing.T) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) {
			busy, proceed := make(chan struct{}), make(chan struct{})
			closed := make(chan error, 1)
			s := &weir.Server{Codec: faulty{}, Config: weir.Config{Logger: quiet()}, Handler: hooks{
				frame: func(*weir.Conn, []byte) { close(busy); <-proceed },
				close: func(_ *weir.Conn, err error) { closed <- err },
			}}
			nc := dial(t, serve(t, m, s))
			io.WriteString(nc, "one\n")
			receive(t, busy, "the handler")
			sent := 4
			for _, size := range []int{4, 30_000} { // the second does not fit in the buffer of the first
				io.WriteString(nc, strings.Repeat("size", size/4))
				sent += size
				eventually(t, "it is received", func() bool { return s.Stats().BytesIn == uint64(sent) })
			}
			close(proceed)
			nc.CloseWrite()
			if err := receive(t, closed, "OnClose"); !isPanic("the test's")(err) {
				t.Errorf("OnClose got %v", err)
			}
		})
	}
}

// A size that makes no sense is no size.
func TestNegativeFrameSize(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		nc := dial(t, serve(t, m, &weir.Server{Codec: faulty{}, Handler: echo}))
		for range 200 {
			io.WriteString(nc, "negative ")
		}
		io.WriteString(nc, "\n")
		if _, err := io.ReadFull(nc, make([]byte, 200*9)); err != nil {
			t.Error(err)
		}
	})
}
