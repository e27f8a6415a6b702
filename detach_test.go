package weir_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// watchful is a Handler with every optional callback. Those that come at all are
// told to saw.
type watchful struct {
	hooks
	saw func(callback string)
}

func (w watchful) OnEOF(*weir.Conn)          { w.saw("OnEOF") }
func (w watchful) OnWritable(*weir.Conn)     { w.saw("OnWritable") }
func (w watchful) OnShutdown(c *weir.Conn)   { w.saw("OnShutdown"); c.Close() }
func (w watchful) OnIdle(*weir.Conn)         { w.saw("OnIdle") }
func (w watchful) OnError(*weir.Conn, error) { w.saw("OnError") }

// echoStream is the server's side of a conversation on a detached connection.
func echoStream(s *weir.Stream, until io.Reader) error {
	defer s.Close()
	_, err := io.Copy(s, until)
	return err
}

// A detached connection is a stream, whatever has been received when it is detached:
// nothing is lost or comes twice, whether the callback reads, another goroutine, or
// the one after the other.
func TestDetachedEcho(t *testing.T) {
	for _, test := range []struct {
		name  string
		serve func(s *weir.Stream) error
	}{
		{"in the callback", func(s *weir.Stream) error { return echoStream(s, s) }},
		{"elsewhere", func(s *weir.Stream) error {
			go echoStream(s, s)
			return nil
		}},
		{"both", func(s *weir.Stream) error {
			first := make([]byte, 3)
			if _, err := io.ReadFull(s, first); err != nil {
				return err
			}
			go echoStream(s, io.MultiReader(strings.NewReader(string(first)), s))
			return nil
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachPoolMode(t, func(t *testing.T, m mode) {
				const size = 100_000
				j := newJudge(t, hooks{
					frame: func(c *weir.Conn, frame []byte) {
						if string(frame) != "detach" {
							t.Errorf("%.20q is delivered as a frame", frame)
						}
						s := c.Stream()
						if err := s.Detach(); err != nil {
							t.Error(err)
						}
						if err := test.serve(s); err != nil {
							t.Error(err)
						}
					},
				})
				s := &weir.Server{Codec: codec.Line{}, Handler: j}
				addr := serve(t, m, s)
				n := less(200)
				inParallel(n, 8, func(i int) {
					nc, err := net.DialTimeout("tcp", addr, patience)
					if err != nil {
						t.Error(err)
						return
					}
					defer nc.Close()
					nc.SetDeadline(time.Now().Add(patience))
					sent, got := newNoise(), newNoise()
					go func() {
						p := append([]byte("detach\n"), sent.next(size)...)
						for left := size; ; p = sent.next(left) {
							nc.Write(p)
							if left -= len(p); left <= 0 {
								break
							}
						}
						nc.(*net.TCPConn).CloseWrite()
					}()
					k, err := io.Copy(got.sum, nc)
					if err != nil || k < size-7 || string(got.sum.Sum(nil)) != string(sent.sum.Sum(nil)) {
						t.Errorf("%d bytes came back, or others, %v", k, err)
					}
				})
				j.settled(int64(n))
				eventually(t, "nothing is left", func() bool {
					st := s.Stats()
					return st.Conns == 0 && st.Buffered == 0 && st.Workers == 0
				})
			})
		})
	}
}

