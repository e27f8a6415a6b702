package weir_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// heap returns the bytes of the live objects.
func heap() int64 {
	// Twice, because a sync.Pool keeps what it has for one more cycle.
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// heapPeak looks at the heap, garbage included, until the returned function is
// called, which returns the most that was seen.
func heapPeak() (peak func() int64) {
	stop, result := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, int64(m.HeapAlloc))
			select {
			case <-stop:
				result <- most
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-result
	}
}

// lengths is the codec for large frames.
var lengths = codec.LengthField{Width: 4, Strip: 4, Max: 128 << 20}

// Connections that have carried one large message keep none of its memory.
func TestBurstLeavesNoMemory(t *testing.T) {
	const size = 10 << 20
	eachMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Codec: lengths, Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			if err := c.WriteFrame(frame); err != nil {
				t.Error(err)
			}
		})}
		addr := serve(t, m, s)
		var conns []net.Conn
		for range less(20) {
			conns = append(conns, dial(t, addr))
		}
		msg, err := lengths.Append(nil, bytes.Repeat([]byte("weir"), size/4))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(msg))
		before := heap()
		for _, c := range conns {
			go c.Write(msg)
			if _, err := io.ReadFull(c, got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, msg) {
				t.Fatal("the echo differs")
			}
		}
		eventually(t, "the buffers are given back", func() bool { return s.Stats().Buffered == 0 })
		if kept := heap() - before; kept > 2<<20 {
			t.Errorf("%d bytes are kept for %d idle connections", kept, len(conns))
		}
		ping := append([]byte{0, 0, 0, 1}, 'p')
		for _, c := range conns {
			c.Write(ping)
			if _, err := io.ReadFull(c, got[:len(ping)]); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A large frame that comes in small pieces takes the memory of the frame, and is
// not copied for each piece.
func TestLargeFrameInPieces(t *testing.T) {
	size := less(100 << 20)
	const spare = 24 << 20
	eachMode(t, func(t *testing.T, m mode) {
		received := make(chan int, 1)
		s := &weir.Server{Codec: lengths, Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			received <- len(frame)
		})}
		c := dial(t, serve(t, m, s))
		before, peak := heap(), heapPeak()
		c.Write(binary.BigEndian.AppendUint32(nil, uint32(size)))
		piece := make([]byte, 1<<10)
		for range size / len(piece) {
			if _, err := c.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		c.Write(piece[:size%len(piece)])
		if n := receive(t, received, "the frame"); n != size {
			t.Errorf("the frame has %d bytes", n)
		}
		if took := peak() - before; took > int64(size+spare) {
			t.Errorf("a frame of %d bytes took %d", size, took)
		}
		eventually(t, "the buffer is given back", func() bool { return s.Stats().Buffered == 0 })
	})
}

// A line that comes byte by byte is searched once.
func TestLineByteByByte(t *testing.T) {
	const size = 64 << 10
	eachMode(t, func(t *testing.T, m mode) {
		cd := &searchCounter{Line: codec.Line{}}
		received := make(chan int, 1)
		s := &weir.Server{Codec: cd, Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			received <- len(frame)
		})}
		c := dial(t, serve(t, m, s))
		c.SetNoDelay(true)
		for i := range size {
			b := []byte{'x'}
			if i == size-1 {
				b[0] = '\n'
			}
			if _, err := c.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		if n := receive(t, received, "the line"); n != size-1 {
			t.Errorf("the line has %d bytes", n)
		}
		if n := cd.searched.Load(); n > 4*size {
			t.Errorf("%d bytes were searched for a line of %d", n, size)
		}
	})
}

// searchCounter is a Line that counts the bytes that it is to search.
type searchCounter struct {
	codec.Line
	searched atomic.Int64
}

func (s *searchCounter) Decode(buf []byte) ([]byte, int, error) {
	return s.DecodeFrom(buf, 0)
}

func (s *searchCounter) DecodeFrom(buf []byte, seen int) ([]byte, int, error) {
	s.searched.Add(int64(len(buf) - seen))
	return s.Line.DecodeFrom(buf, seen)
}

// A timer that is set far ahead does not keep a connection that has ended.
func TestTimersOfEndedConnections(t *testing.T) {
	churn := less(25_000) // 100,000 in all modes
	eachMode(t, func(t *testing.T, m mode) {
		path := filepath.Join(t.TempDir(), "s")
		ln, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		s := &weir.Server{Handler: hooks{frame: func(c *weir.Conn, frame []byte) {
			c.AfterFunc(time.Hour, func(*weir.Conn) { t.Error("an hour has passed") })
			c.Write(frame)
		}}}
		s.IdleTimeout = time.Hour
		s.HandshakeTimeout = time.Hour
		serveOn(t, m, s, ln)
		pass := func(n int) {
			ended := s.Stats().Closed + uint64(n)
			inParallel(n, 16, func(int) {
				c, err := net.Dial("unix", path)
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				if err := tryPing(c); err != nil {
					t.Error(err)
				}
			})
			eventually(t, "all connections have ended", func() bool { return s.Stats().Closed >= ended })
		}
		pass(100)
		before := heap()
		pass(churn)
		if kept := heap() - before; kept > int64(churn*32+1<<18) {
			t.Errorf("%d bytes are kept after %d connections", kept, churn)
		}
	})
}

// A Do or AfterFunc leaves nothing behind on a connection that is idle again.
func TestCallbacksLeaveNoMemory(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		opened := make(chan *weir.Conn, 1)
		s := &weir.Server{Handler: opener{opened}}
		addr := serve(t, m, s)
		dial(t, addr)
		c := <-opened
		ran := make(chan struct{}, 2)
		if err := c.Do(func(*weir.Conn) { ran <- struct{}{} }); err != nil {
			t.Fatal(err)
		}
		if _, err := c.AfterFunc(time.Millisecond, func(*weir.Conn) { ran <- struct{}{} }); err != nil {
			t.Fatal(err)
		}
		<-ran
		<-ran
		eventually(t, "nothing left", func() bool { return !weir.HasExtension(c) })
	})
}

type opener struct{ ch chan *weir.Conn }

func (o opener) OnOpen(c *weir.Conn)           { o.ch <- c }
func (o opener) OnFrame(*weir.Conn, []byte)    {}
func (o opener) OnClose(c *weir.Conn, _ error) {}
