package gateway

import (
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

// TCP returns the handler of a weir.Server for the clients of p on raw TCP, once for
// each p. A frame is its length as a varint (LEB128) and that many bytes of the binary
// encoding. It brings its codec, and needs a Config as the function of that name
// makes it.
func TCP(p *push.Server, o Options) weir.Handler {
	o.fill()
	g := &streams{server: p, format: newStreamFormat(), codec: codec.Varint{Max: o.MaxFrame}}
	h := &streamHandler{streams: g, idle: o.Ping}
	switch {
	case o.Ping < 0:
		g.problem = &weir.ConfigError{Field: "Ping", Problem: "is negative"}
	case o.MaxFrame < 0:
		g.problem = &weir.ConfigError{Field: "MaxFrame", Problem: "is negative"}
	default:
		g.normal, g.problem = weir.NewProtocol(g.codec, h)
	}
	if g.problem == nil {
		g.problem = p.Register(g.format)
	}
	if g.problem == nil {
		g.awaiting, g.problem = weir.NewProtocol(g.codec, &streamHandler{streams: g, idle: o.Ping / 2, pinged: true})
	}
	return h
}

// streams is what all connections of a handler share.
type streams struct {
	server  *push.Server
	format  *push.Format
	codec   codec.Varint
	problem error // with the options

	// A connection is in one of two phases, and switches when the peer has been silent
	// for the idle timeout of the first: PING is sent. If it passes in the second, the
	// peer is dead. So the heartbeats cost a connection no memory.
	normal, awaiting *weir.Protocol
}

// streamHandler is the handler of one phase.
type streamHandler struct {
	*streams
	idle   time.Duration
	pinged bool
}

// Codec returns the codec that cuts frames. A weir.Server uses it by itself.
func (h *streamHandler) Codec() codec.Codec { return h.codec }

// Timeouts are the heartbeats.
func (h *streamHandler) Timeouts() weir.Timeouts { return weir.Timeouts{Idle: h.idle} }

// CheckConfig refuses what push cannot work with.
func (h *streamHandler) CheckConfig(c weir.Config) error {
	switch {
	case h.problem != nil:
		return h.problem
	case c.Dispatch == weir.Inline:
		return &weir.ConfigError{Field: "Dispatch", Problem: "push needs Pool: authentication and the log may block"}
	case c.Overflow != weir.OverflowNotify:
		return &weir.ConfigError{Field: "Overflow", Problem: "push needs OverflowNotify: use gateway.Config"}
	}
	return nil
}

func (h *streamHandler) OnOpen(c *weir.Conn) { c.SetContext(h.server.Attach(connSink{c}, h.format)) }

func (h *streamHandler) OnFrame(c *weir.Conn, frame []byte) {
	if h.pinged {
		c.Switch(h.normal) // refused only if the connection is dead
	}
	if s := streamSession(c); s != nil {
		s.Receive(frame)
	}
}

// OnIdle pings a peer that has been silent, and ends one that is so still.
func (h *streamHandler) OnIdle(c *weir.Conn) {
	s := streamSession(c)
	switch {
	case s == nil:
		c.Abort()
	case h.pinged:
		s.Refuse(protocol.CodeTimeout, "nothing has come, not even after PING")
	default:
		s.Silent()
		c.Switch(h.awaiting)
	}
}

// OnError tells the peer what is wrong with its stream.
func (h *streamHandler) OnError(c *weir.Conn, err error) {
	if s := streamSession(c); s != nil {
		f := blameStream(err)
		if f.code == 0 {
			f = fault{protocol.CodeMalformed, err.Error()}
		}
		s.Refuse(f.code, f.message)
	}
}

func (h *streamHandler) OnWritable(c *weir.Conn) {
	if s := streamSession(c); s != nil {
		s.Writable()
	}
}

func (h *streamHandler) OnClose(c *weir.Conn, err error) {
	s := streamSession(c)
	if s == nil {
		return
	}
	if f := blameStream(err); f.code != 0 {
		s.Refuse(f.code, f.message)
	}
	s.Closed(err)
}

// streamSession returns nil if somebody else has used the Context.
func streamSession(c *weir.Conn) *push.Session {
	s, _ := c.Context().(*push.Session)
	return s
}