// All the ways in which a connection ends while a Read waits, in a callback or
// detached. What was received before is read first, and OnClose comes once.
func TestStreamEnds(t *testing.T) {
	type ends struct {
		s  *weir.Server
		c  *weir.Conn
		st *weir.Stream
		nc *net.TCPConn
	}
	soon := func(s *weir.Server) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		s.Shutdown(ctx)
	}
	for _, end := range []struct {
		name           string
		how            func(e ends)
		read, detached func(error) bool // what Read gets, and OnClose if the connection is detached
		closed         func(error) bool // what OnClose gets if it is not
		lost           bool             // what was received before may be lost
	}{
		{"FIN", func(e ends) { e.nc.CloseWrite() }, isEOF, is(nil), isEOF, false},
		{"RST", func(e ends) { e.nc.SetLinger(0); e.nc.Close() }, isReset, isReset, isReset, true},
		{"Conn.Close", func(e ends) { e.c.Close() }, is(weir.ErrClosed), is(nil), is(nil), true},
		{"Stream.Close", func(e ends) { e.st.Close() }, is(weir.ErrClosed), is(nil), is(nil), true},
		{"Abort", func(e ends) { e.c.Abort() }, is(weir.ErrClosed), is(weir.ErrClosed), is(weir.ErrClosed), true},
		{"Server.Close", func(e ends) { e.s.Close() }, is(weir.ErrClosed), is(weir.ErrClosed), is(weir.ErrClosed), true},
		{"Shutdown", func(e ends) { soon(e.s) }, is(weir.ErrClosed), is(weir.ErrClosed), is(weir.ErrClosed), true},
		{"deadline", func(e ends) { e.c.SetReadDeadline(time.Now()) }, is(weir.ErrReadTimeout), is(weir.ErrReadTimeout), is(weir.ErrReadTimeout), true},
	} {
		t.Run(end.name, func(t *testing.T) {
			for _, where := range []string{"callback", "detached callback", "detached"} {
				t.Run(where, func(t *testing.T) {
					eachPoolMode(t, func(t *testing.T, m mode) {
						for range less(10) {
							var e ends
							begun, read, closed := make(chan ends, 1), make(chan error, 1), make(chan error, 2)
							reads := func(c *weir.Conn, st *weir.Stream) {
								got, err := io.ReadAll(io.MultiReader(st, onlyErr{st}))
								if string(got) != "before" && !end.lost {
									t.Errorf("read %q", got)
								}
								if err == nil {
									err = io.EOF
								}
								read <- err
								if where != "callback" {
									st.Close()
								}
							}
							j := newJudge(t, hooks{
								frame: func(c *weir.Conn, frame []byte) {
									st := c.Stream()
									if where != "callback" {
										if err := st.Detach(); err != nil {
											t.Error(err)
										}
									}
									begun <- ends{c: c, st: st}
									if where == "detached" {
										go reads(c, st)
									} else {
										reads(c, st)
									}
								},
								close: func(_ *weir.Conn, err error) { closed <- err },
							})
							e.s = &weir.Server{Codec: codec.Line{}, Handler: j}
							e.nc = dial(t, serve(t, m, e.s))
							io.WriteString(e.nc, "go\nbefore")
							b := receive(t, begun, "the callback")
							e.c, e.st = b.c, b.st
							eventually(t, "everything is received", func() bool { return e.s.Stats().BytesIn == 9 })
							end.how(e)
							if err := receive(t, read, "the end of Read"); !end.read(err) {
								t.Errorf("Read got %v", err)
							}
							e.nc.Close()
							want := end.closed
							if where != "callback" {
								want = end.detached
							}
							if err := receive(t, closed, "OnClose"); !want(err) {
								t.Errorf("OnClose got %v", err)
							}
							j.settled(1)
							if n, err := e.st.Read(make([]byte, 1)); n != 0 || err == nil {
								t.Errorf("after the end Read returned %d, %v", n, err)
							}
							if n, err := e.st.Write([]byte("x")); n != 0 || !errors.Is(err, weir.ErrClosed) {
								t.Errorf("after the end Write returned %d, %v", n, err)
							}
							e.st.Close()
							eventually(t, "nothing is left", func() bool {
								st := e.s.Stats()
								return st.Conns == 0 && st.Buffered == 0
							})
						}
					})
				})
			}
		})
	}
}

// onlyErr reads nothing but the error that follows the end.
type onlyErr struct{ s *weir.Stream }

func (o onlyErr) Read(p []byte) (int, error) {
	if n, err := o.s.Read(p); n > 0 || err == nil {
		return 0, fmt.Errorf("after the end came %d bytes, %v", n, err)
	}
	return 0, io.EOF
}

