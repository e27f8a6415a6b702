package client

import (
	"cmp"
	"context"
	"slices"

	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/push/topic"
)

// SubOptions are how a subscription is to be.
type SubOptions struct {
	QoS protocol.QoS

	// From is the cursor behind which to begin, such as one that Subscription.Cursor
	// has returned in another process; the zero Cursor stands for the beginning of what
	// the server has. nil: where the session was, with QoS 1 and Config.Session, or
	// else from now on.
	From *protocol.Cursor

	// ManualAck says that messages of QoS 1 are acknowledged by Message.Ack, rather
	// than when the callback has returned.
	ManualAck bool

	// OnGap is told when messages are missing: the server no longer had them, or, with
	// QoS 0 and an exact topic, has dropped some of the log's. It is called before
	// the callback gets what comes behind the gap.
	OnGap func(Gap)

	// OnPresence is told who has subscribed to the topic and who has gone, if it is
	// set. For exact topics only. What happens while there is no connection is not told.
	OnPresence func(PresenceChange)

	// OnError is told once, if the server refuses the subscription, which has then
	// ended: an *Error.
	OnError func(error)
}

// Gap is where messages are missing. For a filter with wildcards they are missing
// somewhere behind To, which may be From, between what still comes.
type Gap struct {
	Filter string
	From   protocol.Cursor // what was received last; zero if nothing was
	To     protocol.Cursor // what comes is behind this
	Missed uint64          // how many are missing, if that is known: messages of one topic, at most
}

// PresenceChange is who has come and gone lately.
type PresenceChange struct {
	Topic        string
	Joined, Left []string
	Truncated    bool // there would be more
}

// Subscription is what a Client is subscribed to. Its methods may be called from any
// goroutine.
type Subscription struct {
	c       *Client
	filter  string
	handler func(Message)
	options SubOptions

	// Guarded by Client.mu.
	state subState
	known bool   // epoch and offset are
	id    uint32 // of the SUB without answer
	epoch uint64

	// offset is that of the last message the callback had, or the position for filters
	// with wildcards; acked is what may be acknowledged, sent what was. acked <= offset.
	offset, acked, sent uint64

	err   error         // why it has ended
	ready chan struct{} // closed when it is active, or has ended
}

type subState uint8

const (
	subNew    subState = iota // to be sent
	subSent                   // sent, no answer yet
	subActive                 // the server has answered
	subGone                   // ended
)

// Subscribe subscribes to a topic, or to a filter with wildcards. It returns at once:
// the server is told when there is a connection, and again on each new one. handler is
// called for each message; see the package's documentation.
//
// The error is ErrSubscribed, ErrClosed or a *ConfigError. What the server refuses is
// told by SubOptions.OnError and Subscription.Ready.
func (c *Client) Subscribe(filter string, options SubOptions, handler func(Message)) (*Subscription, error) {
	wildcard := false
	if err := topic.CheckFilter(filter, maxFilter); err != nil {
		return nil, &ConfigError{Field: "filter", Problem: err.Error(), Err: err}
	}
	switch wildcard = topic.Wildcard(filter); {
	case handler == nil:
		return nil, &ConfigError{Field: "handler", Problem: "is required"}
	case options.QoS > protocol.AtLeastOnce:
		return nil, &ConfigError{Field: "QoS", Problem: "is neither 0 nor 1"}
	case wildcard && options.OnPresence != nil:
		return nil, &ConfigError{Field: "OnPresence", Problem: "is for exact topics"}
	}
	s := &Subscription{c: c, filter: filter, handler: handler, options: options}
	if from := options.From; from != nil {
		s.epoch, s.offset, s.acked, s.sent, s.known = from.Epoch, from.Offset, from.Offset, from.Offset, true
		s.options.From = nil
	}
	c.mu.Lock()
	defer c.unlock()
	if c.closing {
		return nil, ErrClosed
	}
	list := &c.exact
	if wildcard {
		list = &c.wild
	}
	i, found := find(*list, filter)
	if found {
		return nil, ErrSubscribed
	}
	if wildcard {
		*list = slices.Clone(*list) // message reads it without the mutex
	}
	*list = slices.Insert(*list, i, s)
	c.sendSubs()
	return s, nil
}

