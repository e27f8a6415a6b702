package web_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/web"
)

// stream sends text by NextWriter, in pieces.
func stream(s *web.Socket, text string, piece int) error {
	w, err := s.NextWriter(web.Text)
	if err != nil {
		return err
	}
	for len(text) > 0 {
		n := min(piece, len(text))
		if m, err := io.WriteString(w, text[:n]); err != nil || m != n {
			return fmt.Errorf("%d of %d bytes were accepted: %w", m, n, err)
		}
		text = text[n:]
	}
	return w.Close()
}

// offers are the ways to compress, none included.
var offers = map[string]string{"plain": "X-Nothing: here", "no takeover": offerNoTakeover, "takeover": offerTakeover}

// A message in fragments is one message, whatever the pieces that it is written in.
func TestNextWriter(t *testing.T) {
	for name, offer := range offers {
		t.Run(name, func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				ws := echoSocket()
				ws.Compression = web.CompressionTakeover
				opened := sockets(ws)
				addr, _ := serveSockets(t, m, ws)
				c := dialSocket(t, addr, offer)
				s := receive(t, opened, "OnOpen")
				done := make(chan error, 1)
				for _, size := range []int{0, 1, 255, 256, 16<<10 - 1, 16 << 10, 16<<10 + 1, 200_000} {
					for _, piece := range []int{1000, 16 << 10, 1 << 20} {
						text := strings.Repeat("0123456789", size/10+1)[:size]
						go func() { done <- stream(s, text, piece) }()
						c.expect(websocket.Text, text)
						if err := receive(t, done, "the writer"); err != nil {
							t.Fatal(err)
						}
						// What comes after does not know of it, or knows all of it.
						c.send(websocket.Text, text+"!")
						c.expect(websocket.Text, text+"!")
					}
				}
				c.leave()
			})
		})
	}
}

// Messages written meanwhile wait, in order, and control frames do not.
func TestNextWriterComesFirst(t *testing.T) {
	for name, offer := range offers {
		t.Run(name, func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				ws := echoSocket()
				ws.Compression, ws.CompressionThreshold = web.CompressionTakeover, -1
				ws.MaxQueued = 1000
				opened := sockets(ws)
				addr, _ := serveSockets(t, m, ws)
				c := dialSocket(t, addr, offer)
				s := receive(t, opened, "OnOpen")
				w, err := s.NextWriter(web.Text)
				if err != nil {
					t.Fatal(err)
				}
				part := strings.Repeat("x", 16<<10)
				io.WriteString(w, part)
				s.WriteText("first")
				s.WritePrepared(prepare(t, web.Binary, "second"))
				s.Ping([]byte("now"))
				c.expect(websocket.Ping, "now")
				next, turned := make(chan error, 1), make(chan struct{})
				go func() { next <- stream(s, "another", 100) }()
				c.send(websocket.Text, "third, by the echo")
				eventually(t, "it is there", func() bool { return ws.Stats().MessagesIn == 1 })
				s.Conn().Do(func(*weir.Conn) { close(turned) }) // and its callback has returned
				receive(t, turned, "the end of the callback")
				filler := make([]byte, 600) // the second is the last that finds room
				for i := range filler {
					filler[i] = byte(rand.Uint32()) // which cannot be compressed
				}
				for i := range 3 {
					if err := s.WriteBinary(filler); (err != nil) != (i == 2) || err != nil && !errors.Is(err, weir.ErrBacklog) {
						t.Errorf("message %d behind the first is answered with %v", i, err)
					}
				}
				if n := ws.Stats().QueueFull; n != 1 {
					t.Errorf("%d are counted as refused", n)
				}
				io.WriteString(w, part)
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				c.expect(websocket.Text, part+part)
				c.expect(websocket.Text, "first")
				c.expect(websocket.Binary, "second")
				c.expect(websocket.Text, "third, by the echo")
				c.expect(websocket.Binary, string(filler))
				c.expect(websocket.Binary, string(filler))
				c.expect(websocket.Text, "another")
				if err := receive(t, next, "the next writer"); err != nil {
					t.Error(err)
				}
				if _, err := w.Write([]byte("x")); !errors.Is(err, web.ErrWriterClosed) {
					t.Errorf("Write after Close returned %v", err)
				}
				if err := w.Close(); !errors.Is(err, web.ErrWriterClosed) {
					t.Errorf("Close after Close returned %v", err)
				}
				c.leave()
			})
		})
	}
}

// A writer waits for a slow reader, and holds no more than the watermark.
func TestNextWriterWaits(t *testing.T) {
	const size, watermark = 8 << 20, 128 << 10
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		ws := echoSocket()
		opened := sockets(ws)
		h := web.Handler(ws)
		if m.fast {
			h = web.Fast(ws.ServeFast)
		}
		s := &weir.Server{Handler: h}
		s.HighWatermark = watermark
		addr := serve(t, m.mode, s)
		c := dialSocket(t, addr)
		sock := receive(t, opened, "OnOpen")
		text := strings.Repeat("slowly does", size/11)
		done := make(chan error, 1)
		go func() { done <- stream(sock, text, 100_000) }()
		eventually(t, "the backlog is high", func() bool { return !sock.Conn().Writable() })
		if n := sock.Conn().Buffered(); n > watermark+65<<10 {
			t.Errorf("%d bytes wait", n)
		}
		select {
		case err := <-done:
			t.Fatalf("the writer does not wait: %v", err)
		default:
		}
		c.expect(websocket.Text, text)
		if err := receive(t, done, "the writer"); err != nil {
			t.Error(err)
		}
	})
}

