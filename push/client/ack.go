package client

import "github.com/weir-go/weir/push/protocol"

// ackEvery is the number of messages after which ACK is sent at once.
const ackEvery = 32

// Ack acknowledges everything up to a cursor, which Message.Cursor has returned. It is
// for ManualAck; it does nothing for a cursor of another epoch, or behind what was
// acknowledged already.
func (s *Subscription) Ack(cursor protocol.Cursor) {
	c := s.c
	c.mu.Lock()
	defer c.unlock()
	if s.state == subGone || cursor.Epoch != s.epoch || cursor.Offset <= s.acked {
		return
	}
	// The message of the callback that runs is not counted in offset yet.
	s.acked = cursor.Offset
	s.offset = max(s.offset, s.acked)
	if s.options.QoS == protocol.AtLeastOnce {
		c.ackSoon()
	}
}

// ackSoon has ACK sent with others, within Config.AckDelay. c.mu is held.
func (c *Client) ackSoon() {
	if !c.connected {
		return
	}
	if c.unacked++; c.unacked >= ackEvery {
		c.sendAcks()
	} else if c.ackBy == 0 {
		c.ackBy = c.group.now() + c.config.AckDelay
		c.arm()
	}
}

// sendAcks acknowledges what may be: each exact subscription by itself, and all filters
// with wildcards together, at the position that the last of them has reached. c.mu is
// held.
func (c *Client) sendAcks() {
	if c.unacked == 0 || !c.connected {
		return
	}
	c.unacked = 0
	b := scratches.Get().(*scratch)
	defer b.release()
	n := uint64(0)
	add := func(a protocol.Ack) {
		if b.add(c, a) == nil {
			n++
		}
	}
	for _, s := range c.exact {
		if s.options.QoS == protocol.AtLeastOnce && s.known && s.acked > s.sent {
			s.sent = s.acked
			add(protocol.Ack{Filter: s.filter, Offset: s.acked})
		}
	}
	position := uint64(0)
	for _, s := range c.wild {
		if s.options.QoS == protocol.AtLeastOnce && s.known && (position == 0 || s.acked < position) {
			position = s.acked
		}
	}
	if position > c.wildSent {
		c.wildSent = position
		add(protocol.Ack{Offset: position})
	}
	if n == 0 {
		return
	}
	c.group.counts.acks.Add(n)
	_, _ = c.conn.Write(b.out) // what is lost is acknowledged with later messages
}
