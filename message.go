package weir

import (
	"iter"
	"sync/atomic"

	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/internal/buffer"
)

// Message is bytes that are encoded once and sent on many connections, without a
// copy for any of them. It is counted by reference: NewMessage gives one
// reference to the caller, who gives it back with Release. Its methods, and the
// sending, may be called from any goroutine.
type Message struct {
	data []byte
	buf  *buffer.Buffer
	refs atomic.Int32
}

// NewMessage encodes payload as one frame of c, or copies it if c is nil.
func NewMessage(c codec.Codec, payload []byte) (*Message, error) {
	if c == nil {
		c = codec.Raw{}
	}
	m := &Message{buf: buffer.Get(len(payload) + 16)}
	var err error
	if m.data, err = c.Append(m.buf.B[:0], payload); err != nil {
		buffer.Put(m.buf)
		return nil, err
	}
	m.buf.B = m.data
	m.refs.Store(1)
	return m, nil
}

// Len returns the size of the encoded message in bytes.
func (m *Message) Len() int { return len(m.data) }

func (m *Message) retain() { m.refs.Add(1) }

// Release gives a reference back. The message must not be sent after that by
// whoever has released it.
func (m *Message) Release() {
	switch n := m.refs.Add(-1); {
	case n == 0:
		buffer.Put(m.buf)
		m.data, m.buf = nil, nil
	case n < 0:
		panic("weir: Message released more often than it was retained")
	}
}

// Broadcast sends m on each of the connections and returns on how many it was
// accepted. Connections that are closed or overflow do not hold up the others.
// See also Server.Broadcast.
func Broadcast(conns iter.Seq[*Conn], m *Message) (accepted int) {
	for c := range conns {
		if c.WriteMessage(m) == nil {
			accepted++
		}
	}
	return accepted
}
