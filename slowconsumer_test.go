package weir_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/weir-go/weir"
)

// parcelSize is the size of a parcel, a message with a number in it.
const parcelSize = 32 << 10

// blank is a parcel without a number.
var blank = bytes.Repeat([]byte("01234567"), parcelSize/8)

// parcel makes p, a copy of blank, parcel number i.
func parcel(p []byte, i int) []byte {
	binary.BigEndian.PutUint64(p, uint64(i))
	return p
}

// unpack reads a frame from c, which has to be a parcel, and returns its number.
func unpack(t *testing.T, c io.Reader) int {
	t.Helper()
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if len(got) != parcelSize || !bytes.Equal(got[8:], blank[8:]) {
		t.Fatalf("a damaged parcel of %d bytes", len(got))
	}
	return int(binary.BigEndian.Uint64(got))
}

// slow serves one connection whose peer does not read, with the given policy.
func slow(t *testing.T, m mode, o weir.Overflow, frame func(c *weir.Conn, frame []byte)) (s *weir.Server, c *weir.Conn, peer *net.TCPConn, closed chan error) {
	t.Helper()
	opened := make(chan *weir.Conn, 1)
	closed = make(chan error, 1)
	s = &weir.Server{Codec: lengths, Handler: hooks{
		open:  func(c *weir.Conn) { opened <- c },
		frame: frame,
		close: func(_ *weir.Conn, err error) { closed <- err },
	}}
	s.Overflow = o
	s.HighWatermark = 256 << 10
	s.MaxOutbound = 1 << 20
	s.Linger = patience
	peer = dial(t, serve(t, m, s))
	return s, receive(t, opened, "OnOpen"), peer, closed
}

// push sends up to n parcels, and returns how many were accepted before the
// first error.
func push(c *weir.Conn, n int) (accepted int, err error) {
	p := bytes.Clone(blank)
	for i := range n {
		if err := c.WriteFrame(parcel(p, i)); err != nil {
			return i, err
		}
	}
	return n, nil
}

// gigabyte is the number of parcels in 1 GB.
const gigabyte = 1 << 30 / parcelSize

// OverflowPause refuses writes above MaxOutbound, and handles no more requests
// until the replies are taken.
func TestOverflowPause(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		var reading atomic.Bool
		handled := make(chan struct{}, 1)
		s, c, peer, _ := slow(t, m, weir.OverflowPause, func(*weir.Conn, []byte) {
			if !reading.Load() {
				t.Error("a request was handled while the peer did not read")
			}
			handled <- struct{}{}
		})
		accepted, err := push(c, gigabyte)
		if !errors.Is(err, weir.ErrBacklog) {
			t.Fatalf("%d parcels were accepted, then came %v", accepted, err)
		}
		limit := s.MaxOutbound + parcelSize + 4
		if n := c.Buffered(); n > limit || n < s.MaxOutbound {
			t.Errorf("%d bytes wait, the limit is %d", n, limit)
		}
		if st := s.Stats(); st.Buffered > int64(limit) || st.HighWatermarks != 1 || st.Backlog != 1 {
			t.Errorf("%+v", st)
		}
		if c.Writable() {
			t.Error("the connection says that it is writable")
		}
		peer.Write(pingFrame)
		asleep(t, s, "the peer does not read")

		reading.Store(true)
		for i := range accepted {
			if got := unpack(t, peer); got != i {
				t.Fatalf("parcel %d came instead of %d", got, i)
			}
		}
		receive(t, handled, "the request")
		if !c.Writable() || c.Buffered() != 0 {
			t.Errorf("Writable: %v, Buffered: %d", c.Writable(), c.Buffered())
		}
		if _, err := push(c, 1); err != nil {
			t.Errorf("a write after the backlog has gone: %v", err)
		}
		unpack(t, peer)
	})
}

