package weir_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// crossings is how often the backlog rises above the high watermark, and falls
// to the low one, in each mode of both tests: 120,000 times in all, in less than
// ten seconds. A million takes a minute, and has passed.
func crossings() uint64 { return uint64(less(15_000)) }

// tinyWatermarks make each message a crossing, because no more than half of one
// fits into the socket.
var tinyWatermarks = weir.Config{
	HighWatermark: 8,
	LowWatermark:  1,
	MaxOutbound:   1 << 20,
	Socket:        weir.SocketOptions{WriteBuffer: 1},
}

const messageSize = 8 << 10

// A producer that writes only when it is told that it may is never left waiting.
func TestOnWritable(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Config: tinyWatermarks}
		p := &producer{server: s}
		s.Handler = p
		consume(t, m, s)
		if err := p.err.Load(); err != nil {
			t.Fatal(*err)
		}
	})
}

// producer writes on being writable, until the watermark has been crossed often
// enough.
type producer struct {
	server *weir.Server
	numbers
	err atomic.Pointer[error]
}

func (p *producer) OnOpen(c *weir.Conn)           { p.OnWritable(c) }
func (p *producer) OnFrame(*weir.Conn, []byte)    {}
func (p *producer) OnClose(c *weir.Conn, _ error) {}

func (p *producer) OnWritable(c *weir.Conn) {
	for range 64 { // or the reader is too fast for a turn ever to end
		if !c.Writable() {
			return
		}
		if p.server.Stats().HighWatermarks >= crossings() {
			c.Close()
			return
		}
		if _, err := c.Write(p.next()); err != nil {
			p.err.Store(&err)
			c.Abort()
			return
		}
		c.Flush() // what is collected for the end of the turn is no backlog
	}
	c.Do(p.OnWritable)
}

// The same for a producer that blocks in WaitWritable.
func TestWaitWritable(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Config: tinyWatermarks}
		opened := make(chan *weir.Conn, 1)
		s.Handler = hooks{open: func(c *weir.Conn) { opened <- c }}
		produced := make(chan error, 1)
		go func() {
			c := <-opened
			defer c.Close()
			var n numbers
			for s.Stats().HighWatermarks < crossings() {
				if err := c.WaitWritable(context.Background()); err != nil {
					produced <- err
					return
				}
				if _, err := c.Write(n.next()); err != nil {
					produced <- err
					return
				}
			}
			produced <- nil
		}()
		consume(t, m, s)
		if err := receive(t, produced, "the producer"); err != nil {
			t.Fatal(err)
		}
	})
}

// numbers makes messages that can be told apart: 0, 1, 2 and so on.
type numbers struct {
	n uint64
	b [messageSize]byte
}

func (n *numbers) next() []byte {
	binary.BigEndian.PutUint64(n.b[:], n.n)
	binary.BigEndian.PutUint64(n.b[messageSize-8:], n.n)
	n.n++
	return n.b[:]
}

// consume serves s on a unix socket, whose buffer is full after a few messages,
// and reads numbers until the end.
func consume(t *testing.T, m mode, s *weir.Server) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, m, s, ln)
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	b := make([]byte, messageSize)
	for want := uint64(0); ; want++ {
		if want%1024 == 0 {
			c.SetReadDeadline(time.Now().Add(patience))
		}
		_, err := io.ReadFull(c, b)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("after %d messages and %d crossings: %v", want, s.Stats().HighWatermarks, err)
		}
		head, tail := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[messageSize-8:])
		if head != want || tail != want {
			t.Fatalf("message %d/%d came instead of %d", head, tail, want)
		}
	}
	if got := s.Stats().HighWatermarks; got < crossings() {
		t.Fatal(fmt.Errorf("the end after %d crossings", got))
	}
}
