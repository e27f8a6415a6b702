package push

import (
	"errors"
	"net"

	"github.com/weir-go/weir/push/protocol"
)

// tally is what a slice of a fan-out has come to, to be added to the counters at once.
type tally struct {
	sent, bytes uint64
	dropped     [dropCauses]uint64
}

// deliver gives a session a message of a topic, c.subs[i] being the subscription. It
// reports false if the session has ended. c.mu is held.
func (c *Session) deliver(i int, m *message, n *tally) bool {
	if offset := m.record.Offset; offset != 0 {
		s := &c.subs[i]
		if offset <= s.sent {
			return true // it has come from the log
		}
		if s.has(subBehind) {
			s.flags |= subMore
			return true
		}
		if !s.has(subAtLeastOnce) {
			s.sent = offset
		} else if c.sink.Writable() && c.transmit(m, false, n) {
			s.moveTo(offset)
			return true
		} else {
			s.flags |= subBehind
			c.behind(1)
			return true
		}
	}
	c.deliverOnce(m, false, n)
	return !c.has(sessionEnded)
}

// deliverWild gives a session a message that may match one of its filters with
// wildcards. It reports false if the session has ended. c.mu is held.
func (c *Session) deliverWild(m *message, n *tally) bool {
	w := c.rare.wild
	position := m.record.Position
	qos, ok := match(w.filters, m.record.Topic, position)
	if !ok {
		return true
	}
	if position != 0 {
		if position <= w.sent {
			return true
		}
		if w.flags&subBehind != 0 {
			w.flags |= subMore // also for QoS 0: a position stands for all filters
			return true
		} else if qos == protocol.AtMostOnce {
			w.sent = position
		} else if c.sink.Writable() && c.transmit(m, true, n) {
			w.sent = position
			return true
		} else {
			w.flags |= subBehind
			c.behind(1)
			return true
		}
	}
	c.deliverOnce(m, true, n)
	return !c.has(sessionEnded)
}

// deliverOnce sends a message at most once: if the connection does not take it, it waits
// in the session's queue, or is dropped. c.mu is held.
func (c *Session) deliverOnce(m *message, wildcard bool, n *tally) {
	if c.has(sessionEnded) {
		return
	}
	if (c.rare == nil || c.rare.queue == nil) && c.sink.Writable() && c.transmit(m, wildcard, n) {
		return
	}
	c.enqueue(m, wildcard, n)
}

// transmit sends a message, or reports false. c.mu is held.
func (c *Session) transmit(m *message, wildcard bool, n *tally) bool {
	w, err := m.wire(c.format, wildcard)
	if err != nil {
		c.format.server.config.Logger.Error("push: a message cannot be encoded, and is left out", "topic", m.record.Topic, "err", err)
		return true
	}
	if err := c.sink.Send(w.sent); err != nil {
		if !errors.Is(err, net.ErrClosed) {
			c.retryLocked()
		}
		return false
	}
	n.sent++
	n.bytes += uint64(w.size)
	return true
}
