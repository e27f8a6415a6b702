package client

import (
	"errors"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// publisher is what a client has published with QoS 1 and got no answer to:
//
//	flight (sent on this connection)          waiting (in order of their serials)
//	1 ─ 2 ─ 3                                 4 ─ 5 ─ 6 ─ ...
//	└─ PUBACK                                 └─ sent when fewer than MaxFlight are in flight
//
// When a connection ends, or the server refuses for the time being, publications go back
// to their place in waiting, and are sent again with the same message id. So messages
// are stored in order, unless the server has refused some in between.
type publisher struct {
	prefix  string
	serial  uint64
	flight  pubList
	waiting pubList
	sent    int // in flight
	count   int // of both that are not abandoned
	bytes   int // of their data
	paused  bool
	attempt int // refused in a row
}

// publication is a message without answer. protocol.Pub.ID is 0 while it waits.
type publication struct {
	protocol.Pub
	serial     uint64
	tried      bool
	abandoned  bool // nobody wants to know any more; it is in flight nevertheless
	done       func(Receipt, error)
	prev, next *publication
}

// pubList is a list of them.
type pubList struct{ first, last *publication }

func (l *pubList) insertAfter(p, at *publication) {
	p.prev = at
	if at != nil {
		p.next, at.next = at.next, p
	} else {
		p.next, l.first = l.first, p
	}
	if p.next != nil {
		p.next.prev = p
	} else {
		l.last = p
	}
}

func (l *pubList) remove(p *publication) {
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		l.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		l.last = p.prev
	}
	p.prev, p.next = nil, nil
}

// add takes in a new publication.
func (q *publisher) add(p *publication) {
	q.count++
	q.bytes += len(p.Data)
	q.waiting.insertAfter(p, q.waiting.last)
}

// forget takes one out of the counting.
func (q *publisher) forget(p *publication) {
	if !p.abandoned {
		q.count--
		q.bytes -= len(p.Data)
	}
}

// land takes one out of flight.
func (q *publisher) land(p *publication) {
	q.flight.remove(p)
	q.sent--
}

// putBack returns one that was sent to its place.
func (q *publisher) putBack(p *publication) {
	q.land(p)
	if p.abandoned {
		return
	}
	p.ID = 0
	var at *publication
	for n := q.waiting.first; n != nil && n.serial < p.serial; n = n.next {
		at = n
	}
	q.waiting.insertAfter(p, at)
}

// inFlight returns the one that was sent with an ID; mostly it is the first.
func (q *publisher) inFlight(id uint32) *publication {
	for p := q.flight.first; p != nil; p = p.next {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// publishing reports whether publications are without answer. c.mu is held.
func (c *Client) publishing() bool { return c.pubs != nil && c.pubs.count > 0 }

// pump sends what waits, as far as the server and the connection take it. c.mu is held.
func (c *Client) pump() {
	q := c.pubs
	if q == nil || !c.connected || c.leaving || q.paused {
		return
	}
	most := int(c.limits.flight)
	if most == 0 {
		most = c.config.MaxWaiting
	}
	for q.waiting.first != nil && q.sent < most && c.conn.Writable() {
		p := q.waiting.first
		if err := c.fits(&p.Pub); err != nil {
			q.waiting.remove(p)
			c.answer(p, Receipt{}, err)
			continue
		}
		p.ID = c.id()
		if err := c.send(&p.Pub); err != nil {
			p.ID = 0
			if errors.Is(err, protocol.ErrUnencodable) {
				q.waiting.remove(p)
				c.answer(p, Receipt{}, err)
				continue
			}
			c.retryIn(0) // or after the reconnect, or OnWritable
			return
		}
		q.waiting.remove(p)
		q.flight.insertAfter(p, q.flight.last)
		q.sent++
		if p.tried {
			c.group.counts.resent.Add(1)
		}
		p.tried = true
	}
}

// answer tells whoever has published p, which is in neither list any more. c.mu is held.
func (c *Client) answer(p *publication, r Receipt, err error) {
	c.pubs.forget(p)
	if p.done != nil && !p.abandoned {
		r.MessageID = p.MessageID
		done := p.done
		c.todo = append(c.todo, func() { done(r, err) })
	}
	if c.closing && !c.publishing() {
		c.finish()
	}
}

// abandon has a publication not be sent any more. It reports false if it was answered.
func (c *Client) abandon(p *publication) bool {
	c.mu.Lock()
	defer c.unlock()
	q := c.pubs
	switch {
	case p.abandoned:
		return false
	case p.ID == 0 && (p.prev != nil || q.waiting.first == p):
		q.waiting.remove(p)
	case p.ID != 0 && (p.prev != nil || q.flight.first == p):
		// Its answer is awaited still, as it counts for the server.
	default:
		return false
	}
	c.pubs.forget(p)
	p.abandoned, p.Data, p.done = true, nil, nil
	if c.closing && !c.publishing() {
		c.finish()
	}
	return true
}

// stored takes a PUBACK. c.mu is held.
func (c *Client) stored(f *protocol.PubAck) {
	if c.pubs == nil {
		return
	}
	p := c.pubs.inFlight(f.ID)
	if p == nil {
		return
	}
	c.pubs.land(p)
	c.pubs.attempt = 0
	c.group.counts.published.Add(1)
	c.answer(p, Receipt{Epoch: f.Epoch, Offset: f.Offset, Duplicate: f.Duplicate}, nil)
	c.pump()
}

// refusePub takes an ERR that answers a PUB of QoS 1. c.mu is held.
func (c *Client) refusePub(id uint32, e *Error) bool {
	if c.pubs == nil {
		return false
	}
	p := c.pubs.inFlight(id)
	if p == nil {
		return false
	}
	if !e.Temporary {
		c.pubs.land(p)
		c.answer(p, Receipt{}, e)
		c.pump()
		return true
	}
	q := c.pubs
	q.putBack(p)
	wait := e.RetryAfter
	if !q.paused { // or else it is one more of those that were sent together
		q.paused = true
		wait += backoff(q.attempt, c.group.config.Random())
		q.attempt = min(q.attempt+1, manyAttempts)
	}
	c.retryIn(wait)
	return true
}

// retryIn has what was refused sent again. c.mu is held.
func (c *Client) retryIn(d time.Duration) {
	if d <= 0 {
		d = backoff(0, c.group.config.Random())
	}
	c.retryAt = max(c.retryAt, c.group.now()+d)
	c.arm()
}

// disconnectPubs follows the end of a connection. c.mu is held.
func (c *Client) disconnectPubs() {
	if q := c.pubs; q != nil {
		for q.flight.last != nil {
			q.putBack(q.flight.last)
		}
		q.paused = false
	}
}

// failPubs answers all publications with err. c.mu is held.
func (c *Client) failPubs(err error) {
	if q := c.pubs; q != nil {
		c.disconnectPubs()
		for p := q.waiting.first; p != nil; p = q.waiting.first {
			q.waiting.remove(p)
			c.answer(p, Receipt{}, err)
		}
	}
}
