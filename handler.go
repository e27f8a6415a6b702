package weir

import (
	"time"

	"github.com/weir-go/weir/codec"
)

// Handler is told what happens on a connection. The calls for one connection
// come one after the other, in this order: OnOpen, any number of OnFrame,
// OnClose. Different connections are served in parallel.
//
// With [Pool], the default, the calls come on a worker and may block. With
// [Inline] they come on the event loop and must not block: all connections of
// the loop would wait.
//
// A panic closes the connection that it happened on, which gets OnClose with a
// [*PanicError]; it is logged with its stack. So does runtime.Goexit, as
// [ErrGoexit].
//
// A Handler may also implement [EOFHandler], [WritableHandler], [IdleHandler],
// [ErrorHandler] and [ShutdownHandler], to be told of more, and [CodecHandler],
// [TimeoutHandler] and [ConfigHandler], to say what it needs.
type Handler interface {
	// OnOpen is called once, first.
	OnOpen(c *Conn)

	// OnFrame is called for each frame that the codec has cut. frame is valid
	// only until OnFrame returns; it may be changed, but not kept. What is
	// written to c meanwhile leaves in one system call, when the frames that
	// came with one read are done; see [Conn.Write].
	OnFrame(c *Conn, frame []byte)

	// OnClose is called once, last. err tells how the connection ended:
	//   - nil: by Close or Shutdown on this side
	//   - io.EOF: the peer has ended the stream, after a whole frame
	//   - io.ErrUnexpectedEOF: the peer has ended it within a frame
	//   - a *codec.Error: the peer has sent what the codec refuses
	//   - ErrIdleTimeout, ErrSlowConsumer and the like: a limit has bitten
	//   - a *PanicError: a handler has panicked
	//   - ErrClosed: by Abort, or by Server.Close, on this side
	//   - a *os.SyscallError: the connection has failed
	OnClose(c *Conn, err error)
}

// EOFHandler is a Handler that decides itself what to do when the peer has ended
// its side of the stream: OnEOF comes once, after the last frame. The
// connection can still be written to until Close or CloseWrite. For a Handler
// without OnEOF a connection is closed then, once what was written has left.
type EOFHandler interface {
	OnEOF(c *Conn)
}

// WritableHandler is a Handler that wants to be told when the outbound backlog,
// having been above the high watermark, has fallen to the low one.
type WritableHandler interface {
	OnWritable(c *Conn)
}

// ShutdownHandler is a Handler that takes leave: OnShutdown comes when
// Server.Shutdown begins, and it, or a later call, has to Close the connection.
// For a Handler without OnShutdown the connection is closed.
type ShutdownHandler interface {
	OnShutdown(c *Conn)
}

// IdleHandler is a Handler that decides itself what to do about silence: OnIdle
// comes, instead of the end with ErrIdleTimeout, when nothing has been received
// for the idle timeout, and again after as much silence. A handler that sends a
// ping then costs its idle connections no timer of their own.
type IdleHandler interface {
	OnIdle(c *Conn)
}

// ErrorHandler is a Handler that has something to say to a peer whose stream the
// codec, or Config.MaxFrame, has refused: OnError comes instead of further frames.
// What it writes is sent before the connection is closed; OnClose gets err, also if
// OnError closes the connection itself, or panics.
type ErrorHandler interface {
	OnError(c *Conn, err error)
}

// CodecHandler is a Handler that is made for one codec, which is used unless
// another is given.
type CodecHandler interface {
	Codec() codec.Codec
}

// TimeoutHandler is a Handler whose connections have timeouts of their own, in
// place of those of Config. It is asked once, when a Server or Client starts, or
// when a Protocol is made.
type TimeoutHandler interface {
	Timeouts() Timeouts
}

// Timeouts are what a TimeoutHandler asks for. Zero means what Config says, and a
// negative value none.
type Timeouts struct {
	Idle      time.Duration // in place of Config.IdleTimeout
	Frame     time.Duration // in place of Config.FrameTimeout
	FrameRate int           // in place of Config.FrameRate
}

// ConfigHandler is a Handler that cannot do with every Config. It is asked when a
// Server or Client starts, with all defaults filled in; an error prevents that.
type ConfigHandler interface {
	CheckConfig(c Config) error
}

// HandlerFunc is a Handler for those who need OnFrame only.
type HandlerFunc func(c *Conn, frame []byte)

// OnOpen does nothing.
func (f HandlerFunc) OnOpen(*Conn) {}

// OnFrame calls f.
func (f HandlerFunc) OnFrame(c *Conn, frame []byte) { f(c, frame) }

// OnClose does nothing.
func (f HandlerFunc) OnClose(*Conn, error) {}
