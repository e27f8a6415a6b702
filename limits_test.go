package weir_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

func TestMaxConns(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		const limit, more = 10, 5
		s := &weir.Server{Handler: echo, MaxConns: limit}
		s.Logger = quiet()
		addr := serve(t, m, s)
		var conns []net.Conn
		for range limit {
			c := dial(t, addr)
			pingOn(t, c)
			conns = append(conns, c)
		}
		for range more {
			ends(t, dial(t, addr))
		}
		for _, c := range conns {
			pingOn(t, c)
		}
		if st := s.Stats(); st.Conns != limit || st.RejectedMaxConns != more || st.Accepted != limit {
			t.Errorf("%+v", st)
		}
		conns[0].Close()
		eventually(t, "the connection has ended", func() bool { return s.Stats().Conns == limit-1 })
		pingOn(t, dial(t, addr))
	})
}

// A limit of connections per second makes the others wait, and refuses none.
func TestAcceptRate(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		const conns = 100
		s := &weir.Server{Handler: echo, AcceptRate: 400}
		addr := serve(t, m, s)
		inParallel(conns, 8, func(int) {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if err := tryPing(c); err != nil {
				t.Error(err)
			}
		})
		if st := s.Stats(); st.Accepted != conns || st.AcceptPaused == 0 {
			t.Errorf("%+v", st)
		}
	})
}

// The codec's maximum and the server's end the connection that exceeds them, with
// an error that says so, and no other.
func TestFrameTooLarge(t *testing.T) {
	const limit = 1000
	line := func(size int) []byte { return append(bytes.Repeat([]byte("x"), size-1), '\n') }
	counted := func(size int) []byte {
		frame, err := lengths.Append(nil, make([]byte, size-4))
		if err != nil {
			t.Fatal(err)
		}
		return frame
	}
	for _, test := range []struct {
		name  string
		codec codec.Codec
		max   int // MaxFrame
		frame func(size int) []byte
		who   string
	}{
		{"line", codec.Line{Max: limit - 1}, 0, line, "line"},
		{"length field", codec.LengthField{Width: 4, Strip: 4, Max: limit}, 0, counted, "length-field"},
		{"line, MaxFrame", codec.Line{}, limit, line, "MaxFrame"},
		{"length field, MaxFrame", lengths, limit, counted, "MaxFrame"},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				closed := make(chan error, 2)
				s := &weir.Server{Codec: test.codec, Handler: hooks{
					frame: func(c *weir.Conn, frame []byte) { c.WriteFrame(frame) },
					close: func(_ *weir.Conn, err error) { closed <- err },
				}}
				s.MaxFrame = test.max
				addr := serve(t, m, s)
				bystander := dial(t, addr)
				fits := test.frame(limit)
				echoes := func(c net.Conn) {
					t.Helper()
					c.Write(fits)
					got := make([]byte, len(fits))
					if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, fits) {
						t.Fatalf("the echo differs, or %v", err)
					}
				}
				echoes(bystander)
				// The last is refused before it is complete.
				for _, p := range [][]byte{test.frame(limit + 1), test.frame(2 * limit), test.frame(2 * limit)[:limit+2]} {
					c := dial(t, addr)
					echoes(c)
					c.Write(append(bytes.Clone(fits), p...))
					got, _ := io.ReadAll(c)
					c.Close()
					if !bytes.Equal(got, fits) {
						t.Errorf("%d bytes came for the frame before, which has %d", len(got), len(fits))
					}
					err := receive(t, closed, "OnClose")
					var fault *codec.Error
					if !errors.As(err, &fault) || !errors.Is(err, codec.ErrTooLarge) || fault.Codec != test.who {
						t.Errorf("OnClose got %v", err)
					}
				}
				echoes(bystander)
			})
		})
	}
}
