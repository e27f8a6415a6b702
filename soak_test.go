package weir_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// Messages of 64 B to 64 KiB on many connections at once, all under way at the
// same time, come back byte for byte.
func TestSoak(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		conns, rounds := less(5000), 3
		if m.Poller == weir.PollerSelect {
			conns = less(400) // both ends of each are below descriptor 1,024
		}
		j := newJudge(t, hooks{frame: func(c *weir.Conn, frame []byte) {
			if err := c.WriteFrame(frame); err != nil {
				t.Errorf("WriteFrame: %v", err)
			}
		}})
		s := &weir.Server{Handler: j, Codec: framed}
		addr := serve(t, m, s)

		const drivers = 32
		var all, ready sync.WaitGroup
		ready.Add(drivers)
		for d := range drivers {
			all.Go(func() {
				var ncs []net.Conn
				defer func() {
					for _, nc := range ncs {
						nc.Close()
					}
				}()
				for i := d; i < conns; i += drivers {
					nc, err := net.DialTimeout("tcp", addr, patience)
					if err != nil {
						t.Error(err)
						break
					}
					ncs = append(ncs, nc)
				}
				ready.Done()
				ready.Wait() // until everybody is connected
				var want, got []byte
				for round := range rounds {
					for i, nc := range ncs {
						nc.SetDeadline(time.Now().Add(patience))
						want = soakMessage(want, d, i, round)
						if _, err := nc.Write(want); err != nil {
							t.Error(err)
							return
						}
					}
					for i, nc := range ncs {
						want = soakMessage(want, d, i, round)
						got = append(got[:0], want...)
						clear(got)
						if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, want) {
							t.Errorf("connection %d, %d bytes: the echo differs, %v", i, len(want), err)
							return
						}
					}
				}
			})
		}
		all.Wait()
		j.settled(int64(conns))
		if st := s.Stats(); st.FramesIn != uint64(conns*rounds) || st.Buffered != 0 {
			t.Errorf("%d frames of %d were delivered, %d bytes are in buffers", st.FramesIn, conns*rounds, st.Buffered)
		}
	})
}

// soakMessage is a frame whose size and content follow from the numbers. Small
// sizes are as likely as large ones, on a logarithmic scale.
func soakMessage(buf []byte, driver, conn, round int) []byte {
	seed := rand.NewPCG(uint64(driver)<<32|uint64(conn), uint64(round))
	size := 64 << (seed.Uint64() % 11)
	size = max(64, size-int(seed.Uint64()%uint64(size/2)))
	payload := make([]byte, 0, size+8)
	for len(payload) < size {
		x := seed.Uint64()
		payload = append(payload, byte(x), byte(x>>8), byte(x>>16), byte(x>>24), byte(x>>32), byte(x>>40), byte(x>>48), byte(x>>56))
	}
	buf, _ = framed.Append(buf[:0], payload[:size])
	return buf
}
