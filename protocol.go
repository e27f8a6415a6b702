package weir

import (
	"reflect"
	"time"

	"github.com/weir-go/weir/codec"
)

// Protocol is what a connection speaks: a codec and a handler. It is immutable,
// and any number of connections may share one, so that a connection which changes
// its protocol, see Conn.Switch, costs no memory.
type Protocol struct {
	codec    codec.Codec
	resumer  codec.Resumer
	sizer    codec.Sizer
	finisher codec.Finisher

	// The handler, with its optional abilities looked up once.
	handler  Handler
	eof      EOFHandler
	writable WritableHandler
	idler    IdleHandler
	refuser  ErrorHandler
	shutdown ShutdownHandler
	frames   bool // OnFrame is all there is: OnOpen and OnClose need no worker
	timeouts Timeouts
}

// NewProtocol joins a codec and a handler. A nil codec is that of a handler which
// is a CodecHandler, and else codec.Raw. The error is a *ConfigError.
func NewProtocol(c codec.Codec, h Handler) (*Protocol, error) {
	if isNil(h) {
		return nil, &ConfigError{Field: "Handler", Problem: "is required"}
	}
	if own, ok := h.(CodecHandler); ok && c == nil {
		c = own.Codec()
	}
	if c == nil {
		c = codec.Raw{}
	}
	if v, ok := c.(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return nil, &ConfigError{Field: "Codec", Problem: err.Error(), Err: err}
		}
	}
	p := &Protocol{codec: c, handler: h}
	p.resumer, _ = c.(codec.Resumer)
	p.sizer, _ = c.(codec.Sizer)
	p.finisher, _ = c.(codec.Finisher)
	p.eof, _ = h.(EOFHandler)
	p.writable, _ = h.(WritableHandler)
	p.idler, _ = h.(IdleHandler)
	p.refuser, _ = h.(ErrorHandler)
	p.shutdown, _ = h.(ShutdownHandler)
	_, p.frames = h.(HandlerFunc)
	if t, ok := h.(TimeoutHandler); ok {
		p.timeouts = t.Timeouts()
	}
	return p, nil
}

// isNil also sees through a HandlerFunc(nil), which would panic much later.
func isNil(h Handler) bool {
	return h == nil || reflect.ValueOf(h).Kind() == reflect.Func && reflect.ValueOf(h).IsNil()
}

// fits asks the handler whether it can do with a configuration.
func (p *Protocol) fits(c *Config) error {
	if h, ok := p.handler.(ConfigHandler); ok {
		return h.CheckConfig(*c)
	}
	return nil
}

// idle is the idle timeout in force, 0 for none.
func (p *Protocol) idle(c *Config) time.Duration {
	return either(p.timeouts.Idle, c.IdleTimeout)
}

// frameTimeout is how long a frame of which n bytes have come may take, 0 for ever.
func (p *Protocol) frameTimeout(c *Config, n int) time.Duration {
	d := either(p.timeouts.Frame, c.FrameTimeout)
	if rate := either(p.timeouts.FrameRate, c.FrameRate); d > 0 && rate > 0 {
		d = later(d, time.Duration(float64(n)/float64(rate)*float64(time.Second)))
	}
	return d
}

// either returns the handler's choice, or the configuration's if it has none.
func either[T int | time.Duration](own, config T) T {
	if own != 0 {
		return max(own, 0)
	}
	return config
}

// SetProtocol is Switch to a new Protocol of a codec and a handler.
func (c *Conn) SetProtocol(cd codec.Codec, h Handler) error {
	p, err := NewProtocol(cd, h)
	if err != nil {
		return err
	}
	return c.Switch(p)
}

// Switch replaces the codec and the handler, for upgrades and for protocols with
// phases. Called in a callback of the connection it holds from the next frame on:
// bytes that have been received and not delivered are decoded by the new codec.
// Called elsewhere it holds from some frame on. OnOpen of the new handler is not
// called, and its CheckConfig neither; but its OnShutdown is, if Shutdown has begun.
func (c *Conn) Switch(p *Protocol) error {
	if p == nil {
		return &ConfigError{Field: "Protocol", Problem: "is required"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(flagDead) {
		return ErrClosed
	}
	if c.proto.Swap(p).timeouts != p.timeouts {
		c.post()
	}
	if c.has(flagDrain) && p.shutdown != nil && !c.has(flagClosing|flagAbort) {
		// Shutdown had come to a handler that does not take leave; this one does.
		c.unset(flagDrain)
		c.post()
		c.schedule(eventShutdown)
	}
	if c.has(flagTurn) || c.in != nil {
		c.schedule(eventResume) // to look at what is left; end drops it if nothing is
	}
	return nil
}
