package client

import (
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/codec/websocket"
)

// A connection changes its weir.Protocol as it goes:
//
//	          TCP                                         WELCOME
//	fresh ──────────────────────────────▶ greeted ─────────────────▶ alive ◀─┐
//	   │                                     ▲            a frame ▲    │     │
//	   └──▶ upgrading (an HTTP response) ────┘                    │    │ 0.9 T of silence:
//	           WebSocket                                          │    ▼ PING
//	                                                            awaiting ── T/2 ──▶ the end
//
// The protocols are shared by all connections; that a connection waits for something is
// told by which one it has.

// fresh is the Handler of a connection that is no client's yet.
type fresh struct{}

func (fresh) OnOpen(*weir.Conn)          {}
func (fresh) OnFrame(*weir.Conn, []byte) {}

func (fresh) OnClose(conn *weir.Conn, err error) {
	if c, ok := conn.Context().(*Client); ok {
		c.lost(conn, err)
	}
}

// upgrading waits for the response to the WebSocket handshake.
type upgrading struct{ fresh }

func (upgrading) Codec() codec.Codec {
	return codec.Delimiter{Delim: []byte("\r\n\r\n"), Max: maxResponse}
}

// maxResponse is the size in bytes of the largest head of a response.
const maxResponse = 16 << 10

func (upgrading) OnFrame(conn *weir.Conn, head []byte) {
	conn.Context().(*Client).upgraded(conn, head)
}

// frames is the Handler of a connection on which frames are exchanged.
type frames struct {
	fresh
	*protocols
	idle     time.Duration // negative: it may be silent
	awaiting bool
}

// Timeouts is for weir.TimeoutHandler.
func (h *frames) Timeouts() weir.Timeouts { return weir.Timeouts{Idle: h.idle} }

// Codec is for weir.CodecHandler.
func (h *frames) Codec() codec.Codec {
	if h.key.ws {
		return websocket.Codec{Client: true, MaxFrame: h.max}
	}
	return codec.Varint{Max: h.max}
}

func (h *frames) OnFrame(conn *weir.Conn, frame []byte) {
	if h.awaiting {
		_ = conn.Switch(h.alive) // or it has ended
	}
	c := conn.Context().(*Client)
	if h.key.ws {
		c.websocketFrame(conn, frame)
	} else {
		c.frame(conn, c.config.Encoding, frame)
	}
}

// OnIdle comes when nothing has been received for h.idle.
func (h *frames) OnIdle(conn *weir.Conn) {
	c := conn.Context().(*Client)
	if h.awaiting {
		c.dead(conn)
		return
	}
	if conn.Switch(h.await) == nil {
		c.ping(conn)
	}
}

func (h *frames) OnWritable(conn *weir.Conn) { conn.Context().(*Client).writable(conn) }

func (h *frames) OnError(conn *weir.Conn, err error) {
	conn.Context().(*Client).malformed(conn, err)
}

// protocolKey tells apart what connections may speak.
type protocolKey struct {
	ws   bool
	ping time.Duration // 0: no heartbeats
}

// protocols are what connections of a key have in common.
type protocols struct {
	key          protocolKey
	max          int // bytes of a frame
	alive, await *weir.Protocol
}

// maxProtocols is how many different intervals of heartbeats a group remembers; who has
// a further one pays for protocols of its own.
const maxProtocols = 64

// protocolsFor returns the protocols of a key.
func (g *Group) protocolsFor(key protocolKey) (*protocols, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.protocols[key]; p != nil {
		return p, nil
	}
	p := &protocols{key: key, max: g.config.MaxFrame}
	alive := &frames{protocols: p, idle: -1}
	await := &frames{protocols: p, awaiting: true, idle: -1}
	if key.ping > 0 {
		alive.idle = max(key.ping*9/10, time.Millisecond)
		await.idle = max(key.ping/2, time.Millisecond)
	}
	var err error
	if p.alive, err = weir.NewProtocol(nil, alive); err != nil {
		return nil, err
	}
	if p.await, err = weir.NewProtocol(nil, await); err != nil {
		return nil, err
	}
	if len(g.protocols) < maxProtocols {
		g.protocols[key] = p
	}
	return p, nil
}
