package push

import (
	"github.com/weir-go/weir/push/protocol"
)

// tally is what a slice of a fan-out has come to, to be added to the counters at once.
type tally struct {
	sent, bytes uint64
	dropped     [dropCauses]uint64
}

// deliver gives a session a message of a topic that it may be subscribed to.
func (c *Session) deliver(t *topicState, m *message, n *tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.subscriptionTo(t)
	if !ok {
		return // no longer
	}
	if offset := m.record.Offset; offset != 0 {
		s := &c.subs[i]
		if offset <= s.sent {
			return // it has come from the log
		}
		if s.has(subBehind) {
			s.flags |= subMore
			return
		}
		if !s.has(subAtLeastOnce) {
			s.sent = offset
		} else if c.sink.Writable() && c.transmit(m, false, n) {
			s.moveTo(offset)
			return
		} else {
			s.flags |= subBehind
			c.behind(1)
			return
		}
	}
	c.deliverOnce(m, false, n)
}

// deliverWild gives a session a message that matches one of its filters with wildcards.
func (c *Session) deliverWild(m *message, n *tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rare == nil || c.rare.wild == nil {
		return // no longer
	}
	w := c.rare.wild
	position := m.record.Position
	qos, ok := match(w.filters, m.record.Topic, position)
	if !ok {
		return
	}
	if position != 0 {
		if position <= w.sent {
			return
		}
		if w.flags&subBehind != 0 {
			if qos == protocol.AtLeastOnce {
				w.flags |= subMore
				return
			}
		} else if qos == protocol.AtMostOnce {
			w.sent = position
		} else if c.sink.Writable() && c.transmit(m, true, n) {
			w.sent = position
			return
		} else {
			w.flags |= subBehind
			c.behind(1)
			return
		}
	}
	c.deliverOnce(m, true, n)
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
		c.server.config.Logger.Error("push: a message cannot be encoded, and is left out", "topic", m.record.Topic, "err", err)
		return true
	}
	if err := c.sink.Send(w.sent); err != nil {
		c.retryLocked()
		return false
	}
	n.sent++
	n.bytes += uint64(w.size)
	return true
}
