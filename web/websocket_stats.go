package web

import (
	"sync/atomic"

	"github.com/weir-go/weir"
)

// WebSocketStats is a snapshot of a WebSocket's counters. Unless it says "now", a
// figure counts from the start.
type WebSocketStats struct {
	Open   int    // sockets open now
	Opened uint64 // handshakes done
	Closed uint64 // sockets ended

	MessagesIn  uint64 // delivered to OnMessage
	MessagesOut uint64 // accepted for sending

	// Handshakes refused, by cause.
	RefusedRequest uint64 // 400, 405, 426: no WebSocket handshake, or not of version 13
	RefusedOrigin  uint64 // 403: by the check of the origin
	RefusedAccept  uint64 // by Accept
	RefusedServer  uint64 // 500: not served by this package, or a field of the WebSocket makes no sense

	// Sockets ended because of the peer, by cause.
	ProtocolErrors uint64 // the stream was refused: 1002, 1007
	TooLarge       uint64 // a message was larger than MaxMessage: 1009
	PongTimeouts   uint64 // ErrPongTimeout
	CloseTimeouts  uint64 // ErrCloseTimeout

	// Limits that have bitten.
	QueueFull uint64 // messages refused because MaxQueued bytes wait behind another
}

// Stats returns a snapshot of the counters. It is cheap.
func (ws *WebSocket) Stats() WebSocketStats {
	n := &ws.counters
	s := WebSocketStats{
		Opened:         n.opened.Load(),
		Closed:         n.closed.Load(),
		RefusedRequest: n.refusedRequest.Load(),
		RefusedOrigin:  n.refusedOrigin.Load(),
		RefusedAccept:  n.refusedAccept.Load(),
		RefusedServer:  n.refusedServer.Load(),
		ProtocolErrors: n.protocolErrors.Load(),
		TooLarge:       n.tooLarge.Load(),
		PongTimeouts:   n.pongTimeouts.Load(),
		CloseTimeouts:  n.closeTimeouts.Load(),
		QueueFull:      n.queueFull.Load(),
	}
	s.Open = int(int64(s.Opened - s.Closed))
	for i := range n.messages {
		s.MessagesIn += n.messages[i].in.Load()
		s.MessagesOut += n.messages[i].out.Load()
	}
	return s
}

// counters are those of a WebSocket.
type counters struct {
	opened, closed                                              atomic.Uint64
	refusedRequest, refusedOrigin, refusedAccept, refusedServer atomic.Uint64
	protocolErrors, tooLarge, pongTimeouts, closeTimeouts       atomic.Uint64
	queueFull                                                   atomic.Uint64

	messages [16]messageCounters
}

// messageCounters count what happens with every message, for the connections of
// one loop, or of a few: on a cache line of their own, lest the loops of many
// cores wait for each other.
type messageCounters struct {
	_       [64]byte
	in, out atomic.Uint64
	_       [64]byte
}

// of returns the message counters for a connection.
func (n *counters) of(c *weir.Conn) *messageCounters {
	const loop = 24 // the bits of a connection's ID from which on they tell the loop
	return &n.messages[c.ID()>>loop%uint64(len(n.messages))]
}
