package weir_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// dribble sends b every now and then, until stop is called.
func dribble(nc net.Conn, b []byte, every time.Duration) (stop func()) {
	done := make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(every):
				nc.Write(b)
			}
		}
	})
	return func() { close(done); sender.Wait() }
}

// A frame that does not end is ended, however busily its bytes trickle in.
func TestFrameTimeout(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		e.server.FrameTimeout = 2 * short
		e.server.IdleTimeout = time.Hour
		start := time.Now()
		c := dial(t, serve(t, m, &e.server))
		stop := dribble(c, []byte("x"), time.Millisecond)
		e.expires(t, weir.ErrFrameTimeout, start, e.server.FrameTimeout)
		stop()
	})
}

// So is one of which nothing more comes, also if the timer is set for much later.
func TestFrameTimeoutOfHalfFrame(t *testing.T) {
	for _, sent := range []string{"half", "whole\nhalf"} {
		t.Run(sent, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				e := newEnding()
				e.server.FrameTimeout = short
				e.server.IdleTimeout = time.Hour
				e.server.HandshakeTimeout = time.Hour
				c := dial(t, serve(t, m, &e.server))
				receive(t, e.opened, "OnOpen")
				start := time.Now()
				io.WriteString(c, sent)
				e.expires(t, weir.ErrFrameTimeout, start, short)
			})
		})
	}
}

// Frames that end in time are not ended, though together they take longer, and each
// begins with the bytes that came right behind the one before.
func TestFramesInTime(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		e.server.FrameTimeout = 20 * short
		c := dial(t, serve(t, m, &e.server))
		io.WriteString(c, "f")
		for start := time.Now(); time.Since(start) < e.server.FrameTimeout*3/2; {
			time.Sleep(short)
			io.WriteString(c, "rame\nf")
			if got := receive(t, e.frames, "a frame"); got != "frame" {
				t.Fatalf("got %q", got)
			}
		}
		select {
		case err := <-e.closed:
			t.Errorf("OnClose got %v", err)
		default:
		}
	})
}

// What has come of a frame at FrameRate or more makes its time longer; when nothing
// more comes it ends all the same.
func TestFrameRate(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		e.server.FrameTimeout = 20 * short
		// Each KiB is good for 200 ms and one is sent every 50 ms.
		e.server.FrameRate = 5 << 10
		c := dial(t, serve(t, m, &e.server))
		receive(t, e.opened, "OnOpen")
		piece := bytes.Repeat([]byte("x"), 1<<10)
		pieces := 0
		for start := time.Now(); time.Since(start) < e.server.FrameTimeout*3/2; pieces++ {
			c.Write(piece)
			time.Sleep(short)
		}
		io.WriteString(c, "\n")
		if got := receive(t, e.frames, "the frame"); len(got) != pieces<<10 {
			t.Errorf("a frame of %d bytes came, %d were sent", len(got), pieces<<10)
		}
		start := time.Now()
		c.Write(piece)
		e.expires(t, weir.ErrFrameTimeout, start, e.server.FrameTimeout+200*time.Millisecond)
	})
}

// A connection whose reading is paused is not timed, and its frame has all of the
// time when reading goes on.
func TestFrameTimeoutWhilePaused(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		e.server.FrameTimeout = 4 * short
		c := dial(t, serve(t, m, &e.server))
		conn := receive(t, e.opened, "OnOpen")
		io.WriteString(c, "ha")
		eventually(t, "it is received", func() bool { return e.server.Stats().BytesIn == 2 })
		conn.PauseRead()
		// A function of a timer, so that the deadlines are looked at.
		looked := make(chan struct{})
		conn.AfterFunc(2*e.server.FrameTimeout, func(*weir.Conn) { close(looked) })
		receive(t, looked, "the timer")
		conn.AfterFunc(0, func(*weir.Conn) {})
		start := time.Now()
		conn.ResumeRead()
		io.WriteString(c, "lf")
		e.expires(t, weir.ErrFrameTimeout, start, e.server.FrameTimeout)
	})
}

