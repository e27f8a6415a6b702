package weir_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// eachPoolMode runs a test in every mode in which a callback may wait.
func eachPoolMode(t *testing.T, f func(t *testing.T, m mode)) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) { f(t, m) })
	}
}

// bodies answers lines. After the line "body 5" it reads 5 bytes that are no line.
func bodies(t *testing.T) weir.HandlerFunc {
	return func(c *weir.Conn, frame []byte) {
		line := string(frame)
		var body []byte
		if size, ok := strings.CutPrefix(line, "body "); ok {
			n, err := strconv.Atoi(size)
			if err != nil {
				t.Error(err)
			}
			body = make([]byte, n)
			if _, err := io.ReadFull(c.Stream(), body); err != nil {
				t.Errorf("reading %d bytes: %v", n, err)
			}
		}
		if string(frame) != line {
			t.Errorf("while the body was read, the line changed from %q to %q", line, frame)
		}
		fmt.Fprintf(c, "<%s:%s>", line, body)
	}
}

// A callback reads what follows its frame, however it comes, and the codec gets the
// rest: the next line of the pipeline.
func TestStreamReadsWhatFollows(t *testing.T) {
	const sent = "a\nbody 10\n0123\n56789b\nbody 0\nbody 3\nc\nde\nf\nbody 1\n\n"
	const want = "<a:><body 10:0123\n56789><b:><body 0:><body 3:c\nd><e:><f:><body 1:\n>"
	eachPoolMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Codec: codec.Line{}, Handler: bodies(t)}
		addr := serve(t, m, s)
		pass := func(pieces ...string) {
			t.Helper()
			nc := dial(t, addr)
			nc.SetNoDelay(true)
			in := s.Stats().BytesIn
			for _, p := range pieces {
				io.WriteString(nc, p)
				in += uint64(len(p))
				eventually(t, "the piece is there", func() bool { return s.Stats().BytesIn == in })
			}
			nc.CloseWrite()
			if got, err := io.ReadAll(nc); string(got) != want || err != nil {
				t.Fatalf("after %q came %q, %v", pieces, got, err)
			}
			nc.Close()
		}
		pass(sent)
		for i := range sent {
			pass(sent[:i], sent[i:])
		}
		pass(strings.Split(sent, "")...)
		eventually(t, "the buffers are given back", func() bool { return s.Stats().Buffered == 0 })
	})
}

// A callback that is not OnFrame can read, too: what it makes of the rest is decoded,
// though nothing more comes.
func TestStreamInOtherCallbacks(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		conns := make(chan *weir.Conn, 1)
		s := &weir.Server{Codec: codec.Fixed{Size: 4}, Handler: hooks{
			open: func(c *weir.Conn) {
				p := make([]byte, 3)
				if _, err := io.ReadFull(c.Stream(), p); err != nil || string(p) != "abc" {
					t.Errorf("OnOpen read %q, %v", p, err)
				}
				conns <- c
			},
			frame: func(c *weir.Conn, frame []byte) { fmt.Fprintf(c, "<%s>", frame) },
		}}
		nc := dial(t, serve(t, m, s))
		io.WriteString(nc, "abcdefghi")
		c := receive(t, conns, "OnOpen")
		got := make([]byte, 6)
		if _, err := io.ReadFull(nc, got); err != nil || string(got) != "<defg>" {
			t.Fatalf("got %q, %v", got, err)
		}
		begun := make(chan struct{})
		c.Do(func(c *weir.Conn) {
			close(begun)
			p := make([]byte, 3)
			if _, err := io.ReadFull(c.Stream(), p); err != nil || string(p) != "hij" {
				t.Errorf("Do read %q, %v", p, err)
			}
		})
		receive(t, begun, "the function") // else the codec has the first go at what comes
		io.WriteString(nc, "jklmn")
		if _, err := io.ReadFull(nc, got); err != nil || string(got) != "<klmn>" {
			t.Fatalf("got %q, %v", got, err)
		}
	})
}

// A peer that sends much is held back while nobody reads, and gets all of it across
// when somebody does.
func TestStreamBackpressure(t *testing.T) {
	for _, pending := range []int{1, 4 << 10, 64 << 10} {
		t.Run(fmt.Sprint("MaxPending ", pending), func(t *testing.T) {
			eachPoolMode(t, func(t *testing.T, m mode) {
				size := less(64 << 20)
				if pending == 1 {
					size = 1 << 20 // a pause for each read
				}
				for _, detached := range []bool{false, true} {
					uploads(t, m, pending, size, detached)
				}
			})
		})
	}
}

