package web

import (
	"sync"
	"unsafe"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/internal/buffer"
)

// Write sends data as one message, op being Text or Binary. All of it is accepted,
// or nothing: then err is ErrOpcode, weir.ErrClosed if the socket is closing or has
// ended, or another of those that weir.Conn's Write lists, for a peer that does not
// read. data is the caller's again when Write returns. A text has to be UTF-8, or
// the peer will end the connection; that is not checked here.
//
// Write never blocks, and messages never interleave. Within a callback of the
// socket, what is written leaves when the frames that came with one read have been
// handled; see weir.Conn's Write and Flush. A message that is written while another
// one is being sent by NextWriter waits for its end, in a queue of
// WebSocket.MaxQueued bytes; beyond that it is refused with weir.ErrBacklog.
func (s *Socket) Write(op Opcode, data []byte) error {
	if op != Text && op != Binary {
		return ErrOpcode
	}
	if s.has(stateDeflate) && len(data) >= s.ws.settings.threshold {
		return s.writeDeflated(op, data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.send(op, false, data)
}

// WriteText is Write(Text, text), without a copy of the text.
func (s *Socket) WriteText(text string) error {
	return s.Write(Text, unsafe.Slice(unsafe.StringData(text), len(text))) // which only reads it
}

// WriteBinary is Write(Binary, data).
func (s *Socket) WriteBinary(data []byte) error { return s.Write(Binary, data) }

// Ping sends a ping, which the peer answers with a pong that carries the same data,
// of 125 bytes at the most. See WebSocket.OnPong. There is no need for pings to keep
// the connection alive: see WebSocket.PingInterval. The error is ErrPingSize or one
// of Write.
func (s *Socket) Ping(data []byte) error {
	if len(data) > 125 {
		return ErrPingSize
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.control(websocket.Ping, data)
}

// pong answers a ping.
func (s *Socket) pong(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.control(websocket.Pong, data) // if it is refused, the peer does not read, or is not to be answered
}

// All that follows needs mu, unless it says otherwise.

// control sends a control frame, which may go between the fragments of a message.
func (s *Socket) control(op Opcode, data []byte) error {
	if s.has(stateCloseSent) {
		return weir.ErrClosed
	}
	return s.frame(op, true, false, data)
}

// send sends a message that is encoded as far as compression is concerned.
func (s *Socket) send(op Opcode, deflated bool, payload []byte) error {
	if s.has(stateCloseSent) {
		return weir.ErrClosed
	}
	if s.stream != nil {
		return s.stream.enqueue(op, deflated, payload)
	}
	if err := s.frame(op, true, deflated, payload); err != nil {
		return err
	}
	s.ws.counters.of(s.conn).out.Add(1)
	return nil
}

// writeDeflated compresses a message and sends it. It takes mu itself.
//
// Without context takeover messages are compressed in parallel. With it the order
// of compressing has to be the order of sending, so mu is held meanwhile; and
// while NextWriter has the deflater the message goes plain, which is always
// permitted.
func (s *Socket) writeDeflated(op Opcode, data []byte) error {
	b := buffer.Get(len(data)/2 + 64)
	defer buffer.Put(b)
	if !s.has(stateTakeover) {
		b.B = s.ws.deflater.Append(b.B[:0], data)
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(b.B) >= len(data) {
			return s.send(op, false, data)
		}
		return s.send(op, true, b.B)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stream != nil || s.has(stateCloseSent) {
		return s.send(op, false, data)
	}
	d := s.takeover()
	b.B = d.Append(b.B[:0], data)
	err := s.send(op, true, b.B)
	if err != nil {
		d.Reset() // the peer does not know what it would refer to
	}
	return err
}

// takeover returns the deflater with context takeover, to be used at once.
func (s *Socket) takeover() *websocket.Deflater {
	s.set(stateDeflated)
	if s.deflater == nil {
		s.deflater = &websocket.Deflater{Level: s.ws.CompressionLevel, Takeover: true}
	}
	return s.deflater
}

// rest gives back the memory of a deflater that has not been used since the last
// call. The messages after that refer to none before, which is always permitted.
func (s *Socket) rest() {
	if s.deflater != nil && s.stream == nil && !s.has(stateDeflated) {
		s.deflater.Reset()
	}
	s.unset(stateDeflated)
}

// appendMax is the size of the largest payload that is copied behind its header
// in the outbound buffer. A larger one goes to the socket from where it is, if the
// socket takes it.
const appendMax = 480

// frame sends one frame.
func (s *Socket) frame(op Opcode, fin, deflated bool, payload []byte) error {
	if len(payload) <= appendMax {
		return s.conn.Append(func(dst []byte) []byte {
			return websocket.AppendFrame(dst, op, fin, deflated, payload)
		})
	}
	v := vectors.Get().(*vector)
	v.slices[0] = websocket.AppendHeader(v.header[:0], op, fin, deflated, len(payload))
	v.slices[1] = payload
	_, err := s.conn.Writev(v.slices[:])
	v.slices[1] = nil
	vectors.Put(v)
	return err
}

// vector is a frame as Writev wants it.
type vector struct {
	header [10]byte
	slices [2][]byte
}

var vectors = sync.Pool{New: func() any { return new(vector) }}
