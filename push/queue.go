package push

import (
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// dropCause is why a message of QoS 0 was not delivered.
type dropCause uint8

const (
	droppedOldest     dropCause = iota // DropOldest: newer ones needed the room
	droppedLatest                      // KeepLatest: a later one of its topic has come
	droppedDisconnect                  // Disconnect: the session was ended
	droppedEnd                         // it waited when the connection ended
	dropCauses
)

var dropNames = [dropCauses]string{"oldest", "latest", "disconnect", "end"}

// queue is what of QoS 0 waits for a connection that is not writable. Most sessions
// never have one, and those that do lose it when it is empty.
type queue struct {
	waiting fifo[queued]
	size    int // bytes of data, and what each entry takes
}

type queued struct {
	m        *message
	wildcard bool
}

// cost is what an entry counts.
func (q queued) cost() int { return len(q.m.record.Data) + 64 }

// enqueue has a message wait until the connection is writable, by the policy of its
// topic. c.mu is held.
func (c *Session) enqueue(m *message, wildcard bool, n *tally) {
	x := c.ext()
	if x.queue == nil {
		x.queue = &queue{}
	}
	q := x.queue
	policy := DropOldest
	if c.format.server.config.Policy != nil {
		policy = c.format.server.config.Policy(m.record.Topic)
	}
	e := queued{m, wildcard}
	if policy == KeepLatest {
		waiting := q.waiting.all()
		for i := range waiting {
			if old := waiting[i]; old.m.record.Topic == m.record.Topic && old.wildcard == wildcard {
				q.size += e.cost() - old.cost()
				waiting[i] = e
				c.drop(droppedLatest, 1, n)
				return
			}
		}
	}
	q.waiting.push(e)
	q.size += e.cost()
	if q.size <= c.format.server.config.MaxQueue {
		return
	}
	if policy == Disconnect {
		c.drop(droppedDisconnect, uint64(q.waiting.len()), n)
		x.queue = nil
		c.failLocked(refusal(protocol.CodeSlowConsumer, "more waits for this client than it may: it does not read fast enough"))
		return
	}
	for q.size > c.format.server.config.MaxQueue && q.waiting.len() > 0 {
		q.size -= q.waiting.pop().cost()
		c.drop(droppedOldest, 1, n)
	}
}

// drop counts messages that were dropped. c.mu is held.
func (c *Session) drop(cause dropCause, count uint64, n *tally) {
	c.ext().dropped += count
	n.dropped[cause] += count
}

// dequeue sends what waits, as far as the connection takes it. c.mu is held.
func (c *Session) dequeue(n *tally) {
	if c.rare == nil || c.rare.queue == nil {
		return
	}
	q := c.rare.queue
	for q.waiting.len() > 0 {
		e := q.waiting.front()
		if x := e.m.record.Expires; x != 0 && x <= time.Now().UnixMilli() {
			c.format.server.counts.expired.Add(1)
			q.size -= q.waiting.pop().cost()
			continue
		}
		if !c.sink.Writable() || !c.transmit(e.m, e.wildcard, n) {
			return
		}
		q.size -= q.waiting.pop().cost()
	}
	c.rare.queue = nil
}
