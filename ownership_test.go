package weir_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// Buffers are overwritten when they are given back (see testutil.Main). So a
// frame must stay as it is while OnFrame runs, whatever other connections do
// meanwhile, and what was written must be independent of it.
func TestFrameIsTheHandlersUntilItReturns(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		j := newJudge(t, hooks{frame: func(c *weir.Conn, frame []byte) {
			for range 10 {
				if !intact(frame) {
					t.Error("a frame changed in OnFrame")
				}
				runtime.Gosched()
			}
			if m.Dispatch == weir.Pool && rand.IntN(8) == 0 {
				time.Sleep(time.Millisecond)
			}
			c.WriteFrame(frame)
			if cap(frame) != len(frame) {
				t.Error("a frame has room for more: an append to it would overwrite the next")
			}
			clear(frame) // allowed: it is the handler's
		}})
		s := &weir.Server{Handler: j, Codec: framed}
		s.Socket.WriteBuffer = 64 << 10 // so that replies queue
		addr := serve(t, m, s)
		const conns = 16
		inParallel(conns, conns, func(i int) {
			nc, err := net.DialTimeout("tcp", addr, patience)
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(patience))
			n := less(100)
			var sent [][]byte
			var stream []byte
			for range n {
				p := sealed(rand.IntN(20_000))
				sent = append(sent, p)
				stream, _ = framed.Append(stream, p)
			}
			var sending sync.WaitGroup
			sending.Go(func() {
				for len(stream) > 0 {
					k := min(len(stream), 1+rand.IntN(50_000))
					nc.Write(stream[:k])
					stream = stream[k:]
				}
			})
			defer sending.Wait()
			for _, want := range sent {
				var head [4]byte
				if _, err := io.ReadFull(nc, head[:]); err != nil {
					t.Error(err)
					return
				}
				got := make([]byte, binary.BigEndian.Uint32(head[:]))
				if _, err := io.ReadFull(nc, got); err != nil {
					t.Error(err)
					return
				}
				if !bytes.Equal(got, want) {
					t.Error("the echo differs")
					return
				}
			}
		})
	})
}

// The memory that a write was given is the caller's again when it returns, and
// with WriteOwned when it is released.
func TestWritesDoNotAliasTheirArguments(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		const rounds, size = 50, 40_000
		released := make(chan struct{}, rounds)
		var want bytes.Buffer
		j := newJudge(t, hooks{frame: func(c *weir.Conn, _ []byte) {
			p := make([]byte, size)
			for i := range rounds {
				fill := func(b []byte) []byte {
					for k := range b {
						b[k] = byte(i + k)
					}
					want.Write(b)
					return b
				}
				c.Write(fill(p))
				clear(p)
				c.Writev([][]byte{fill(p[:size/2])})
				clear(p)
				own := fill(make([]byte, size))
				c.WriteOwned(own, func() { clear(own); released <- struct{}{} })
			}
			c.Close()
		}})
		s := &weir.Server{Handler: j}
		s.Socket.WriteBuffer = 64 << 10
		s.HighWatermark = 64 << 20
		nc := dial(t, serve(t, m, s))
		nc.Write([]byte("go"))
		got, err := io.ReadAll(nc)
		if err != nil {
			t.Fatal(err)
		}
		nc.Close()
		j.settled(1)
		if !bytes.Equal(got, want.Bytes()) {
			t.Error("what arrived differs from what was written")
		}
		for range rounds {
			receive(t, released, "the release of an owned write")
		}
	})
}
