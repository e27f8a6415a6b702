package gateway

import (
	"errors"
	"net/http"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/web"
)

// Subprotocol is the one that a WebSocket may ask for. It need not.
const Subprotocol = "weir.push.v1"

// WebSocket returns an endpoint for the clients of p, once for each p: an http.Handler
// for web.Handler, and for ServeFast, in Pool mode, since authentication may block. Its
// fields may be changed as those of any web.WebSocket, but for the callbacks. The first
// message of a client tells its encoding: JSON if it is a text, else binary.
//
// See Config for the weir.Server that it is served by.
func WebSocket(p *push.Server, o Options) *web.WebSocket {
	o.fill()
	g := &sockets{
		server: p,
		json:   newSocketFormat("ws json", protocol.JSON, web.Text),
		binary: newSocketFormat("ws binary", protocol.Binary, web.Binary),
	}
	g.problem = errors.Join(p.Register(g.json), p.Register(g.binary))
	g.lobby = newLobby(o.HelloTimeout, g.late)
	return &web.WebSocket{
		Accept:       g.accept,
		OnOpen:       g.lobby.enter,
		OnMessage:    g.message,
		OnWritable:   g.writable,
		OnClose:      g.closed,
		CheckOrigin:  o.CheckOrigin,
		Subprotocols: []string{Subprotocol},
		MaxMessage:   o.MaxFrame,
		PingInterval: o.Ping,
		PongTimeout:  o.Ping / 2,
	}
}

// sockets is what all sockets of an endpoint share.
type sockets struct {
	server       *push.Server
	json, binary *push.Format
	lobby        *lobby
	problem      error // with the server
}

// accept refuses everybody if there is a problem that only the operator can solve.
func (g *sockets) accept(*web.Handshake) error {
	if g.problem == nil {
		return nil
	}
	return &web.HandshakeError{Status: http.StatusInternalServerError, Reason: g.problem.Error()}
}

// The Context of a socket is its session, as a pointer of another type that says what
// kind of messages it speaks, so that there need be no place for that.
type (
	textSession   push.Session
	binarySession push.Session
)

// sessionOf returns nil if nothing has come yet.
func sessionOf(s *web.Socket) (c *push.Session, op web.Opcode) {
	switch v := s.Context().(type) {
	case *textSession:
		return (*push.Session)(v), web.Text
	case *binarySession:
		return (*push.Session)(v), web.Binary
	}
	return nil, 0
}

// attach begins the session, in a callback of the socket.
func (g *sockets) attach(s *web.Socket, op web.Opcode) *push.Session {
	if op == web.Binary {
		c := g.server.Attach(binarySink{socketSink{s}}, g.binary)
		s.SetContext((*binarySession)(c))
		return c
	}
	c := g.server.Attach(textSink{socketSink{s}}, g.json)
	s.SetContext((*textSession)(c))
	return c
}

func (g *sockets) message(s *web.Socket, op web.Opcode, data []byte) {
	c, spoken := sessionOf(s)
	if c == nil {
		c, spoken = g.attach(s, op), op
	}
	if op != spoken {
		c.Refuse(protocol.CodeMalformed, "the messages of a connection are all text, or all binary")
		return
	}
	c.Receive(data)
}

func (g *sockets) writable(s *web.Socket) {
	if c, _ := sessionOf(s); c != nil {
		c.Writable()
	}
}

// late ends a socket on which nothing has come.
func (g *sockets) late(s *web.Socket) {
	if c, _ := sessionOf(s); c != nil {
		return
	}
	s.Conn().Do(func(*weir.Conn) { // refused only if it has ended
		if c, _ := sessionOf(s); c == nil {
			g.attach(s, web.Text).Refuse(protocol.CodeTimeout, "no HELLO has come in time")
		}
	})
}

func (g *sockets) closed(s *web.Socket, err error) {
	c, _ := sessionOf(s)
	f := blameSocket(err)
	switch {
	case c != nil:
	case f.code == 0:
		return
	default:
		c = g.attach(s, web.Text) // so that it is counted
	}
	if f.code != 0 {
		c.Refuse(f.code, f.message)
	}
	c.Closed(err)
}
