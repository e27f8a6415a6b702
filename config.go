package weir

import (
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/weir-go/weir/internal/socket"
)

// Dispatch selects where handlers run.
type Dispatch int

const (
	// Pool runs handlers on a pool of workers; they may block. The default.
	Pool Dispatch = iota
	// Inline runs handlers on the event loop; they must not block.
	Inline
)

func (d Dispatch) String() string {
	switch d {
	case Pool:
		return "pool"
	case Inline:
		return "inline"
	}
	return fmt.Sprintf("Dispatch(%d)", int(d))
}

// Overflow selects what happens when more than HighWatermark bytes wait for a
// peer that does not read.
type Overflow int

const (
	// OverflowPause stops reading from the connection until the backlog has
	// fallen to LowWatermark, so that a peer that sends requests and does not
	// read the replies slows itself down. Writes are accepted up to
	// MaxOutbound and then refused with ErrBacklog. The default.
	OverflowPause Overflow = iota
	// OverflowDrop refuses writes with ErrDropped until the backlog has fallen
	// to LowWatermark: for feeds where the next message makes up for the last.
	OverflowDrop
	// OverflowClose closes the connection with ErrSlowConsumer.
	OverflowClose
	// OverflowNotify does nothing but tell, by Conn.Writable, OnWritable and
	// Conn.WaitWritable; writes are accepted up to MaxOutbound. For those who
	// have another source to hold back, such as the other side of a proxy.
	OverflowNotify
)

func (o Overflow) String() string {
	switch o {
	case OverflowPause:
		return "pause"
	case OverflowDrop:
		return "drop"
	case OverflowClose:
		return "close"
	case OverflowNotify:
		return "notify"
	}
	return fmt.Sprintf("Overflow(%d)", int(o))
}

// Config holds the settings that a Server and a Client have in common. The zero
// value is ready for use; each field tells what its zero value stands for.
type Config struct {
	// Dispatch tells where handlers run: Pool or Inline.
	Dispatch Dispatch

	// Loops is the number of event loops, each a goroutine with a poller of
	// its own. 0: runtime.GOMAXPROCS(0). At most 256.
	Loops int

	// Workers is the largest number of workers, that is of handlers that run,
	// or block, at the same time, in Pool mode. They start when needed and end
	// when idle. 0: 256 times runtime.GOMAXPROCS(0).
	Workers int

	// MaxTasks is the largest number of functions that wait for a worker, see
	// Server.Go. More are refused with ErrPoolFull. 0: 65,536.
	MaxTasks int

	// Poller is the way to wait for readiness. Zero: the best of the system.
	Poller PollerKind

	// ReadBuffer is the size in bytes of a loop's read buffer, the most that
	// one connection gets per turn. One per loop. 0: 64 KiB.
	ReadBuffer int

	// MaxFrame is the size in bytes of the largest frame, framing included,
	// in addition to the codec's own maximum. The connection is closed with a
	// *codec.Error that wraps codec.ErrTooLarge. 0: the codec's maximum.
	MaxFrame int

	// MaxPending is the number of bytes that a connection may have received
	// and not handled, in Pool mode, before reading from it pauses. It bounds
	// the frames that stand in line behind a slow handler. 0: 64 KiB.
	MaxPending int

	// HighWatermark is the number of bytes waiting to be sent on a connection
	// above which Overflow acts. 0: 1 MiB.
	HighWatermark int

	// LowWatermark is the number of waiting bytes at which Overflow ends and
	// OnWritable is called. 0: half of HighWatermark.
	LowWatermark int

	// MaxOutbound is the number of bytes waiting to be sent on a connection
	// above which writes are refused with ErrBacklog. A write that finds less
	// is accepted whole, so the backlog may exceed it by one message.
	// 0: 4 times HighWatermark.
	MaxOutbound int

	// Overflow selects what happens above HighWatermark.
	Overflow Overflow

	// MaxBuffered is the number of bytes that may be in buffers for all
	// connections together: unfinished frames, frames waiting for a worker,
	// and the outbound backlog. See ErrBudget. 0: 1 GiB. A loop is never
	// refused its own share of it, lest it ask the others all the time; so
	// with several loops they may together come to almost twice as much. What a
	// handler keeps is not counted, such as, of package web, bodies that Fast
	// collects from chunks and WebSocket messages that come in fragments.
	MaxBuffered int64

	// HandshakeTimeout bounds the time from the opening of a connection to its
	// first whole frame. 0: none. See ErrHandshakeTimeout.
	HandshakeTimeout time.Duration

	// IdleTimeout bounds the time in which nothing is received on a
	// connection, from its first frame on if there is a HandshakeTimeout, and
	// else from the beginning. Time that OnOpen or OnFrame take does not count,
	// but for some milliseconds. 0: none. See ErrIdleTimeout and Conn.SetIdleTimeout.
	IdleTimeout time.Duration

	// FrameTimeout bounds the time from the first bytes of a frame to its end,
	// so that a peer cannot hold a buffer by sending a byte now and then. It
	// does not run while reading is paused or a callback runs. 0: none. See
	// ErrFrameTimeout.
	FrameTimeout time.Duration

	// FrameRate is a number of bytes per second that a peer is expected to
	// manage: FrameTimeout is longer by as many seconds as the bytes received
	// of the frame are worth at this rate. 0: FrameTimeout is for a frame of
	// any size.
	FrameRate int

	// WriteTimeout bounds the time in which a peer takes nothing of what waits
	// for it. 0: 30 s, negative: none. See ErrWriteTimeout.
	WriteTimeout time.Duration

	// Linger bounds the time that a connection which has been closed may take
	// to send the rest and to wait for the peer's FIN. 0: 5 s.
	Linger time.Duration

	// Socket holds options for the sockets of connections.
	Socket SocketOptions

	// Logger gets what an operator should know: panics with their stack,
	// exhaustion, failed loops. nil: slog.Default().
	Logger *slog.Logger
}