// maxFilter is the size in bytes of the longest filter or topic that is sent: servers
// have limits of their own, mostly lower.
const maxFilter = 65535

func find(list []*Subscription, filter string) (int, bool) {
	return slices.BinarySearchFunc(list, filter, func(s *Subscription, f string) int { return cmp.Compare(s.filter, f) })
}

// subscription returns the one to a filter, or nil. c.mu is held.
func (c *Client) subscription(filter string) *Subscription {
	for _, list := range [][]*Subscription{c.exact, c.wild} {
		if i, ok := find(list, filter); ok {
			return list[i]
		}
	}
	return nil
}

// Filter returns what is subscribed to.
func (s *Subscription) Filter() string { return s.filter }

// Ready waits until the server has accepted the subscription. The error is an *Error if
// it has not, ErrUnsubscribed, ErrClosed, or ctx's.
func (s *Subscription) Ready(ctx context.Context) error {
	for {
		s.c.mu.Lock()
		switch s.state {
		case subActive:
			s.c.mu.Unlock()
			return nil
		case subGone:
			err := s.err
			s.c.mu.Unlock()
			return err
		}
		if s.ready == nil {
			s.ready = make(chan struct{})
		}
		ready := s.ready
		s.c.mu.Unlock()
		select {
		case <-ready:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// become changes the state. c.mu is held.
func (s *Subscription) become(state subState) {
	s.state = state
	if s.ready != nil && (state == subActive || state == subGone) {
		close(s.ready)
		s.ready = nil
	}
}

// Unsubscribe ends the subscription. A callback that runs may still do so when
// Unsubscribe returns; there is none after it.
func (s *Subscription) Unsubscribe() {
	c := s.c
	c.mu.Lock()
	defer c.unlock()
	if s.state == subGone {
		return
	}
	if c.connected && s.state != subNew {
		c.sendAcks()
		_ = c.send(protocol.Unsub{Filter: s.filter}) // the end of the connection does as much
	}
	c.drop(s, ErrUnsubscribed)
}

// drop takes a subscription out. c.mu is held.
func (c *Client) drop(s *Subscription, err error) {
	s.err = err
	s.become(subGone)
	if i, ok := find(c.exact, s.filter); ok && c.exact[i] == s {
		c.exact = slices.Delete(c.exact, i, i+1)
	}
	if i, ok := find(c.wild, s.filter); ok && c.wild[i] == s {
		c.wild = slices.Delete(slices.Clone(c.wild), i, i+1)
	}
}

// request is what SUB and HELLO ask for. c.mu is held.
func (s *Subscription) request(id uint32) protocol.Subscription {
	s.id = id
	s.state = subSent
	q := protocol.Subscription{Filter: s.filter, QoS: s.options.QoS, Presence: s.options.OnPresence != nil}
	if s.known {
		// The server takes it as acknowledged. What comes again is left out.
		q.Cursor = &protocol.Cursor{Epoch: s.epoch, Offset: s.acked}
	}
	return q
}

// sendSubs sends SUB for what is new. c.mu is held.
func (c *Client) sendSubs() {
	if !c.connected || c.leaving {
		return
	}
	for _, list := range [][]*Subscription{c.exact, c.wild} {
		for _, s := range list {
			if s.state != subNew {
				continue
			}
			if !c.conn.Writable() {
				return // until OnWritable
			}
			id := c.id()
			if c.send(protocol.Sub{ID: id, Subscription: s.request(id)}) != nil {
				s.state = subNew
				return
			}
		}
	}
}

// disconnectSubs follows the end of a connection. c.mu is held.
func (c *Client) disconnectSubs() {
	for _, list := range [][]*Subscription{c.exact, c.wild} {
		for _, s := range list {
			s.state, s.sent = subNew, 0
		}
	}
	c.unacked, c.wildSent = 0, 0
}

// refuseSub takes an ERR that answers a SUB. c.mu is held.
func (c *Client) refuseSub(id uint32, e *Error) bool {
	for _, list := range [][]*Subscription{c.exact, c.wild} {
		for _, s := range list {
			if s.state != subSent || s.id != id {
				continue
			}
			if e.Temporary {
				s.state = subNew
				c.retryIn(e.RetryAfter)
				return true
			}
			c.drop(s, e)
			if f := s.options.OnError; f != nil {
				c.todo = append(c.todo, func() { f(e) })
			}
			return true
		}
	}
	return false
}

// subscribed takes a SUBOK. c.mu is held.
func (c *Client) subscribed(f *protocol.SubOK) {
	s := c.subscription(f.Filter)
	if s == nil {
		if f.ID != 0 {
			_ = c.send(protocol.Unsub{Filter: f.Filter}) // it was not wanted any more before WELCOME
		}
		return
	}
	to := protocol.Cursor{Epoch: f.Epoch, Offset: f.Offset}
	same := s.known && f.Epoch == s.epoch && f.Offset <= s.offset
	// With wildcards the server does not tell what is missing, but behind which position
	// something is: it may be behind that of this one, too.
	missing := !f.Recovered && topic.Wildcard(s.filter)
	switch {
	case f.ID == 0 && s.state != subActive:
		return
	case f.ID == 0 && same:
		if missing {
			c.gap(s, protocol.Cursor{Epoch: s.epoch, Offset: s.offset})
		}
		return
	case f.ID == 0:
		c.gap(s, to)
	case f.ID != s.id || s.state != subSent:
		return // to one that was unsubscribed
	default:
		s.become(subActive)
		if same && (f.Recovered || s.acked < s.offset && f.Offset >= s.acked) {
			if missing {
				c.gap(s, protocol.Cursor{Epoch: s.epoch, Offset: s.offset})
			}
			s.sent = f.Offset
			return // what comes again is left out, and was not acknowledged if it is missing
		}
		if !f.Recovered {
			c.gap(s, to)
		}
	}
	s.epoch, s.offset, s.acked, s.sent, s.known = f.Epoch, f.Offset, f.Offset, f.Offset, true
}

// gap reports one. c.mu is held.
func (c *Client) gap(s *Subscription, to protocol.Cursor) {
	c.group.counts.gaps.Add(1)
	f := s.options.OnGap
	if f == nil {
		return
	}
	g := Gap{Filter: s.filter, To: to}
	if s.known {
		g.From = protocol.Cursor{Epoch: s.epoch, Offset: s.offset}
		if s.epoch == to.Epoch && to.Offset > s.offset && !topic.Wildcard(s.filter) {
			g.Missed = to.Offset - s.offset
		}
	}
	c.todo = append(c.todo, func() { f(g) })
}

// Cursor returns what was handled so far, to go on from with SubOptions.From in another
// process; with ManualAck it is what was acknowledged. ok is false if it is not known
// yet. In a callback, Message.Cursor is that of its message.
func (s *Subscription) Cursor() (cursor protocol.Cursor, ok bool) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	return protocol.Cursor{Epoch: s.epoch, Offset: s.acked}, s.known
}

// Cursors returns the cursors of all subscriptions, by filter, as far as they are known:
// after Close none, but that of a Subscription is still to be had from itself.
func (c *Client) Cursors() map[string]protocol.Cursor {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]protocol.Cursor, len(c.exact)+len(c.wild))
	for _, list := range [][]*Subscription{c.exact, c.wild} {
		for _, s := range list {
			if s.known {
				all[s.filter] = protocol.Cursor{Epoch: s.epoch, Offset: s.acked}
			}
		}
	}
	return all
}
