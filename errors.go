package weir

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/weir-go/weir/reactor"
)

// Lifecycle errors.
var (
	// ErrServerClosed is returned by Serve after Shutdown or Close.
	ErrServerClosed = errors.New("weir: server closed")

	// ErrClosed is returned by every method of a Conn that is closed or
	// closing, and by a Client that is closed. errors.Is(err, net.ErrClosed)
	// holds for it.
	ErrClosed = fmt.Errorf("weir: connection closed: %w", net.ErrClosed)
)

// Errors of limits that bite. Each has a counter in Stats.
var (
	// ErrBacklog: the write was refused, and nothing of it accepted, because
	// MaxOutbound bytes already wait for a peer that does not read. Wait for
	// OnWritable, or use WaitWritable.
	ErrBacklog = errors.New("weir: outbound backlog is full, the peer does not read: wait until the connection is writable")

	// ErrDropped: the message was dropped by the policy OverflowDrop, because
	// the outbound backlog is above the high watermark.
	ErrDropped = errors.New("weir: message dropped, the outbound backlog is above the high watermark")

	// ErrSlowConsumer: the connection was closed by the policy OverflowClose,
	// because the outbound backlog rose above the high watermark.
	ErrSlowConsumer = errors.New("weir: slow consumer, the outbound backlog rose above the high watermark")

	// ErrBudget: MaxBuffered bytes are in the buffers of all connections
	// together. A write is refused with it; a connection whose unfinished
	// frame would need more, or whose peer does not take the whole of a write,
	// is closed with it.
	ErrBudget = errors.New("weir: the byte budget for buffers (MaxBuffered) is used up")

	// ErrInline: a method that waits was called on a connection whose callbacks
	// run on the event loop. Use Dispatch: Pool.
	ErrInline = errors.New("weir: cannot wait on the event loop: this needs Dispatch: weir.Pool")

	// ErrNotInCallback: a Stream was read or detached while no callback of its
	// connection runs.
	ErrNotInCallback = errors.New("weir: a Stream can be read and detached only in a callback of its connection")

	// ErrPoolFull: MaxTasks functions wait for a worker already.
	ErrPoolFull = errors.New("weir: too many tasks wait for a worker (MaxTasks)")
)

// Timeouts. errors.Is(err, os.ErrDeadlineExceeded) holds for each, and each is
// a net.Error whose Timeout is true. OnClose gets the one that has ended the
// connection.
var (
	ErrIdleTimeout      error = &timeoutError{"nothing received within the idle timeout"}
	ErrHandshakeTimeout error = &timeoutError{"no complete frame within the handshake timeout"}
	ErrReadTimeout      error = &timeoutError{"read deadline passed"}
	ErrFrameTimeout     error = &timeoutError{"a frame was begun and not finished within the frame timeout"}
	ErrWriteTimeout     error = &timeoutError{"the peer accepted nothing within the write timeout, or the write deadline passed"}
)

type timeoutError struct{ what string }

func (e *timeoutError) Error() string        { return "weir: " + e.what }
func (e *timeoutError) Timeout() bool        { return true }
func (e *timeoutError) Temporary() bool      { return false }
func (e *timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// ErrGoexit is the value of a PanicError for a callback that has not panicked but
// ended its goroutine, by runtime.Goexit, as the FailNow of package testing does.
var ErrGoexit = errors.New("weir: a callback has called runtime.Goexit")

// PanicError is a panic of a handler, caught: the err that OnClose gets. It
// carries the value and the stack.
type PanicError = reactor.PanicError

// ConfigError says which field of a configuration cannot be used, and why.
type ConfigError struct {
	Field   string
	Problem string
	Err     error // what is behind it, or nil
}

func (e *ConfigError) Error() string { return "weir: config: " + e.Field + ": " + e.Problem }

// Unwrap returns Err.
func (e *ConfigError) Unwrap() error { return e.Err }
