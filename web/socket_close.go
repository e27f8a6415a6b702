package web

import (
	"unicode/utf8"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
)

// The end of a WebSocket (RFC 6455, 7.1):
//
//	       Close, Shutdown           the peer's close frame
//	open ──────────────────▶ closing ──────────────────────▶ weir.Conn.Close
//	 │ │                        └────────── CloseTimeout ──────────▲ ▲
//	 │ └── the peer's close frame, which is answered ──────────────┘ │
//	 └──── a protocol error, of which the peer is told ──────────────┘
//
// What ends the connection without any of these, such as a FIN, is abnormal. What
// the peer sends while closing is ignored, but for its close frame; and so is all
// that follows its close frame.

// Close begins to end the socket: it sends a close frame, waits for the peer's for
// up to WebSocket.CloseTimeout, and closes the connection. It returns at once;
// OnClose tells of the end. What was written before is sent, but for a message that
// NextWriter is at, and those that wait behind it. Nothing can be written after that,
// and no message that comes is delivered. Closing again is no error.
//
// code is one that may be sent (websocket.ValidCode), or websocket.NoStatus to send
// none. The error is ErrCloseCode for any other, or one of weir.Conn.Write, in
// which case the connection is closed without a close frame.
//
// To end a socket at once and without a close frame, use Conn().Abort.
func (s *Socket) Close(code int, reason string) error {
	switch {
	case code == websocket.NoStatus && reason == "":
	case !websocket.ValidCode(code), len(reason) > websocket.MaxReason, !utf8.ValidString(reason):
		return ErrCloseCode
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.has(stateCloseSent) {
		return nil
	}
	err := s.sendClose(&CloseError{Code: code, Reason: reason})
	if err != nil {
		s.conn.Close()
		return err
	}
	// The timer, and what weir.Conn keeps for it, is made for sockets that end.
	_, err = s.conn.AfterFunc(s.ws.settings.closeTimeout, s.closeTimeout)
	return err
}

// sendClose sends a close frame, the last frame of all. It needs mu.
func (s *Socket) sendClose(e *CloseError) error {
	s.set(stateCloseSent)
	s.end = e
	code, reason := e.Code, e.Reason
	return s.conn.Append(func(dst []byte) []byte { return websocket.AppendClose(dst, code, reason) })
}

// closeTimeout is called when a peer has had its time to answer a close frame. The
// turn's.
func (s *Socket) closeTimeout(c *weir.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.has(stateCloseReceived) {
		return
	}
	if s.end.Err == nil {
		s.end.Err = ErrCloseTimeout
		s.ws.counters.closeTimeouts.Add(1)
	}
	c.Close()
}

// peerClosed meets the peer's close frame. The turn's.
func (s *Socket) peerClosed(payload []byte) {
	code, reason, err := websocket.ParseClose(payload)
	if err != nil {
		s.refuse(err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(stateCloseReceived)
	if !s.has(stateCloseSent) {
		// The answer "typically echoes the status code" (RFC 6455, 5.5.1).
		s.sendClose(&CloseError{Code: code, Reason: reason, Remote: true}) // if it is refused, the connection ends just the same
	}
	s.conn.Close()
}

// refuse ends a socket whose peer has sent what it must not. The turn's.
func (s *Socket) refuse(err error) {
	code, reason := statusOf(err)
	if code == websocket.TooBig {
		s.ws.counters.tooLarge.Add(1)
	} else {
		s.ws.counters.protocolErrors.Add(1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.has(stateCloseSent):
		s.sendClose(&CloseError{Code: code, Reason: reason, Err: err}) // if it is refused, the connection ends just the same
	case s.end.Err == nil:
		s.end.Err = err
	}
	s.conn.Close()
}

// panicked tells the peer that a callback has panicked, which is about to end the
// connection.
func (s *Socket) panicked() {
	if !s.mu.TryLock() {
		return // by another goroutine, or, were the fault here, by this one
	}
	defer s.mu.Unlock()
	if !s.has(stateCloseSent) {
		s.sendClose(&CloseError{Code: websocket.InternalError}) // best effort
	}
}

// probe pings a peer that has been silent for PingInterval. The turn's.
func (s *Socket) probe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.has(stateCloseSent) {
		return // CloseTimeout has it
	}
	s.rest()
	s.control(websocket.Ping, nil) // best effort: of a peer that reads nothing the pong is awaited just the same
	s.enter(s.phase | phaseAwaiting)
}

// pongTimeout ends a socket whose peer has sent nothing after a ping. The turn's.
func (s *Socket) pongTimeout() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.has(stateCloseSent) {
		return
	}
	s.ws.counters.pongTimeouts.Add(1)
	s.end = abnormal(ErrPongTimeout)
	s.set(stateCloseSent) // nothing more is accepted
	s.conn.Abort()        // there is nobody to wait for
}