func uploads(t *testing.T, m mode, pending, size int, detached bool) {
	proceed, sum := make(chan struct{}), make(chan []byte, 1)
	var s *weir.Server
	// Two reads, and MaxPending, in buffers that are up to twice as large.
	limit := int64(2*(64<<10) + pending)
	download := func(st *weir.Stream) {
		<-proceed
		h, buf := sha256.New(), make([]byte, 32<<10)
		for left := size; left > 0; {
			n, err := st.Read(buf[:min(left, 1+rand.IntN(len(buf)))])
			if err != nil {
				t.Errorf("Read with %d bytes left: %v", left, err)
				break
			}
			h.Write(buf[:n])
			left -= n
			if b := s.Stats().Buffered; b > 2*limit {
				t.Errorf("%d bytes are buffered", b)
				break
			}
		}
		sum <- h.Sum(nil)
		st.Write([]byte("thanks"))
		st.Close()
	}
	s = &weir.Server{Codec: codec.Line{}, Handler: weir.HandlerFunc(func(c *weir.Conn, _ []byte) {
		st := c.Stream()
		if !detached {
			download(st)
			return
		}
		if err := st.Detach(); err != nil {
			t.Error(err)
		}
		go download(st)
	})}
	s.MaxPending = pending
	nc := dial(t, serve(t, m, s))
	want := make(chan []byte, 1)
	go func() {
		n := newNoise()
		io.WriteString(nc, "go\n")
		for left := size; left > 0; {
			p := n.next(left)
			if _, err := nc.Write(p); err != nil {
				t.Errorf("sending with %d bytes left: %v", left, err)
				break
			}
			left -= len(p)
		}
		want <- n.sum.Sum(nil)
	}()
	eventually(t, "reading pauses", func() bool { return s.Stats().PausedPending > 0 })
	if in := s.Stats().BytesIn; in > uint64(limit) {
		t.Errorf("%d bytes were received, nobody reads, and MaxPending is %d", in, pending)
	}
	close(proceed)
	if got, err := io.ReadAll(nc); string(got) != "thanks" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if string(receive(t, sum, "the end of the upload")) != string(receive(t, want, "all is sent")) {
		t.Error("it is not what was sent")
	}
	nc.Close()
	eventually(t, "the buffers are given back", func() bool { return s.Stats().Buffered == 0 })
}

// A deadline ends a wait and not the connection, whenever it is set.
func TestStreamReadDeadline(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		nc := dial(t, serve(t, m, &weir.Server{Codec: codec.Line{}, Handler: weir.HandlerFunc(func(c *weir.Conn, _ []byte) {
			s, p := c.Stream(), make([]byte, 1)
			expire := func(when string) {
				if n, err := s.Read(p); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s: Read returned %d, %v", when, n, err)
				}
			}
			go s.SetReadDeadline(time.Unix(1, 0)) // before, or while Read waits
			expire("from elsewhere")
			expire("still")
			s.SetReadDeadline(time.Time{})
			s.SetReadDeadline(time.Now().Add(time.Hour))
			go s.SetReadDeadline(time.Now().Add(time.Millisecond))
			expire("moved")
			s.SetDeadline(time.Now().Add(time.Millisecond))
			expire("of both")
			c.Write([]byte("x"))
			for s.SetReadDeadline(time.Time{}); p[0] != '!'; {
				if _, err := s.Read(p); err != nil {
					t.Errorf("without a deadline Read returned %v", err)
					return
				}
			}
			s.SetReadDeadline(time.Unix(1, 0))
			expire("with bytes there")
		})}))
		io.WriteString(nc, "go\n")
		answer := make([]byte, 1)
		if _, err := io.ReadFull(nc, answer); err != nil {
			t.Fatal(err)
		}
		io.WriteString(nc, "abc!")
		nc.CloseWrite()
		ends(t, nc)
	})
}

