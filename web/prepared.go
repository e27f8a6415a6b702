package web

import (
	"iter"
	"sync"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
)

// Prepared is a message that is encoded once and sent on many sockets, without a
// copy for any of them. It is compressed once, too, when the first socket comes that
// has negotiated compression. It may be used from any goroutine, any number of times.
type Prepared struct {
	op    Opcode
	size  int    // of the message
	frame []byte // immutable, as what follows

	once     sync.Once
	deflated []byte // nil if it would be no smaller
}

// NewPrepared prepares a message, op being Text or Binary. data is copied. The error
// is ErrOpcode.
func NewPrepared(op Opcode, data []byte) (*Prepared, error) {
	if op != Text && op != Binary {
		return nil, ErrOpcode
	}
	frame := make([]byte, 0, len(data)+10)
	return &Prepared{op: op, size: len(data), frame: websocket.AppendFrame(frame, op, true, false, data)}, nil
}

// Len returns the size of the message in bytes.
func (p *Prepared) Len() int { return p.size }

// compressed returns the frame of the compressed message, or nil.
func (p *Prepared) compressed() []byte {
	p.once.Do(func() {
		var d websocket.Deflater
		data := d.Append(nil, p.frame[len(p.frame)-p.size:])
		if len(data) < p.size {
			p.deflated = websocket.AppendFrame(make([]byte, 0, len(data)+10), p.op, true, true, data)
		}
	})
	return p.deflated
}

// WritePrepared sends a prepared message. It is as Write otherwise.
//
// A message that was compressed for all refers to none before, so every peer can
// inflate it, whatever came before. But the messages after it must not refer to
// what came before it either, since the socket's deflater does not know of it; with
// CompressionTakeover, it begins anew.
func (s *Socket) WritePrepared(p *Prepared) error {
	frame, deflated := p.frame, false
	if s.has(stateDeflate) && p.size >= s.ws.settings.threshold {
		if f := p.compressed(); f != nil {
			frame, deflated = f, true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.has(stateCloseSent):
		return weir.ErrClosed
	case s.stream != nil:
		return s.stream.enqueue(p.op, false, p.frame[len(p.frame)-p.size:])
	}
	if err := s.conn.WriteOwned(frame, nil); err != nil {
		return err
	}
	if deflated && s.deflater != nil {
		s.deflater.Reset()
	}
	s.ws.counters.of(s.conn).out.Add(1)
	return nil
}

// Broadcast sends p on each of the sockets and returns on how many it was accepted.
// Sockets that are closed or overflow do not hold up the others. For all sockets of
// a server see weir.Server's Each and SocketOf.
func Broadcast(sockets iter.Seq[*Socket], p *Prepared) (accepted int) {
	for s := range sockets {
		if s.WritePrepared(p) == nil {
			accepted++
		}
	}
	return accepted
}
