package weir

import (
	"reflect"

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
// [*PanicError]; it is logged with its stack.
//
// A Handler may also implement [EOFHandler], [WritableHandler] and
// [ShutdownHandler].
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

// HandlerFunc is a Handler for those who need OnFrame only.
type HandlerFunc func(c *Conn, frame []byte)

// OnOpen does nothing.
func (f HandlerFunc) OnOpen(*Conn) {}

// OnFrame calls f.
func (f HandlerFunc) OnFrame(c *Conn, frame []byte) { f(c, frame) }

// OnClose does nothing.
func (f HandlerFunc) OnClose(*Conn, error) {}

// protocol is what a connection speaks: a codec and a handler, with the
// optional abilities of both looked up once. It is immutable and shared by
// every connection that speaks it.
type protocol struct {
	codec    codec.Codec
	resumer  codec.Resumer
	sizer    codec.Sizer
	finisher codec.Finisher

	handler  Handler
	eof      EOFHandler
	writable WritableHandler
	shutdown ShutdownHandler
	frames   bool // OnFrame is all there is: OnOpen and OnClose need no worker
}

func newProtocol(c codec.Codec, h Handler) (*protocol, error) {
	if c == nil {
		c = codec.Raw{}
	}
	if isNil(h) {
		return nil, &ConfigError{Field: "Handler", Problem: "is required"}
	}
	if v, ok := c.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return nil, &ConfigError{Field: "Codec", Problem: err.Error(), Err: err}
		}
	}
	p := &protocol{codec: c, handler: h}
	p.resumer, _ = c.(codec.Resumer)
	p.sizer, _ = c.(codec.Sizer)
	p.finisher, _ = c.(codec.Finisher)
	p.eof, _ = h.(EOFHandler)
	p.writable, _ = h.(WritableHandler)
	p.shutdown, _ = h.(ShutdownHandler)
	_, p.frames = h.(HandlerFunc)
	return p, nil
}

// isNil also sees through a HandlerFunc(nil), which would panic much later.
func isNil(h Handler) bool {
	return h == nil || reflect.ValueOf(h).Kind() == reflect.Func && reflect.ValueOf(h).IsNil()
}
