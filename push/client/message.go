package client

import (
	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/push/topic"
)

// Message is one that has come for a Subscription.
type Message struct {
	Topic string
	Data  []byte // valid until the callback returns

	// Offset is that of the message in its topic; 0: it is of QoS 0, and not in the
	// server's log.
	Offset uint64

	s     *Subscription
	epoch uint64
	at    uint64 // offset or position
}

// Subscription returns the one that the message has come for.
func (m Message) Subscription() *Subscription { return m.s }

// Cursor returns the cursor behind which a subscription goes on after this message; ok
// is false for messages of QoS 0, which have none.
func (m Message) Cursor() (cursor protocol.Cursor, ok bool) {
	return protocol.Cursor{Epoch: m.epoch, Offset: m.at}, m.at != 0
}

// Ack acknowledges the message, and with it all messages of the subscription before it.
// It is for ManualAck, and may be called any time later, from any goroutine.
func (m Message) Ack() {
	if c, ok := m.Cursor(); ok && m.s != nil {
		m.s.Ack(c)
	}
}

// message takes a MSG. It reports false if there must be none yet. The turn's.
func (c *Client) message(conn *weir.Conn, f *protocol.Msg) bool {
	c.mu.Lock()
	switch {
	case c.conn != conn:
		c.mu.Unlock()
		return true
	case !c.connected:
		c.mu.Unlock()
		return false
	case f.Wildcard:
		wild := c.wild
		c.mu.Unlock()
		for _, s := range wild {
			c.deliver(s, f, f.Position)
		}
		return true
	}
	i, ok := find(c.exact, f.Topic)
	if !ok {
		c.mu.Unlock()
		return true
	}
	s := c.exact[i]
	c.mu.Unlock()
	c.deliver(s, f, f.Offset)
	return true
}

// deliver gives a message to a subscription, if it wants it. at is the offset or the
// position, 0 for messages of QoS 0. The turn's.
func (c *Client) deliver(s *Subscription, f *protocol.Msg, at uint64) {
	c.mu.Lock()
	if s.state != subActive {
		c.mu.Unlock()
		return // its SUBOK says from where on
	}
	if at != 0 && at <= s.offset {
		c.mu.Unlock()
		c.group.counts.duplicates.Add(1)
		return
	}
	if f.Wildcard && !topic.Match(s.filter, f.Topic) {
		c.advance(s, at, s.acked == s.offset)
		c.unlock()
		return
	}
	epoch := s.epoch
	if !f.Wildcard && at != 0 && f.Previous > s.offset && s.options.QoS == protocol.AtMostOnce {
		c.gap(s, protocol.Cursor{Epoch: epoch, Offset: f.Previous})
	}
	c.unlock()

	s.handler(Message{Topic: f.Topic, Data: f.Data, Offset: f.Offset, s: s, epoch: epoch, at: at})
	c.group.counts.messages.Add(1)
	if at == 0 {
		return
	}
	c.mu.Lock()
	defer c.unlock()
	if s.state != subGone {
		c.advance(s, at, !s.options.ManualAck)
	}
}

// advance notes that the callback has had everything up to at, and whether that may be
// acknowledged. c.mu is held.
func (c *Client) advance(s *Subscription, at uint64, ack bool) {
	if at <= s.offset {
		return
	}
	s.offset = at
	if ack {
		s.acked = at
	}
	if ack && s.options.QoS == protocol.AtLeastOnce {
		c.ackSoon()
	}
}
