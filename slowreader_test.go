package weir_test

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// noise writes pseudo-random bytes, in pieces of any size, wherever it is told.
type noise struct {
	rand *rand.ChaCha8
	sum  hash.Hash
	buf  [60_000]byte
}

func newNoise() *noise {
	return &noise{rand: rand.NewChaCha8([32]byte{}), sum: sha256.New()}
}

// next returns the next piece, of no more than left bytes. It is valid until the
// next call.
func (n *noise) next(left int) []byte {
	p := n.buf[:min(left, 1+rand.IntN(len(n.buf)))]
	n.rand.Read(p)
	n.sum.Write(p)
	return p
}

// Each partial write is continued where it ended: through a send buffer of 4 KiB
// 50 MB arrive as they were sent. And the loop sleeps while the peer does not
// read.
func TestSlowReader(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		size := less(50_000_000)
		want := make(chan []byte, 1)
		conns := make(chan *weir.Conn, 1)
		produce := func(c *weir.Conn) {
			n := newNoise()
			for left := size; left > 0; {
				if err := c.WaitWritable(context.Background()); err != nil {
					t.Errorf("WaitWritable with %d bytes left: %v", left, err)
					return
				}
				p := n.next(left)
				if k, err := c.Write(p); err != nil || k != len(p) {
					t.Errorf("Write of %d bytes with %d left: %d, %v", len(p), left, k, err)
					return
				}
				left -= len(p)
			}
			c.Close() // with much still to be sent
			want <- n.sum.Sum(nil)
		}
		s := &weir.Server{Handler: hooks{
			open:  func(c *weir.Conn) { conns <- c },
			frame: func(c *weir.Conn, _ []byte) { go produce(c) },
		}}
		s.Socket.WriteBuffer = 4 << 10
		s.HighWatermark = 256 << 10
		s.Linger = patience
		nc := dial(t, serve(t, m, s))
		nc.SetReadBuffer(64 << 10)
		c := receive(t, conns, "OnOpen")
		nc.Write([]byte("go"))

		eventually(t, "the backlog is at the high watermark", func() bool { return !c.Writable() })
		asleep(t, s, "blocked")

		sum := sha256.New()
		got, buf := 0, make([]byte, 64<<10)
		for {
			k, err := nc.Read(buf[:1+rand.IntN(len(buf))])
			sum.Write(buf[:k])
			got += k
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
		}
		if got != size || string(sum.Sum(nil)) != string(receive(t, want, "the sum")) {
			t.Fatalf("%d bytes of %d arrived, or others", got, size)
		}
		// Every wake-up is for some progress. With 4 KiB per write there are
		// many of them, but not many more than that.
		if st := s.Stats(); st.Iterations > uint64(size/512+10_000) {
			t.Errorf("%d iterations for %d bytes", st.Iterations, size)
		}
	})
}

// asleep fails if the loops of s go round and round while nothing happens.
func asleep(t *testing.T, s *weir.Server, what string) {
	t.Helper()
	before := s.Stats().Iterations
	time.Sleep(100 * time.Millisecond)
	if n := s.Stats().Iterations - before; n > 200 {
		t.Errorf("%s: %d iterations while nothing happened", what, n)
	}
}

// Close and Abort of a connection whose peer does not read.
func TestEndWhileBlocked(t *testing.T) {
	blocked := func(t *testing.T, m mode, s *weir.Server) (*weir.Conn, io.Reader, chan error) {
		conns, closed := make(chan *weir.Conn, 1), make(chan error, 1)
		s.Handler = hooks{
			open:  func(c *weir.Conn) { conns <- c },
			close: func(_ *weir.Conn, err error) { closed <- err },
		}
		s.Socket.WriteBuffer = 64 << 10
		nc := dial(t, serve(t, m, s))
		c := receive(t, conns, "OnOpen")
		if _, err := c.Write(make([]byte, 8_000_000)); err != nil {
			t.Fatal(err)
		}
		if c.Buffered() == 0 {
			t.Fatal("the socket took 8 MB")
		}
		return c, nc, closed
	}
	t.Run("Close", func(t *testing.T) {
		eachMode(t, func(t *testing.T, m mode) {
			s := &weir.Server{Config: weir.Config{Linger: patience}}
			c, r, closed := blocked(t, m, s)
			c.Close()
			asleep(t, s, "closing")
			if n, err := io.Copy(io.Discard, r); n != 8_000_000 || err != nil {
				t.Errorf("%d bytes arrived, %v", n, err)
			}
			r.(io.Closer).Close()
			if err := receive(t, closed, "OnClose"); err != nil {
				t.Errorf("OnClose got %v", err)
			}
		})
	})
	t.Run("Close, linger timeout", func(t *testing.T) {
		eachMode(t, func(t *testing.T, m mode) {
			s := &weir.Server{Config: weir.Config{Linger: 50 * time.Millisecond}}
			c, _, closed := blocked(t, m, s)
			c.Close()
			if err := receive(t, closed, "OnClose"); err != nil {
				t.Errorf("OnClose got %v", err)
			}
		})
	})
	t.Run("Abort", func(t *testing.T) {
		eachMode(t, func(t *testing.T, m mode) {
			c, r, closed := blocked(t, m, &weir.Server{})
			c.Abort()
			if err := receive(t, closed, "OnClose"); !is(weir.ErrClosed)(err) {
				t.Errorf("OnClose got %v", err)
			}
			if n, err := io.Copy(io.Discard, r); n >= 8_000_000 || !isReset(err) {
				t.Errorf("%d bytes arrived, %v: want a reset", n, err)
			}
		})
	})
}
