package weir_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// scribe writes pieces of all sizes in all ways, and knows what has to arrive.
type scribe struct {
	t    *testing.T
	c    *weir.Conn
	next byte
	want bytes.Buffer
}

func (s *scribe) piece(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = s.next
		s.next = s.next*5 + 7
	}
	s.want.Write(p)
	return p
}

func (s *scribe) check(err error) {
	if err != nil {
		s.t.Errorf("after %d bytes: %v", s.want.Len(), err)
	}
}

// append appends n bytes, in pieces, so that it may outgrow what it is given.
func (s *scribe) append(n int) {
	p := s.piece(n)
	s.check(s.c.Append(func(dst []byte) []byte {
		if len(dst) != 0 || cap(dst) < 1<<10 {
			s.t.Errorf("dst has %d bytes, and room for %d", len(dst), cap(dst))
		}
		for rest := p; len(rest) > 0; {
			k := min(len(rest), 700)
			dst = append(dst, rest[:k]...)
			rest = rest[k:]
		}
		return dst
	}))
}

func (s *scribe) write(i, n int) {
	switch i % 6 {
	case 0, 2:
		s.append(n)
	case 1:
		_, err := s.c.Write(s.piece(n))
		s.check(err)
	case 3:
		s.check(s.c.WriteOwned(s.piece(n), nil))
	case 4:
		m, err := weir.NewMessage(codec.Raw{}, s.piece(n))
		s.check(err)
		s.check(s.c.WriteMessage(m))
		m.Release()
	case 5:
		_, err := s.c.Writev([][]byte{s.piece(n / 2), s.piece(n - n/2)})
		s.check(err)
	}
}

// all writes in every order of sizes and ways.
func (s *scribe) all() {
	sizes := []int{0, 1, 100, 1023, 1024, 1025, 3000, 4095, 4096, 5000, 20_000, 65_536, 70_000, 200_000}
	for i := range 6 * len(sizes) {
		s.write(i, sizes[i%len(sizes)])
	}
	for i := range 100 { // fills buffers to the brim, with less than 1 KiB left now and then
		s.append(10 * i)
	}
	for i := range 200 {
		s.write(i, sizes[(i*i)%len(sizes)])
	}
}

// Append takes part in the order of writes: in a callback, outside of one, in one
// that has been waiting for long, and while the socket is full.
func TestAppend(t *testing.T) {
	for _, where := range []string{"in a batch", "outside", "blocked"} {
		t.Run(where, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				conns, done := make(chan *weir.Conn, 1), make(chan []byte, 1)
				write := func(c *weir.Conn) {
					w := &scribe{t: t, c: c}
					if where == "blocked" {
						c.Write(w.piece(8 << 20))
						c.Flush()
						if c.Buffered() == 0 {
							t.Error("the socket has taken everything")
						}
					}
					w.all()
					c.Close()
					done <- w.want.Bytes()
				}
				s := &weir.Server{Handler: hooks{
					open: func(c *weir.Conn) { conns <- c },
					frame: func(c *weir.Conn, _ []byte) {
						if where != "outside" {
							write(c)
						}
					},
				}}
				s.HighWatermark, s.Linger = 64<<20, patience
				nc := dial(t, serve(t, m, s))
				io.WriteString(nc, "go")
				c := receive(t, conns, "OnOpen")
				if where == "outside" {
					go write(c)
				}
				if where == "blocked" {
					receiveLater(t, nc, done)
					return
				}
				got, err := io.ReadAll(nc)
				if want := receive(t, done, "what was written"); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes came, %d were written, or others; %v", len(got), len(want), err)
				}
			})
		})
	}
}

// receiveLater reads only when all is written.
func receiveLater(t *testing.T, r io.Reader, written <-chan []byte) {
	t.Helper()
	want := receive(t, written, "what was written")
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, %d were written, or others; %v", len(got), len(want), err)
	}
}

// A function that returns something else than it was given, or panics, harms nothing
// that was written before, and nobody's memory.
func TestAppendMisused(t *testing.T) {
	own := []byte("own")
	eachMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Codec: codec.Line{}, Config: weir.Config{Logger: quiet()}, Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			c.Append(func(dst []byte) []byte { return append(dst, "a"...) })
			c.Append(func([]byte) []byte { return nil })
			c.Append(func([]byte) []byte { return own })
			c.Append(func(dst []byte) []byte { return append(dst, "bcd"...)[1:2] })
			c.Append(func(dst []byte) []byte { return append(dst, "e"...)[:1:1] })
			if string(frame) == "panic" {
				c.Append(func([]byte) []byte { panic("the test's") })
			}
			c.Close()
			if err := c.Append(func([]byte) []byte { t.Error("called"); return nil }); !errors.Is(err, weir.ErrClosed) {
				t.Errorf("Append: %v", err)
			}
		})}
		addr := serve(t, m, s)
		for _, sent := range []string{"go\n", "panic\n"} {
			nc := dial(t, addr)
			io.WriteString(nc, sent)
			if got, err := io.ReadAll(nc); string(got) != "aownce" || err != nil {
				t.Errorf("after %q came %q, %v", sent, got, err)
			}
		}
		if string(own) != "own" {
			t.Errorf("the memory that was returned now has %q", own)
		}
	})
}