// Write waits at the high watermark for a peer that does not read, or for its
// deadline, and all that it has accepted arrives.
func TestStreamWriteWaits(t *testing.T) {
	const piece, pieces = 300 << 10, 20
	eachPoolMode(t, func(t *testing.T, m mode) {
		streams, accepted := make(chan *weir.Stream, 1), make(chan int, 1)
		expired := make(chan struct{})
		s := &weir.Server{Codec: codec.Line{}, Handler: weir.HandlerFunc(func(c *weir.Conn, _ []byte) {
			st, total := c.Stream(), 0
			streams <- st
			for n, err := 0, error(nil); err == nil; {
				n, err = st.Write(make([]byte, piece))
				if total += n; err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("Write: %v", err)
				}
			}
			st.SetWriteDeadline(time.Time{})
			close(expired)
			for range pieces {
				n, err := st.Write(make([]byte, piece))
				if total += n; n != piece || err != nil {
					t.Errorf("Write: %d, %v", n, err)
					break
				}
				if b := c.Buffered(); b > 256<<10 {
					t.Errorf("%d bytes wait", b)
				}
			}
			c.Close()
			accepted <- total
		})}
		s.Socket.WriteBuffer = 4 << 10
		s.HighWatermark, s.Linger = 128<<10, patience
		nc := dial(t, serve(t, m, s))
		nc.SetReadBuffer(64 << 10)
		io.WriteString(nc, "go\n")
		st := receive(t, streams, "the callback")
		eventually(t, "the backlog is at the high watermark", func() bool { return !st.Conn().Writable() })
		st.SetWriteDeadline(time.Now())
		receive(t, expired, "the write deadline")
		n, err := io.Copy(io.Discard, nc)
		if want := receive(t, accepted, "the end of the callback"); int(n) != want || err != nil {
			t.Errorf("%d bytes came, %v; %d were accepted", n, err, want)
		}
	})
}

// Who must not use a Stream is told so.
func TestStreamMisused(t *testing.T) {
	t.Run("outside", func(t *testing.T) {
		eachPoolMode(t, func(t *testing.T, m mode) {
			conns := make(chan *weir.Conn, 1)
			stale := make(chan error, 1)
			nc := dial(t, serve(t, m, &weir.Server{Handler: hooks{
				open: func(c *weir.Conn) { conns <- c },
				frame: func(c *weir.Conn, frame []byte) {
					if string(frame) == "go" {
						s, in := c.Stream(), make(chan struct{})
						go func() {
							close(in)
							_, err := s.Read(make([]byte, 1)) // nothing comes while the callback runs
							stale <- err
						}()
						<-in
					}
					c.Write(frame)
				},
			}}))
			c := receive(t, conns, "OnOpen")
			got := make([]byte, 4)
			for range less(200) {
				io.WriteString(nc, "go")
				if err := receive(t, stale, "Read"); !errors.Is(err, weir.ErrNotInCallback) {
					t.Fatalf("Read that has outlived its callback: %v", err)
				}
				io.WriteString(nc, "on")
				if _, err := io.ReadFull(nc, got); err != nil || string(got) != "goon" {
					t.Fatalf("got %q, %v", got, err)
				}
			}
			eventually(t, "no callback runs", func() bool {
				err := c.Stream().Detach()
				_, rerr := c.Stream().Read(got)
				return errors.Is(err, weir.ErrNotInCallback) && errors.Is(rerr, weir.ErrNotInCallback)
			})
			c.Close()
			nc.Close()
			eventually(t, "it is closed", func() bool {
				_, err := c.Stream().Read(got)
				return errors.Is(err, weir.ErrClosed) && errors.Is(c.Stream().Detach(), weir.ErrClosed)
			})
		})
	})
	t.Run("inline", func(t *testing.T) {
		for _, m := range modes() {
			if m.Dispatch != weir.Inline {
				continue
			}
			nc := dial(t, serve(t, m, &weir.Server{Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
				s := c.Stream()
				_, err := s.Read(frame)
				_, err2 := s.Write(frame)
				for _, err := range []error{err, err2, s.Detach()} {
					if !errors.Is(err, weir.ErrInline) {
						t.Errorf("%v", err)
					}
				}
				c.LongRunning() // means nothing
				c.Write(frame)
			})}))
			io.WriteString(nc, "x")
			if _, err := io.ReadFull(nc, make([]byte, 1)); err != nil {
				t.Error(err)
			}
		}
	})
}

// A Stream is a net.Conn, addresses included.
func TestStreamAddrs(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		nc := dial(t, serve(t, m, &weir.Server{Handler: weir.HandlerFunc(func(c *weir.Conn, _ []byte) {
			var s net.Conn = c.Stream()
			fmt.Fprintf(s, "%s %s", s.LocalAddr(), s.RemoteAddr())
			s.Close()
		})}))
		io.WriteString(nc, "x")
		if got, err := io.ReadAll(nc); string(got) != nc.RemoteAddr().String()+" "+nc.LocalAddr().String() {
			t.Errorf("got %q, %v", got, err)
		}
	})
}
