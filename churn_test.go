package weir_test

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weir-go/weir"
)

// While connections come and go, and descriptors with them, writers go on
// writing to every Conn they ever got hold of. Each message says for which
// connection it is; a peer must never see one that is for another.
func TestStaleHandlesReachNobody(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		var handles [512]atomic.Pointer[weir.Conn]
		var slot atomic.Uint32
		j := newJudge(t, hooks{
			open: func(c *weir.Conn) {
				handles[slot.Add(1)%uint32(len(handles))].Store(c)
				c.Write(label(c))
			},
			frame: func(c *weir.Conn, _ []byte) {
				switch c.ID() % 4 {
				case 0:
					c.Close()
				case 1:
					c.Abort()
				case 2:
					c.Do(func(c *weir.Conn) { c.Close() })
				}
			},
		})
		addr := serve(t, m, &weir.Server{Handler: j})

		stop := make(chan struct{})
		var writers sync.WaitGroup
		for range 2 {
			writers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if c := handles[rand.IntN(len(handles))].Load(); c != nil {
						if _, err := c.Write(label(c)); err == nil {
							c.Flush()
						}
					}
				}
			})
		}
		n := less(2600) // times four modes: more than 10,000
		var seen sync.Map
		inParallel(n, 32, func(i int) {
			nc, err := net.DialTimeout("tcp", addr, patience)
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			var id, got [8]byte
			if _, err := io.ReadFull(nc, id[:]); err != nil {
				t.Errorf("first message: %v", err)
				return
			}
			if _, again := seen.LoadOrStore(id, i); again {
				t.Errorf("connection %x appears twice", id)
			}
			for range 2 {
				if _, err := io.ReadFull(nc, got[:]); err != nil || got != id {
					t.Errorf("connection %x got a message for %x, %v", id, got, err)
					return
				}
			}
			nc.Write([]byte("enough"))
			if binary.BigEndian.Uint64(id[:])%4 == 3 {
				return // ended by the peer
			}
			for {
				_, err := io.ReadFull(nc, got[:])
				if err != nil {
					if !errors.Is(err, io.EOF) && !isReset(err) && !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Error(err)
					}
					return
				}
				if got != id {
					t.Errorf("connection %x got a message for %x", id, got)
					return
				}
			}
		})
		j.settled(int64(n))
		close(stop)
		writers.Wait()
	})
}

// label is a message that says for whom it is.
func label(c *weir.Conn) []byte { return binary.BigEndian.AppendUint64(nil, c.ID()) }
