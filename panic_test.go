package weir_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// logged collects log lines.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// everything is a Handler with all the optional methods, one of which panics.
type everything struct {
	panics string
	closed chan error
}

func (e everything) maybe(where string) {
	if e.panics == where {
		e.panicHere()
	}
}

// panicHere is to be found in the stack.
func (e everything) panicHere() { panic("in " + e.panics) }

func (e everything) OnOpen(c *weir.Conn) { e.maybe("OnOpen") }

func (e everything) OnFrame(c *weir.Conn, frame []byte) {
	switch e.panics {
	case "Do":
		c.Do(func(*weir.Conn) { e.maybe("Do") })
	case "AfterFunc":
		c.AfterFunc(time.Millisecond, func(*weir.Conn) { e.maybe("AfterFunc") })
	case "OnWritable":
		c.Write(make([]byte, 16_000_000))
	case "OnClose":
		c.Close()
	}
	e.maybe("OnFrame")
}

func (e everything) OnEOF(c *weir.Conn)      { e.maybe("OnEOF"); c.Close() }
func (e everything) OnWritable(c *weir.Conn) { e.maybe("OnWritable") }
func (e everything) OnClose(c *weir.Conn, err error) {
	e.closed <- err
	e.maybe("OnClose")
}

// A panic in any callback ends its connection, with the panic as the cause, and
// nothing else. What was written before is sent.
func TestPanicInCallback(t *testing.T) {
	for _, where := range []string{"OnOpen", "OnFrame", "OnEOF", "OnWritable", "OnClose", "Do", "AfterFunc"} {
		t.Run(where, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				var log logged
				h := everything{panics: where, closed: make(chan error, 9)}
				j := newJudge(t, h)
				s := &weir.Server{Handler: struct {
					*judge
					weir.EOFHandler
					weir.WritableHandler
				}{j, h, h}, Config: weir.Config{Logger: log.logger(), Loops: 1}}
				addr := serve(t, m, s)
				nc := dial(t, addr)
				io.WriteString(nc, "x")
				if where == "OnEOF" {
					nc.CloseWrite()
				}
				if where == "OnWritable" {
					// Nobody reads yet, or the kernel might take it all.
					eventually(t, "the backlog is high", func() bool { return s.Stats().HighWatermarks > 0 })
				}
				if _, err := io.Copy(io.Discard, nc); err != nil {
					t.Errorf("the peer got %v", err)
				}
				nc.Close()
				want := isPanic("in " + where)
				if where == "OnClose" {
					want = is(nil)
				}
				if err := receive(t, h.closed, "OnClose"); !want(err) {
					t.Errorf("OnClose got %v", err)
				}
				j.settled(1)
				eventually(t, "the panic is logged", func() bool { return log.String() != "" })
				if l := log.String(); !strings.Contains(l, "panicHere") || !strings.Contains(l, "in "+where) || strings.Count(l, "level=ERROR") != 1 {
					t.Errorf("log: %s", l)
				}
				if n := s.Stats().Panics; n != 1 {
					t.Errorf("%d panics are counted", n)
				}
			})
		})
	}
}

// What a callback has written before it panics is sent, and the server goes on:
// with one loop and one worker, for a hundred panics in a row.
func TestServerOutlivesPanics(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Config: weir.Config{Loops: 1, Workers: 1, Logger: quiet()}, Handler: weir.HandlerFunc(
			func(c *weir.Conn, frame []byte) {
				fmt.Fprintf(c, "echo %s", frame)
				panic(io.ErrNoProgress)
			})}
		addr := serve(t, m, s)
		for range 100 {
			nc := dial(t, addr)
			io.WriteString(nc, "x")
			if got, err := io.ReadAll(nc); string(got) != "echo x" || err != nil {
				t.Fatalf("got %q, %v", got, err)
			}
			nc.Close()
		}
		eventually(t, "every connection is gone", func() bool { return s.Stats().Conns == 0 })
		if n := s.Stats().Panics; n != 100 {
			t.Errorf("%d panics are counted", n)
		}
	})
}

// A panic with an error can be met as that error, one in a function of Go is
// logged.
func TestPanicValues(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		var log logged
		closed := make(chan error, 1)
		s := &weir.Server{Config: weir.Config{Logger: log.logger()}, Handler: hooks{
			frame: func(*weir.Conn, []byte) { panic(io.ErrNoProgress) },
			close: func(_ *weir.Conn, err error) { closed <- err },
		}}
		nc := dial(t, serve(t, m, s))
		io.WriteString(nc, "x")
		io.Copy(io.Discard, nc)
		nc.Close()
		if err := receive(t, closed, "OnClose"); !is(io.ErrNoProgress)(err) {
			t.Errorf("OnClose got %v", err)
		}
		if err := s.Go(func() { panic("in Go") }); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the panic is logged", func() bool { return strings.Contains(log.String(), "in Go") })
		s.Each(func(*weir.Conn) { t.Error("a connection is left") })
		ran := make(chan struct{})
		if err := s.Go(func() { close(ran) }); err != nil {
			t.Fatal(err)
		}
		receive(t, ran, "a function of Go")
	})
}