// A callback under way is not timed, nor is the peer for what the callback reads
// from a Stream; what it leaves begins when it has left it.
func TestFrameTimeoutAndCallbacks(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		e := newEnding()
		e.server.FrameTimeout = 3 * short
		took, left := 3*e.server.FrameTimeout, make(chan time.Time, 1)
		e.server.Handler = hooks{
			frame: func(c *weir.Conn, frame []byte) {
				p := make([]byte, 1)
				for n := 0; n < 3; n++ {
					if _, err := c.Stream().Read(p); err != nil {
						t.Errorf("Read: %v", err)
					}
					time.Sleep(took / 3)
				}
				left <- time.Now()
			},
			close: func(_ *weir.Conn, err error) { e.closed <- err },
		}
		c := dial(t, serve(t, m, &e.server))
		io.WriteString(c, "go\n")
		eventually(t, "it is received", func() bool { return e.server.Stats().BytesIn == 3 })
		io.WriteString(c, "123half")
		since := receive(t, left, "the end of the callback")
		if err := receive(t, e.closed, "OnClose"); !errors.Is(err, weir.ErrFrameTimeout) {
			t.Fatalf("OnClose got %v", err)
		}
		// The rest was there when the last byte was read.
		if d := time.Since(since) + took/3; d < e.server.FrameTimeout-reactorTick {
			t.Errorf("closed %v after the rest was left", d)
		}
	})
}

// phases is a Handler with timeouts of its own.
type phases struct {
	hooks
	timeouts weir.Timeouts
}

func (p phases) Timeouts() weir.Timeouts { return p.timeouts }

// The handler's own timeouts count instead of Config's, those of the Protocol in
// force, from the moment it is.
func TestTimeoutHandler(t *testing.T) {
	closed := make(chan error, 1)
	onClose := hooks{close: func(_ *weir.Conn, err error) { closed <- err }}
	const never = -1
	hour := weir.Timeouts{Idle: time.Hour, Frame: time.Hour}
	for _, test := range []struct {
		name          string
		config        weir.Config
		first, second weir.Timeouts
		sent          string // after the switch
		want          error
	}{
		{"own frame timeout", weir.Config{FrameTimeout: time.Hour}, hour, weir.Timeouts{Frame: short}, "half", weir.ErrFrameTimeout},
		{"own idle timeout", weir.Config{IdleTimeout: time.Hour}, hour, weir.Timeouts{Idle: short}, "", weir.ErrIdleTimeout},
		{"Config's frame timeout", weir.Config{FrameTimeout: short}, hour, weir.Timeouts{}, "half", weir.ErrFrameTimeout},
		{"Config's idle timeout", weir.Config{IdleTimeout: short}, hour, weir.Timeouts{}, "", weir.ErrIdleTimeout},
		{"no frame timeout", weir.Config{FrameTimeout: short, IdleTimeout: 4 * short}, weir.Timeouts{Frame: never}, weir.Timeouts{Frame: never}, "half", weir.ErrIdleTimeout},
		{"no idle timeout", weir.Config{FrameTimeout: 4 * short, IdleTimeout: short}, weir.Timeouts{Idle: never}, weir.Timeouts{Idle: never}, "half", weir.ErrFrameTimeout},
		{"no rate", weir.Config{FrameTimeout: short, FrameRate: 1}, hour, weir.Timeouts{FrameRate: never}, "half", weir.ErrFrameTimeout},
		{"own rate", weir.Config{FrameTimeout: short, FrameRate: 1}, hour, weir.Timeouts{FrameRate: 1 << 20}, "half", weir.ErrFrameTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, from := range []string{"OnFrame", "elsewhere"} {
				t.Run(from, func(t *testing.T) {
					eachMode(t, func(t *testing.T, m mode) {
						second := protocolOf(t, phases{onClose, test.second})
						conns := make(chan *weir.Conn, 1)
						s := &weir.Server{Codec: codec.Line{}, Config: test.config, Handler: phases{hooks{
							frame: func(c *weir.Conn, _ []byte) {
								if from == "OnFrame" {
									c.Switch(second)
								}
								conns <- c
							},
							close: onClose.close,
						}, test.first}}
						nc := dial(t, serve(t, m, s))
						io.WriteString(nc, "hello\n"+test.sent)
						c := receive(t, conns, "a frame")
						if from == "elsewhere" {
							eventually(t, "the rest is there", func() bool { return s.Stats().BytesIn == uint64(6+len(test.sent)) })
							if err := c.Switch(second); err != nil {
								t.Error(err)
							}
						}
						if err := receive(t, closed, "OnClose"); !errors.Is(err, test.want) {
							t.Errorf("OnClose got %v, want %v", err, test.want)
						}
					})
				})
			}
		})
	}
}