// OverflowDrop drops whole messages, and none of those that it has accepted.
func TestOverflowDrop(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		s, c, peer, _ := slow(t, m, weir.OverflowDrop, nil)
		offered := less(gigabyte)
		var accepted []int
		p := bytes.Clone(blank)
		offer := func(i int) {
			switch err := c.WriteFrame(parcel(p, i)); {
			case err == nil:
				accepted = append(accepted, i)
			case !errors.Is(err, weir.ErrDropped):
				t.Fatal(err)
			}
		}
		for i := range offered {
			offer(i)
		}
		limit := s.HighWatermark + parcelSize + 4
		if n := c.Buffered(); n > limit {
			t.Errorf("%d bytes wait, the limit is %d", n, limit)
		}
		if st := s.Stats(); st.Dropped != uint64(offered-len(accepted)) || st.Dropped == 0 || st.Buffered > int64(limit) {
			t.Errorf("%d of %d messages were accepted: %+v", len(accepted), offered, st)
		}
		for _, want := range accepted {
			if got := unpack(t, peer); got != want {
				t.Fatalf("parcel %d came instead of %d", got, want)
			}
		}
		eventually(t, "the backlog has gone", c.Writable)
		accepted = nil
		offer(offered)
		if len(accepted) != 1 || unpack(t, peer) != offered {
			t.Error("a message was dropped after the backlog had gone")
		}
	})
}

// OverflowClose ends the connection, and its peer gets RST.
func TestOverflowClose(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		s, c, peer, closed := slow(t, m, weir.OverflowClose, nil)
		if n, err := push(c, gigabyte); !errors.Is(err, weir.ErrSlowConsumer) {
			t.Fatalf("%d parcels were accepted, then came %v", n, err)
		}
		if err := receive(t, closed, "OnClose"); !errors.Is(err, weir.ErrSlowConsumer) {
			t.Errorf("OnClose got %v", err)
		}
		if _, err := push(c, 1); err == nil {
			t.Error("a write after the end succeeds")
		}
		if _, err := io.Copy(io.Discard, peer); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the peer got %v", err)
		}
		eventually(t, "nothing is left of it", func() bool {
			st := s.Stats()
			return st.SlowConsumers == 1 && st.Conns == 0 && st.Buffered == 0
		})
	})
}

// A slow consumer of a broadcast costs the others nothing, and a bounded amount of
// memory.
func TestBroadcastWithSlowConsumer(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		rounds := less(500)
		conns := make(chan *weir.Conn, 4)
		s := &weir.Server{Codec: lengths, Handler: hooks{open: func(c *weir.Conn) { conns <- c }}}
		s.Overflow = weir.OverflowDrop
		s.HighWatermark = 256 << 10
		addr := serve(t, m, s)
		var all []*weir.Conn
		var peers []net.Conn
		for range cap(conns) {
			peers = append(peers, dial(t, addr))
			all = append(all, receive(t, conns, "OnOpen"))
		}
		slow, quick := peers[0], peers[1:]
		p := bytes.Clone(blank)
		const size = parcelSize + 4
		for i := range rounds {
			msg, err := weir.NewMessage(lengths, parcel(p, i))
			if err != nil {
				t.Fatal(err)
			}
			if i%2 == 0 {
				s.Broadcast(msg)
			} else {
				weir.Broadcast(slices.Values(all), msg)
			}
			msg.Release()
			for _, c := range quick {
				if got := unpack(t, c); got != i {
					t.Fatalf("parcel %d came instead of %d", got, i)
				}
			}
			eventually(t, "every connection has had its turn", func() bool {
				st := s.Stats()
				n := st.BytesOut + size*st.Dropped
				for _, c := range all {
					n += uint64(c.Buffered())
				}
				return n == uint64(size*len(all)*(i+1))
			})
			if n, limit := all[0].Buffered(), s.HighWatermark+size; n > limit {
				t.Fatalf("%d bytes wait, the limit is %d", n, limit)
			}
		}
		dropped := int(s.Stats().Dropped)
		if dropped == 0 && !testing.Short() {
			t.Fatal("nothing was dropped")
		}
		for want := range rounds - dropped {
			if got := unpack(t, slow); got != want {
				t.Fatalf("parcel %d came instead of %d", got, want)
			}
		}
		eventually(t, "the backlog has gone", func() bool { return s.Stats().Buffered == 0 })
	})
}
