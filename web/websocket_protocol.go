package web

import (
	"errors"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/codec/websocket"
)

// A socket's timers and what its codec has to know depend on the phase that it is
// in, and phases are few: is a pong awaited, is a text message under way, has
// compression been negotiated. So there is one weir.Protocol for each, made once
// per WebSocket and shared by all of its sockets, and a socket that enters another
// phase switches to it:
//
//	          nothing received for PingInterval: ping
//	normal ─────────────────────────────────────────────▶ awaiting
//	   ▲  ◀───────────────────────────────────────────────   │
//	   │       any frame                                     │ nothing received
//	   │ the last fragment    ┌────────────────────┐         │ for PongTimeout
//	   └───────────────────── │ and the same with  │         ▼
//	     the first fragment   │ a text under way   │    ErrPongTimeout
//	     of a text ─────────▶ └────────────────────┘
//
// The keep-alive therefore costs a socket no memory, neither a timer nor a time,
// and nothing per message: the loop's idle timeout, which is there anyway, does it.
type phase uint8

const (
	phaseAwaiting phase       = 1 << iota // a ping is out: the idle timeout is PongTimeout
	phaseText                             // a text is under way: websocket.Codec.Text
	phaseDeflate                          // compression was negotiated: websocket.Codec.Deflate
	phases        = 1 << iota             // so many there are
)

// makeTable makes the protocols.
func (ws *WebSocket) makeTable() error {
	for i := range ws.table {
		p := phase(i)
		cd := websocket.Codec{
			MaxFrame: ws.settings.maxMessage,
			Deflate:  p&phaseDeflate != 0,
			Text:     p&phaseText != 0,
		}
		t := ws.settings.normal
		if p&phaseAwaiting != 0 {
			t = ws.settings.awaiting
		}
		h := socketHandler{ws: ws, timeouts: t, awaiting: p&phaseAwaiting != 0}
		var err error
		if t.Idle > 0 {
			ws.table[i], err = weir.NewProtocol(cd, &pingingHandler{h})
		} else {
			ws.table[i], err = weir.NewProtocol(cd, &h)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// socketHandler is the weir.Handler of a WebSocket's connections, one for each
// phase.
type socketHandler struct {
	ws       *WebSocket
	timeouts weir.Timeouts
	awaiting bool
}

func (h *socketHandler) Timeouts() weir.Timeouts { return h.timeouts }

// OnOpen is not called: the connection was opened by HTTP. See Socket.start.
func (h *socketHandler) OnOpen(*weir.Conn) {}

func (h *socketHandler) OnFrame(c *weir.Conn, frame []byte) {
	s, ok := SocketOf(c)
	if !ok {
		c.Abort() // somebody has used the connection's Context
		return
	}
	ok = false
	defer func() {
		if !ok {
			s.panicked()
		}
	}()
	if h.awaiting {
		s.enter(s.phase &^ phaseAwaiting)
	}
	s.receive(frame)
	ok = true
}

// OnError tells the peer what is wrong with its stream.
func (h *socketHandler) OnError(c *weir.Conn, err error) {
	if s, ok := SocketOf(c); ok {
		s.refuse(err)
	}
}

func (h *socketHandler) OnWritable(c *weir.Conn) {
	if h.ws.OnWritable == nil {
		return
	}
	if s, ok := SocketOf(c); ok {
		s.guard(func() { h.ws.OnWritable(s) })
	}
}

func (h *socketHandler) OnShutdown(c *weir.Conn) {
	s, ok := SocketOf(c)
	if !ok {
		c.Close()
		return
	}
	s.Close(websocket.GoingAway, "")
}

func (h *socketHandler) OnClose(c *weir.Conn, err error) {
	if s, ok := SocketOf(c); ok {
		s.ended(err)
	}
}

// pingingHandler is a socketHandler with a PingInterval. Without one it is weir that
// ends silent connections, if Config.IdleTimeout says so.
type pingingHandler struct{ socketHandler }

// OnIdle pings a peer that has been silent, and ends one that has not answered.
func (h *pingingHandler) OnIdle(c *weir.Conn) {
	s, ok := SocketOf(c)
	switch {
	case !ok:
		c.Abort()
	case h.awaiting:
		s.pongTimeout()
	default:
		s.probe()
	}
}

// statusOf is the code that tells a peer why its stream was refused.
func statusOf(err error) (code int, reason string) {
	var e *websocket.Error
	switch {
	case errors.As(err, &e):
		return e.Code, e.Detail
	case errors.Is(err, codec.ErrTooLarge):
		return websocket.TooBig, "frame is too large" // weir.Config.MaxFrame
	}
	return websocket.ProtocolError, ""
}
