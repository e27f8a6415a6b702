package web

import (
	"net"
	"sync"
	"sync/atomic"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
)

// Socket is one WebSocket. Its methods may be called from any goroutine, at any
// time: after the socket has ended, those that write return weir.ErrClosed. A
// Socket is not reused, so it may be kept.
//
// An idle Socket owns no buffer and no goroutine: it is this struct, 104 bytes on
// 64-bit machines, beside its weir.Conn.
type Socket struct {
	// Immutable once OnOpen has been called.
	conn   *weir.Conn
	ws     *WebSocket
	chosen uint16 // the subprotocol, from 1 on; 0: none

	// The turn's, that is of whoever runs a callback.
	phase phase

	// state is written under mu only, and read without it where a moment more
	// or less does not matter.
	state atomic.Uint32

	reader websocket.Reader // the turn's, too

	mu       sync.Mutex          // guards what follows; taken before weir.Conn's
	deflater *websocket.Deflater // with context takeover, once something was compressed
	stream   *messageWriter      // what NextWriter has returned and is not closed, or nil
	end      *CloseError         // how the socket ends, as soon as that is known
	value    any                 // Context
}

// The state of a Socket.
const (
	stateDeflate       uint32 = 1 << iota // messages may be compressed; immutable
	stateTakeover                         // and refer to the ones before; immutable
	stateCloseSent                        // nothing more is sent
	stateCloseReceived                    // nothing more comes
	stateDeflated                         // the deflater has been used since the last probe
)

// SocketOf returns the Socket of a connection, for weir.Server's Each and the like.
// It returns false for connections which have not become WebSockets.
func SocketOf(c *weir.Conn) (*Socket, bool) {
	s, ok := c.Context().(*Socket)
	return s, ok
}

// Conn returns the connection, for its addresses, its ID, its backlog, PauseRead and
// Abort. Its Context is the socket's, and what is written to it goes past the
// WebSocket's framing.
func (s *Socket) Conn() *weir.Conn { return s.conn }

// LocalAddr returns the address on this side.
func (s *Socket) LocalAddr() net.Addr { return s.conn.LocalAddr() }

// RemoteAddr returns the address of the peer. Each call makes a new one; see also
// weir.Conn.RemoteAddrPort.
func (s *Socket) RemoteAddr() net.Addr { return s.conn.RemoteAddr() }

// Subprotocol returns the one that was negotiated, of WebSocket.Subprotocols, or
// "".
func (s *Socket) Subprotocol() string {
	if s.chosen == 0 {
		return ""
	}
	return s.ws.Subprotocols[s.chosen-1]
}

// Context returns what SetContext, or Handshake.SetContext, has stored, or nil.
func (s *Socket) Context() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value
}

// SetContext stores a value of the user's with the socket.
func (s *Socket) SetContext(v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = v
}

// start is called in the connection's turn when the response to the handshake has
// been written, and before any frame is decoded.
func (s *Socket) start(c *weir.Conn) {
	s.conn = c
	c.SetContext(s)
	s.ws.counters.opened.Add(1)
	if s.ws.OnOpen != nil {
		s.guard(func() { s.ws.OnOpen(s) })
	}
}

// guard calls f and tells the peer of a panic. The panic goes on: it is weir.Conn
// that ends the connection and logs it.
func (s *Socket) guard(f func()) {
	done := false
	defer func() {
		if !done {
			s.panicked()
		}
	}()
	f()
	done = true
}

// enter switches to another phase. The turn's.
func (s *Socket) enter(p phase) {
	if p != s.phase {
		s.phase = p
		s.conn.Switch(s.ws.table[p]) // refused only if the connection is dead, when no more frames come but those that have been received
	}
}

// receive takes a frame. The turn's.
func (s *Socket) receive(frame []byte) {
	op, data, err := s.reader.Next(frame)
	if err != nil {
		s.refuse(err)
		return
	}
	switch op {
	case websocket.Ping:
		s.pong(data)
	case websocket.Pong:
		if s.ws.OnPong != nil && !s.has(stateCloseSent) {
			s.ws.OnPong(s, data)
		}
	case websocket.Close:
		s.peerClosed(data)
	case websocket.Continuation:
		if s.reader.Text() {
			s.enter(s.phase | phaseText)
		}
	default:
		s.enter(s.phase &^ phaseText)
		if !s.has(stateCloseSent) {
			s.ws.counters.of(s.conn).in.Add(1)
			if s.ws.OnMessage != nil {
				s.ws.OnMessage(s, op, data)
			}
		}
		s.reader.Release()
	}
}

// ended is the end, after the last frame. The turn's.
func (s *Socket) ended(err error) {
	s.mu.Lock()
	if s.end == nil {
		s.end = abnormal(err)
	} else if s.end.Err == nil && !s.has(stateCloseReceived) {
		// It has begun with our close frame, which nobody has answered.
		s.end.Err = abnormal(err).Err
	}
	s.set(stateCloseSent)
	if s.stream != nil {
		s.stream.finish() // its own goroutine will meet the end
	} else if s.deflater != nil {
		s.deflater.Reset()
	}
	s.deflater = nil
	e := s.end
	s.mu.Unlock()
	if s.reader.Inflater == &s.ws.inflater {
		s.reader.Inflater = nil // it is the others', too
	}
	s.reader.Reset()
	s.ws.counters.closed.Add(1)
	if s.ws.OnClose != nil {
		s.ws.OnClose(s, e)
	}
}

func (s *Socket) has(flags uint32) bool { return s.state.Load()&flags != 0 }

// set and unset need mu.
func (s *Socket) set(flags uint32)   { s.state.Store(s.state.Load() | flags) }
func (s *Socket) unset(flags uint32) { s.state.Store(s.state.Load() &^ flags) }
