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
	size  int         // of the message
	frame []byte      // immutable, as what follows
	parts []*Prepared // of JoinPrepared

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

// JoinPrepared returns several messages as one Prepared, which is sent with a single
// write: for those who have more than one message for the same sockets. They arrive as
// the messages that they are.
func JoinPrepared(messages ...*Prepared) *Prepared {
	j := &Prepared{}
	for _, p := range messages {
		j.size += p.size
		j.frame = append(j.frame, p.frame...)
		if p.parts == nil {
			j.parts = append(j.parts, p)
		} else {
			j.parts = append(j.parts, p.parts...)
		}
	}
	return j
}

// Len returns the size of the message in bytes.
func (p *Prepared) Len() int { return p.size }

// messages returns how many there are.
func (p *Prepared) messages() int {
	if p.parts == nil {
		return 1
	}
	return len(p.parts)
}

// compressed returns the frame of the message, compressed, or nil if it has less than
// threshold bytes, or gains nothing. For joined ones the first caller's threshold holds.
func (p *Prepared) compressed(threshold int) []byte {
	if p.parts == nil && p.size < threshold {
		return nil
	}
	p.once.Do(func() {
		if p.parts != nil {
			p.deflated = p.joinCompressed(threshold)
			return
		}
		var d websocket.Deflater
		data := d.Append(nil, p.frame[len(p.frame)-p.size:])
		if len(data) < p.size {
			p.deflated = websocket.AppendFrame(make([]byte, 0, len(data)+10), p.op, true, true, data)
		}
	})
	return p.deflated
}

// joinCompressed joins the parts, those compressed that gain by it. It returns nil if
// none does.
func (p *Prepared) joinCompressed(threshold int) (frames []byte) {
	any := false
	for _, m := range p.parts {
		frame := m.frame
		if f := m.compressed(threshold); f != nil {
			frame, any = f, true
		}
		frames = append(frames, frame...)
	}
	if !any {
		return nil
	}
	return frames
}

// WritePrepared sends a prepared message. It is as Write otherwise.
//
// A message that was compressed for all refers to none before, so every peer can
// inflate it, whatever came before. But the messages after it must not refer to
// what came before it either, since the socket's deflater does not know of it; with
// CompressionTakeover, it begins anew.
func (s *Socket) WritePrepared(p *Prepared) error {
	frame, deflated := p.frame, false
	if s.has(stateDeflate) {
		if f := p.compressed(s.ws.settings.threshold); f != nil {
			frame, deflated = f, true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.has(stateCloseSent):
		return weir.ErrClosed
	case s.stream != nil:
		return s.stream.extend(len(p.frame), p.messages(), func(dst []byte) []byte { return append(dst, p.frame...) })
	}
	if err := s.conn.WriteOwned(frame, nil); err != nil {
		return err
	}
	if deflated && s.deflater != nil {
		s.deflater.Reset()
	}
	s.ws.counters.of(s.conn).out.Add(uint64(p.messages()))
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
