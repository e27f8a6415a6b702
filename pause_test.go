package weir_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// After PauseRead in OnFrame no OnFrame comes until ResumeRead, although the
// frames have been received already; then they come in order, and none is lost.
func TestPauseHoldsFramesBack(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		const frames = 100
		var paused atomic.Bool
		got := make(chan string, frames)
		s := &weir.Server{Codec: codec.Line{}, Handler: weir.HandlerFunc(func(c *weir.Conn, line []byte) {
			if paused.Swap(true) {
				t.Errorf("%q came while reading was paused", line)
			}
			c.PauseRead()
			resume := func(c *weir.Conn) {
				paused.Store(false)
				c.ResumeRead()
			}
			// From a callback, from a timer, and from elsewhere.
			switch len(got) % 3 {
			case 0:
				c.Do(resume)
			case 1:
				c.AfterFunc(time.Millisecond, resume)
			case 2:
				go resume(c)
			}
			got <- string(line)
		})}
		c := dial(t, serve(t, m, s))
		var lines, want []byte
		for i := range frames {
			lines = append(lines, byte('a'+i%26), '\n')
			want = append(want, byte('a'+i%26))
		}
		c.Write(lines[:frames]) // half of them at once, and the rest when it comes
		c.Write(lines[frames:])
		for i := range want {
			if line := receive(t, got, "a frame"); line != string(want[i]) {
				t.Fatalf("frame %d is %q instead of %q", i, line, want[i])
			}
		}
	})
}

// Paused, a connection takes no more than the system's buffers hold, and its peer
// has to stop sending; resumed, it gets everything.
func TestPauseStopsTheSender(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		parcels := less(32<<20/parcelSize) + 1000
		opened := make(chan *weir.Conn, 1)
		j := newParcelJudge(t)
		s := &weir.Server{Codec: lengths, Handler: hooks{
			open:  func(c *weir.Conn) { c.PauseRead(); opened <- c },
			frame: j.frame,
		}}
		s.Socket.ReadBuffer = 64 << 10
		c := dial(t, serve(t, m, s))
		c.SetWriteBuffer(64 << 10)
		conn := receive(t, opened, "OnOpen")
		sent := post(t, c, parcels)
		last := int64(-1)
		eventually(t, "the peer is stopped", func() bool {
			before := last
			last = sent.Load()
			time.Sleep(20 * time.Millisecond)
			return last == before
		})
		if last == int64(parcels) {
			t.Error("the peer was not stopped")
		}
		if n := s.Stats().FramesIn; n != 0 {
			t.Errorf("%d frames were handled", n)
		}
		asleep(t, s, "paused")
		conn.ResumeRead()
		j.wait(parcels)
	})
}

// Behind a slow handler MaxPending bytes wait, and the peer has to stop sending.
func TestMaxPending(t *testing.T) {
	for _, m := range poolModes() {
		t.Run(m.Poller.String(), func(t *testing.T) {
			const parcels = 64 << 20 / parcelSize
			entered, leave := make(chan struct{}, 1), make(chan struct{})
			j := newParcelJudge(t)
			s := &weir.Server{Codec: lengths, Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
				select {
				case entered <- struct{}{}:
				default:
				}
				<-leave
				j.frame(c, frame)
			})}
			s.MaxPending = 100_000
			c := dial(t, serve(t, m, s))
			sent := post(t, c, parcels)
			receive(t, entered, "the first frame")
			eventually(t, "reading pauses", func() bool { return s.Stats().PausedPending > 0 })
			asleep(t, s, "the handler is slow")
			// A buffer may be twice as large as what it holds, which is what was
			// allowed, one read more, and the read that the handler is at.
			if n, limit := s.Stats().Buffered, int64(2*(s.MaxPending+2*64<<10)); n > limit {
				t.Errorf("%d bytes wait, the limit is %d", n, limit)
			}
			if sent.Load() == parcels {
				t.Error("the peer was not stopped")
			}
			close(leave)
			j.wait(parcels)
			eventually(t, "the buffers are given back", func() bool { return s.Stats().Buffered == 0 })
		})
	}
}

// post sends n parcels in frames, and returns the number of those that have been
// sent so far.
func post(t *testing.T, c net.Conn, n int) *atomic.Int64 {
	var sent atomic.Int64
	go func() {
		p := bytes.Clone(blank)
		for i := range n {
			frame, err := lengths.Append(nil, parcel(p, i))
			if err == nil {
				_, err = c.Write(frame)
			}
			if err != nil {
				t.Errorf("parcel %d: %v", i, err)
				return
			}
			sent.Add(1)
		}
	}()
	return &sent
}

// parcelJudge gets parcels as frames, and sees to it that they are those that
// have been sent.
type parcelJudge struct {
	t testing.TB
	n atomic.Int64
}

func newParcelJudge(t testing.TB) *parcelJudge { return &parcelJudge{t: t} }

func (j *parcelJudge) frame(c *weir.Conn, frame []byte) {
	want := uint64(j.n.Load())
	if len(frame) != parcelSize || !bytes.Equal(frame[8:], blank[8:]) || binary.BigEndian.Uint64(frame) != want {
		j.t.Errorf("instead of parcel %d came %.20q", want, frame)
		c.Abort()
	}
	j.n.Add(1)
}

func (j *parcelJudge) wait(n int) {
	j.t.Helper()
	eventually(j.t, "every parcel has come", func() bool { return j.n.Load() == int64(n) || j.t.Failed() })
}

// A pause that begins elsewhere, while frames come, loses none, and ends.
func TestPauseWhileReceiving(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		parcels := less(1000)
		opened := make(chan *weir.Conn, 1)
		j := newParcelJudge(t)
		s := &weir.Server{Codec: lengths, Handler: hooks{
			open:  func(c *weir.Conn) { opened <- c },
			frame: j.frame,
		}}
		c := dial(t, serve(t, m, s))
		conn := receive(t, opened, "OnOpen")
		post(t, c, parcels)
		for j.n.Load() < int64(parcels) && !t.Failed() {
			conn.PauseRead()
			before := j.n.Load()
			conn.ResumeRead()
			eventually(t, "frames come", func() bool {
				n := j.n.Load()
				return n > before || n == int64(parcels) || t.Failed()
			})
		}
		j.wait(parcels)
	})
}

// A paused connection can be written to, flushed and closed.
func TestPausedConnectionEnds(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		closed := make(chan error, 1)
		s := &weir.Server{Handler: hooks{
			frame: func(c *weir.Conn, frame []byte) {
				c.PauseRead()
				c.Write(frame)
				c.AfterFunc(time.Millisecond, func(c *weir.Conn) {
					c.Write(frame)
					c.Close()
				})
			},
			close: func(_ *weir.Conn, err error) { closed <- err },
		}}
		s.Linger = patience
		c := dial(t, serve(t, m, s))
		io.WriteString(c, "x")
		got := make([]byte, 2)
		if _, err := io.ReadFull(c, got); err != nil {
			t.Fatal(err)
		}
		ends(t, c)
		c.Close()
		if err := receive(t, closed, "OnClose"); err != nil {
			t.Errorf("OnClose got %v", err)
		}
	})
}
