package weir_test

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// The counters say what has happened.
func TestStats(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		const conns, lines = 5, 20
		line := []byte("sixteen bytes..\n")
		s := &weir.Server{Codec: codec.Line{}, Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			if string(frame) == "panic" {
				panic("as asked")
			}
			c.WriteFrame(frame)
		})}
		s.Logger = quiet()
		if st := s.Stats(); st != (weir.Stats{}) {
			t.Errorf("before Serve: %+v", st)
		}
		addr := serve(t, m, s)
		batch := bytes.Repeat(line, lines)
		for range conns {
			c := dial(t, addr)
			c.Write(batch)
			if _, err := io.ReadFull(c, make([]byte, len(batch))); err != nil {
				t.Fatal(err)
			}
		}
		// What has happened is counted a moment later.
		bytes := uint64(conns * len(batch))
		eventually(t, "everything is counted", func() bool {
			st := s.Stats()
			return st.FramesIn == conns*lines && st.BytesOut == bytes
		})
		st := s.Stats()
		if st.Conns != conns || st.Accepted != conns || st.Closed != 0 || st.BytesIn != bytes || st.BytesOut != bytes || st.Panics != 0 {
			t.Errorf("%+v", st)
		}
		if st.Iterations == 0 || st.Lag > st.MaxLag {
			t.Errorf("%d iterations, lag %v, at most %v", st.Iterations, st.Lag, st.MaxLag)
		}
		c := dial(t, addr)
		io.WriteString(c, "panic\n")
		io.Copy(io.Discard, c)
		c.Close()
		eventually(t, "nothing is under way", func() bool {
			st := s.Stats()
			return st.Closed == 1 && st.Workers == 0 && st.PoolQueue == 0 && st.Buffered == 0
		})
		if st := s.Stats(); st.Panics != 1 || st.Conns != conns || st.Accepted != conns+1 || st.FramesIn != conns*lines+1 {
			t.Errorf("%+v", st)
		}
		if err := receive(t, shutDown(s), "Shutdown"); err != nil {
			t.Error(err)
		}
		if st := s.Stats(); st.Closed != conns+1 || st.Conns != 0 || st.BytesIn != bytes+6 {
			t.Errorf("after Shutdown: %+v", st)
		}
	})
}

// A callback that blocks a loop shows in the lag.
func TestStatsLag(t *testing.T) {
	for _, m := range modes() {
		if m.Dispatch != weir.Inline {
			continue
		}
		t.Run(m.Poller.String(), func(t *testing.T) {
			const block = 20 * time.Millisecond
			s := &weir.Server{Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
				time.Sleep(block)
				c.Write(frame)
			})}
			pingOn(t, dial(t, serve(t, m, s)))
			eventually(t, "it shows", func() bool { return s.Stats().MaxLag >= block })
		})
	}
}