// After Detach there is no callback but OnClose: none of those that are due, that
// come due, or that the turn which is detached had still to make.
func TestNoCallbacksAfterDetach(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		streams, closed := make(chan *weir.Stream, 1), make(chan error, 1)
		proceed := make(chan struct{})
		var saw sync.Map
		never := func(c *weir.Conn) { saw.Store("a function", true) }
		h := watchful{saw: func(callback string) { saw.Store(callback, true) }, hooks: hooks{
			frame: func(c *weir.Conn, frame []byte) {
				if string(frame) != "detach" {
					saw.Store("OnFrame", true)
				}
				c.Do(never)
				c.AfterFunc(time.Millisecond, never)
				s := c.Stream()
				streams <- s
				<-proceed
				if err := s.Detach(); err != nil {
					t.Error(err)
				}
				if err := s.Detach(); err != nil {
					t.Errorf("again: %v", err)
				}
				if err := c.Do(never); !errors.Is(err, weir.ErrClosed) {
					t.Errorf("Do: %v", err)
				}
				if _, err := c.AfterFunc(0, never); !errors.Is(err, weir.ErrClosed) {
					t.Errorf("AfterFunc: %v", err)
				}
			},
			close: func(_ *weir.Conn, err error) { closed <- err },
		}}
		s := &weir.Server{Codec: codec.Line{}, Handler: h}
		s.HighWatermark, s.Linger = 64<<10, patience
		s.Socket.WriteBuffer = 4 << 10
		s.IdleTimeout, s.FrameTimeout = 10*time.Millisecond, 10*time.Millisecond
		s.HandshakeTimeout = patience
		nc := dial(t, serve(t, m, s))
		nc.SetReadBuffer(64 << 10)
		const lines = "detach\nthis\nand\nthat\nhalf"
		io.WriteString(nc, lines)
		nc.CloseWrite()
		st := receive(t, streams, "the callback")
		eventually(t, "everything is received", func() bool { return s.Stats().BytesIn == uint64(len(lines)) })
		down := shutDown(s)
		begun(t, s)
		close(proceed)
		eventually(t, "the callback has returned", func() bool { return s.Stats().Workers == 0 })
		time.Sleep(50 * time.Millisecond) // for what must not happen: no timeout, no timer
		if got, err := io.ReadAll(st); string(got) != lines[7:] || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		const size = 4 << 20
		go func() {
			if n, err := st.Write(make([]byte, size)); n != size || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
			st.Close()
		}()
		eventually(t, "the backlog is at the high watermark", func() bool { return !st.Conn().Writable() })
		if n, err := io.Copy(io.Discard, nc); n != size || err != nil {
			t.Errorf("%d bytes came, %v", n, err)
		}
		if err := receive(t, closed, "OnClose"); err != nil {
			t.Errorf("OnClose got %v", err)
		}
		if err := receive(t, down, "the end of Shutdown"); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		saw.Range(func(callback, _ any) bool {
			t.Errorf("%s came after Detach", callback)
			return true
		})
	})
}

// Shutdown lets a callback read on which has begun, and whose peer goes on sending;
// frames that were received are handled first, and may do the same.
func TestShutdownDuringRead(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Codec: codec.Line{}, Handler: bodies(t)}
		nc := dial(t, serve(t, m, s))
		io.WriteString(nc, "body 5\n")
		eventually(t, "the callback waits", func() bool { return s.Stats().FramesIn == 0 && s.Stats().BytesIn == 7 && s.Stats().Workers == 1 })
		down := shutDown(s)
		begun(t, s)
		io.WriteString(nc, "abcdebody 3\n")
		eventually(t, "it is received", func() bool { return s.Stats().BytesIn == 19 })
		io.WriteString(nc, "xyz")
		const want = "<body 5:abcde><body 3:xyz>"
		if got, err := io.ReadAll(nc); string(got) != want && string(got) != want[:14] || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		nc.Close()
		if err := receive(t, down, "the end of Shutdown"); err != nil {
			t.Error(err)
		}
	})
}

// A deadline of a detached Stream ends a Read and not the connection.
func TestDetachedDeadline(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		streams := make(chan *weir.Stream, 1)
		nc := dial(t, serve(t, m, &weir.Server{Handler: weir.HandlerFunc(func(c *weir.Conn, _ []byte) {
			s := c.Stream()
			if err := s.Detach(); err != nil {
				t.Error(err)
			}
			streams <- s
		})}))
		io.WriteString(nc, "x")
		s := receive(t, streams, "the Stream")
		go s.SetReadDeadline(time.Unix(1, 0))
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Read: %v", err)
		}
		s.SetReadDeadline(time.Time{})
		go echoStream(s, s)
		io.WriteString(nc, "still here")
		nc.CloseWrite()
		if got, err := io.ReadAll(nc); string(got) != "still here" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}
