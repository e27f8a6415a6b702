package push

import (
	"sync/atomic"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// maxFormats is how many formats a server can have.
const maxFormats = 4

// message is a message on its way to its receivers, and, with what it was encoded to, as
// long as a log keeps its record in memory. It is immutable once it was appended, but
// for wires.
type message struct {
	record msglog.Record
	qos    protocol.QoS
	wires  [2 * maxFormats]atomic.Pointer[wire] // by lane and format, made when the first needs it
}

// wire is a frame as a transport sends it.
type wire struct {
	sent any
	size int
}

// newMessage makes a message, which keeps data.
func newMessage(topic string, qos protocol.QoS, data []byte) *message {
	m := &message{qos: qos}
	m.record.Topic, m.record.Data, m.record.Owner = topic, data, m
	return m
}

// messageOf returns the message of a record that a log has returned.
func messageOf(r *msglog.Record) *message {
	if m, ok := r.Owner.(*message); ok {
		return m
	}
	return &message{record: *r, qos: protocol.AtLeastOnce}
}

// wire returns the message in a format, for one of the two ways that it takes: to those
// who are subscribed to its topic, or to filters with wildcards. Everybody gets the same.
func (m *message) wire(f *Format, wildcard bool) (*wire, error) {
	p := &m.wires[f.index]
	if wildcard {
		p = &m.wires[maxFormats+f.index]
	}
	if w := p.Load(); w != nil {
		return w, nil
	}
	w, err := f.wire(m.frame(wildcard))
	if err == nil {
		p.Store(w) // two that do this at once have made the same
	}
	return w, err
}

// frame returns what the receivers get.
func (m *message) frame(wildcard bool) *protocol.Msg {
	r := &m.record
	f := &protocol.Msg{Topic: r.Topic, Wildcard: wildcard, Offset: r.Offset, Previous: r.Previous, Data: r.Data}
	if wildcard {
		f.Position = r.Position
	}
	return f
}

// wire encodes a frame in this format.
func (f *Format) wire(frame protocol.Frame) (*wire, error) {
	b, err := protocol.Append(nil, f.Encoding, frame)
	if err != nil {
		return nil, err
	}
	sent, size, err := f.Wrap(b)
	if err != nil {
		return nil, err
	}
	return &wire{sent, size}, nil
}
