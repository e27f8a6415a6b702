package weir_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// framed are checksummed messages behind a length of four bytes.
var framed = codec.LengthField{Width: 4, Strip: 4}

// sealed returns a payload of some size that ends in its checksum.
func sealed(size int) []byte {
	p := make([]byte, size, size+4)
	seed := rand.Uint32()
	for i := range p {
		seed = seed*1664525 + 1013904223
		p[i] = byte(seed >> 24)
	}
	return binary.BigEndian.AppendUint32(p, crc32.ChecksumIEEE(p))
}

// intact reports whether p is what sealed has returned.
func intact(p []byte) bool {
	n := len(p) - 4
	return n >= 0 && crc32.ChecksumIEEE(p[:n]) == binary.BigEndian.Uint32(p[n:])
}

// Every way to write, from many goroutines and from callbacks, races with Flush
// and with Close or Abort: what arrives are whole messages, and after Close every
// one that was accepted.
func TestWriteRacesClose(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	eachMode(t, func(t *testing.T, m mode) {
		shared, err := weir.NewMessage(framed, sealed(3000))
		if err != nil {
			t.Fatal(err)
		}
		defer shared.Release()
		var owned, released atomic.Int64
		var writers sync.WaitGroup
		var accepted sync.Map // connection ID to *atomic.Int64

		write := func(c *weir.Conn, n *atomic.Int64) {
			payload := sealed(rand.IntN(6000))
			whole, _ := framed.Append(nil, payload)
			var err error
			switch rand.IntN(6) {
			case 0:
				_, err = c.Write(whole)
			case 1:
				cut := rand.IntN(len(whole))
				_, err = c.Writev([][]byte{whole[:cut], nil, whole[cut:]})
			case 2:
				err = c.WriteMessage(shared)
			case 3:
				owned.Add(1)
				err = c.WriteOwned(whole, func() { released.Add(1) })
				whole = nil // no longer ours
			case 4:
				err = c.WriteFrame(payload)
			case 5:
				c.Flush()
				return
			}
			clear(whole)
			clear(payload)
			switch {
			case err == nil:
				n.Add(1)
			case !errors.Is(err, weir.ErrClosed) && !errors.Is(err, weir.ErrBacklog) && !isReset(err) && !isBroken(err):
				t.Errorf("write: %v", err)
			}
		}
		j := newJudge(t, hooks{
			open: func(c *weir.Conn) {
				n := new(atomic.Int64)
				accepted.Store(c.ID(), n)
				c.WriteFrame(sealed(8)) // so that the peer knows it is open
				n.Add(1)
				for w := range 4 {
					writers.Go(func() {
						for i := range 60 {
							write(c, n)
							if w == 0 && i == 40 {
								if c.ID()%3 == 0 {
									c.Abort()
								} else {
									c.Close()
								}
							}
						}
					})
				}
			},
			frame: func(c *weir.Conn, frame []byte) {
				n, _ := accepted.Load(c.ID())
				write(c, n.(*atomic.Int64))
				write(c, n.(*atomic.Int64))
			},
		})
		s := &weir.Server{Handler: j, Codec: framed, Config: weir.Config{
			Linger: patience, HighWatermark: 64 << 10, Socket: weir.SocketOptions{WriteBuffer: 16 << 10},
		}}
		addr := serve(t, m, s)

		n := less(60)
		var mu sync.Mutex
		got := map[string]int64{} // by local address of the client
		aborted := map[string]bool{}
		inParallel(n, 8, func(int) {
			nc, err := net.DialTimeout("tcp", addr, patience)
			if isReset(err) || isBroken(err) {
				return // Abort was that quick
			} else if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(patience))
			r := bufio.NewReader(nc)
			var count int64
			for {
				var head [4]byte
				if _, err = io.ReadFull(r, head[:]); err != nil {
					break
				}
				p := make([]byte, binary.BigEndian.Uint32(head[:]))
				if _, err = io.ReadFull(r, p); err != nil {
					break
				}
				if !intact(p) {
					t.Error("a message is damaged")
					return
				}
				if count++; count%4 == 0 {
					ping, _ := framed.Append(nil, []byte("ping"))
					nc.Write(ping)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			got[nc.LocalAddr().String()] = count
			aborted[nc.LocalAddr().String()] = !errors.Is(err, io.EOF)
		})
		j.settled(int64(n))
		writers.Wait()
		if owned.Load() != released.Load() {
			t.Errorf("%d owned writes, %d released", owned.Load(), released.Load())
		}
		checked := 0
		j.courses.Range(func(k, _ any) bool {
			c := k.(*weir.Conn)
			if c.ID()%3 == 0 {
				return true
			}
			peer := c.RemoteAddr().String()
			n, _ := accepted.Load(c.ID())
			if want := n.(*atomic.Int64).Load(); got[peer] != want || aborted[peer] {
				t.Errorf("%d messages accepted, %d arrived, cut off: %t", want, got[peer], aborted[peer])
			}
			checked++
			return true
		})
		if checked == 0 {
			t.Error("nothing was checked")
		}
	})
}