// Whoever waits in a writer, or for one, is woken by the end.
func TestNextWriterEnds(t *testing.T) {
	for name, end := range map[string]func(s *web.Socket, c *socketClient){
		"the client leaves":  func(s *web.Socket, c *socketClient) { c.conn.Close() },
		"Abort":              func(s *web.Socket, c *socketClient) { s.Conn().Abort() },
		"Close, no answer":   func(s *web.Socket, c *socketClient) { s.Close(1000, "") },
		"the client's close": func(s *web.Socket, c *socketClient) { c.raw(closeFrame(1000, "")) },
	} {
		t.Run(name, func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				ws := echoSocket()
				opened, closed := sockets(ws), closings(ws)
				h := web.Handler(ws)
				if m.fast {
					h = web.Fast(ws.ServeFast)
				}
				srv := &weir.Server{Handler: h}
				srv.HighWatermark = 64 << 10
				srv.Overflow = weir.OverflowNotify // the peer's close frame is to be read
				srv.Linger = 50e6
				ws.CloseTimeout = 50e6
				addr := serve(t, m.mode, srv)
				c := dialSocket(t, addr)
				s := receive(t, opened, "OnOpen")
				done := make(chan error, 2)
				go func() { done <- stream(s, strings.Repeat("x", 64<<20), 1<<20) }()
				eventually(t, "the writer waits", func() bool { return !s.Conn().Writable() })
				go func() { done <- stream(s, "behind", 10) }()
				if err := s.WriteText("behind"); err != nil {
					t.Error(err)
				}
				end(s, c)
				for range 2 {
					if err := receive(t, done, "the writers"); err == nil {
						t.Error("a writer has no error")
					}
				}
				receive(t, closed, "OnClose")
				c.conn.Close()
			})
		})
	}
}

// Messages from many goroutines never interleave, and those of each stay in order.
func TestSocketConcurrentWriters(t *testing.T) {
	const writers = 8
	messages := 200
	if testing.Short() {
		messages = 50
	}
	for name, offer := range offers {
		t.Run(name, func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				ws := echoSocket()
				ws.Compression = web.CompressionTakeover
				ws.MaxQueued = 64 << 20
				opened := sockets(ws)
				addr, _ := serveSockets(t, m, ws)
				c := dialSocket(t, addr, offer)
				s := receive(t, opened, "OnOpen")
				body := func(w, i int) string {
					r := rand.New(rand.NewPCG(uint64(w), uint64(i)))
					return fmt.Sprintf("%d %d %s", w, i, strings.Repeat(string(rune('a'+r.IntN(26))), r.IntN([]int{50, 600, 3000, 70_000}[i%4])))
				}
				var wg sync.WaitGroup
				for w := range writers {
					wg.Go(func() {
						for i := range messages {
							text := body(w, i)
							var err error
							switch (w + i) % 8 {
							case 0:
								err = stream(s, text, 10_000)
							case 1:
								err = s.WritePrepared(prepare(t, web.Text, text))
							case 2:
								if err = s.Ping([]byte("?")); err == nil {
									err = s.WriteBinary([]byte(text))
								}
							default:
								err = s.WriteText(text)
							}
							if err != nil {
								t.Errorf("writer %d, message %d: %v", w, i, err)
								return
							}
							if i%8 == 0 {
								s.Conn().WaitWritable(t.Context())
							}
						}
					})
				}
				var next [writers]int
				for range writers * messages {
					op, data, err := c.next()
					for err == nil && op == websocket.Ping {
						op, data, err = c.next()
					}
					var w, i int
					if _, serr := fmt.Sscanf(data, "%d %d", &w, &i); err != nil || serr != nil || w < 0 || w >= writers {
						t.Fatalf("got %v %s: %v, %v", op, brief(data), err, serr)
					}
					if i != next[w] || data != body(w, i) {
						t.Fatalf("got message %d of writer %d: %s, want %d: %s", i, w, brief(data), next[w], brief(body(w, next[w])))
					}
					next[w]++
				}
				wg.Wait()
				c.leave()
			})
		})
	}
}

// A peer that does not read is no burden beyond the limits of the connection.
func TestSocketSlowConsumer(t *testing.T) {
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		ws := echoSocket()
		opened := sockets(ws)
		writable := make(chan struct{}, 16)
		ws.OnWritable = func(*web.Socket) { writable <- struct{}{} }
		h := web.Handler(ws)
		if m.fast {
			h = web.Fast(ws.ServeFast)
		}
		srv := &weir.Server{Handler: h}
		srv.HighWatermark = 64 << 10
		c := dialSocket(t, serve(t, m.mode, srv))
		s := receive(t, opened, "OnOpen")
		text := strings.Repeat("x", 10_000)
		accepted := 0
		for {
			err := s.WriteText(text)
			if errors.Is(err, weir.ErrBacklog) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			accepted++
		}
		if err := s.WritePrepared(prepare(t, web.Text, text)); !errors.Is(err, weir.ErrBacklog) {
			t.Errorf("WritePrepared returned %v", err)
		}
		if n := s.Conn().Buffered(); n > 5*64<<10 {
			t.Errorf("%d bytes wait", n)
		}
		for range accepted {
			c.expect(websocket.Text, text)
		}
		receive(t, writable, "OnWritable")
		s.WriteText("again")
		c.expect(websocket.Text, "again")
		c.leave()
	})
}