// SocketOptions are set on each connection. Those of a TCP server are set on its
// listening sockets, from which connections inherit them, so they cost nothing
// per connection.
type SocketOptions struct {
	// Delay leaves Nagle's algorithm on. By default it is off (TCP_NODELAY),
	// because weir coalesces writes itself.
	Delay bool
	// KeepAlive is the silence after which, and the interval in which, TCP
	// probes the peer, in whole seconds. 0: 15 s, negative: no probes.
	KeepAlive time.Duration
	// ReadBuffer and WriteBuffer are the sizes in bytes of the kernel's
	// buffers (SO_RCVBUF, SO_SNDBUF). 0: the system's choice.
	ReadBuffer  int
	WriteBuffer int
}

func (o SocketOptions) socket() socket.Options {
	s := socket.Options{Delay: o.Delay, ReadBuffer: o.ReadBuffer, WriteBuffer: o.WriteBuffer}
	s.KeepAlive = keepAliveSeconds(o.KeepAlive)
	return s
}

func keepAliveSeconds(d time.Duration) int {
	switch {
	case d == 0:
		return 15
	case d < 0:
		return -1
	}
	return int((d + time.Second - 1) / time.Second)
}

// maxLoops is the most loops that a connection's ID has room for.
const maxLoops = 256

// withDefaults returns c with every zero replaced, or a *ConfigError.
func (c Config) withDefaults() (Config, error) {
	if c.Dispatch != Pool && c.Dispatch != Inline {
		return c, &ConfigError{Field: "Dispatch", Problem: "unknown value " + c.Dispatch.String()}
	}
	if c.Overflow < OverflowPause || c.Overflow > OverflowNotify {
		return c, &ConfigError{Field: "Overflow", Problem: "unknown value " + c.Overflow.String()}
	}
	procs := runtime.GOMAXPROCS(0)
	for _, f := range []struct {
		name string
		p    *int
		zero int
	}{
		{"Loops", &c.Loops, min(procs, maxLoops)},
		{"Workers", &c.Workers, 256 * procs},
		{"MaxTasks", &c.MaxTasks, 65536},
		{"ReadBuffer", &c.ReadBuffer, 64 << 10},
		{"MaxFrame", &c.MaxFrame, int(^uint(0) >> 1)},
		{"MaxPending", &c.MaxPending, 64 << 10},
		{"HighWatermark", &c.HighWatermark, 1 << 20},
	} {
		if err := positive(f.name, f.p, f.zero); err != nil {
			return c, err
		}
	}
	if err := positive("LowWatermark", &c.LowWatermark, c.HighWatermark/2); err != nil {
		return c, err
	}
	if err := positive("MaxOutbound", &c.MaxOutbound, 4*c.HighWatermark); err != nil {
		return c, err
	}
	if err := positive("MaxBuffered", &c.MaxBuffered, 1<<30); err != nil {
		return c, err
	}
	if err := positive("Linger", &c.Linger, 5*time.Second); err != nil {
		return c, err
	}
	switch {
	case c.Loops > maxLoops:
		return c, &ConfigError{Field: "Loops", Problem: fmt.Sprintf("%d is above the maximum of %d", c.Loops, maxLoops)}
	case c.LowWatermark > c.HighWatermark:
		return c, &ConfigError{Field: "LowWatermark", Problem: "is above HighWatermark"}
	case c.MaxOutbound < c.HighWatermark:
		return c, &ConfigError{Field: "MaxOutbound", Problem: "is below HighWatermark"}
	case c.HandshakeTimeout < 0:
		return c, &ConfigError{Field: "HandshakeTimeout", Problem: "is negative"}
	case c.IdleTimeout < 0:
		return c, &ConfigError{Field: "IdleTimeout", Problem: "is negative"}
	case c.FrameTimeout < 0:
		return c, &ConfigError{Field: "FrameTimeout", Problem: "is negative"}
	case c.FrameRate < 0:
		return c, &ConfigError{Field: "FrameRate", Problem: "is negative"}
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = 30 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c, nil
}

func positive[T int | int64 | time.Duration](field string, p *T, zero T) error {
	if *p < 0 {
		return &ConfigError{Field: field, Problem: "is negative"}
	}
	if *p == 0 {
		*p = zero
	}
	return nil
}
