package push

import (
	"cmp"
	"slices"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/push/topic"
)

// subscription is one to an exact topic: 24 bytes, as there may be a hundred for each of
// a hundred thousand sessions. Guarded by the session's mutex.
//
// sent is the offset up to which everything was sent, or left out with the subscriber's
// consent. A message of the log is sent as it comes only if the subscription is not
// behind; otherwise it is noted that there is more, and catchUp reads it from the log:
//
//	             the socket is full, or the cursor is an old one
//	keeping up ──────────────────────────────────────────────────▶ behind
//	           ◀──────────────────────────────────────────────────
//	             the log has no more, and nothing has come since it was asked
//
// So what is read and what comes live meet without a gap, and nothing is sent twice.
type subscription struct {
	topic   *topicState
	sent    uint64
	unacked uint32 // how many of those sent are not acknowledged, if acknowledgements count; saturates
	flags   subFlags
}

type subFlags uint8

const (
	subAtLeastOnce subFlags = 1 << iota
	subBehind               // what comes is read from the log, when the sink is writable
	subMore                 // something has come since the log was asked last
)

func (s *subscription) has(f subFlags) bool { return s.flags&f != 0 }

// moveTo notes that everything up to an offset was sent.
func (s *subscription) moveTo(offset uint64) {
	if s.has(subAtLeastOnce) {
		s.unacked = uint32(min(uint64(s.unacked)+offset-s.sent, 1<<32-1))
	}
	s.sent = offset
}

// acked returns the offset up to which everything was acknowledged.
func (s *subscription) acked() uint64 { return s.sent - uint64(s.unacked) }

// subscriptionTo returns the place of the subscription to a topic, or where it would
// have to be.
func (c *Session) subscriptionTo(t *topicState) (int, bool) {
	if len(c.subs) <= 4 {
		for i := range c.subs {
			if c.subs[i].topic == t {
				return i, true
			}
		}
	}
	return slices.BinarySearchFunc(c.subs, t.serial, func(s subscription, serial uint64) int {
		return cmp.Compare(s.topic.serial, serial)
	})
}

// insert puts a subscription in its place. Slices grow by an eighth, as most have found
// their size when a client has said what it wants.
func (c *Session) insert(i int, s subscription) {
	if n := len(c.subs); n == cap(c.subs) {
		grown := make([]subscription, n, n+n/8+1)
		copy(grown, c.subs)
		c.subs = grown
	}
	c.subs = slices.Insert(c.subs, i, s)
}

// wild is what a session has of filters with wildcards: they share one position, since a
// message reaches the session once for all of them. Guarded by the session's mutex.
type wild struct {
	filters []wildFilter // replaced, never changed, so that it may be read without the mutex
	sent    uint64       // position
	acked   uint64       // position
	told    uint64       // position: what of the log was removed up to it, the client knows
	flags   subFlags     // subAtLeastOnce: a filter has it
}

// wildFilter is a filter, and the position that it begins behind.
type wildFilter struct {
	filter string
	qos    protocol.QoS
	from   uint64
}

// match returns the QoS for which a message of the log, or of none (position 0), is
// to be sent.
func match(filters []wildFilter, name string, position uint64) (qos protocol.QoS, ok bool) {
	for i := range filters {
		f := &filters[i]
		if (position == 0 || position > f.from) && topic.Match(f.filter, name) {
			ok = true
			if qos = max(qos, f.qos); qos == protocol.AtLeastOnce {
				break
			}
		}
	}
	return qos, ok
}

// subscribe is what SUB and HELLO ask for. The turn's.
func (c *Session) subscribe(id uint32, q protocol.Subscription) {
	if err := c.checkSubscription(&q); err != nil {
		c.refuse(id, err)
		return
	}
	if topic.Wildcard(q.Filter) {
		c.subscribeWild(id, q)
	} else {
		c.subscribeExact(id, q)
	}
}

// checkSubscription checks whether it may be.
func (c *Session) checkSubscription(q *protocol.Subscription) *Error {
	s := c.format.server
	switch err := topic.CheckFilter(q.Filter, s.config.MaxTopic); {
	case err != nil:
		return &Error{Code: protocol.CodeTopic, Message: err.Error(), Err: err}
	case q.QoS > protocol.AtLeastOnce:
		return refusal(protocol.CodeQoS, "the qos of a subscription is 0 or 1")
	case !allowed(c.who().Subscribe, q.Filter):
		return refusal(protocol.CodeForbidden, "the token does not allow to subscribe to "+q.Filter)
	case c.subscriptions() >= s.config.MaxSubs && !c.subscribed(q.Filter):
		return refusal(protocol.CodeTooManySubs, "the session has as many subscriptions as it may")
	}
	if q.QoS == protocol.AtLeastOnce && q.Cursor == nil {
		q.Cursor = c.remembered(q.Filter)
	}
	return nil
}

// start returns where a subscription to a topic begins in what the log has, and whether
// nothing is missing between its cursor and that.
func (s *Server) start(cursor *protocol.Cursor, e msglog.Extent) (from uint64, recovered bool) {
	switch {
	case cursor == nil:
		return e.Last, true
	case *cursor == protocol.Cursor{}:
		return before(e), true
	case e.Has(cursor.Epoch, cursor.Offset):
		return cursor.Offset, s.resumed(true)
	}
	return before(e), s.resumed(false)
}

// startWild is start for a filter with wildcards, whose topics may have lost messages
// while older ones of others are still there.
func (s *Server) startWild(cursor *protocol.Cursor, e msglog.Extent, filter string) (from uint64, recovered bool) {
	switch {
	case cursor == nil:
		return e.Last, true
	case *cursor == protocol.Cursor{}:
		return 0, true
	case cursor.Epoch != e.Epoch || cursor.Offset > e.Last:
		return 0, s.resumed(false)
	}
	return cursor.Offset, s.resumed(!s.missing(filter, cursor.Offset))
}

// resumed counts how a resumption has gone.
func (s *Server) resumed(recovered bool) bool {
	if recovered {
		s.counts.resumed.Add(1)
	} else {
		s.counts.lost.Add(1)
	}
	return recovered
}

// missing reports whether the log has removed messages that a filter matches, behind a
// position.
func (s *Server) missing(filter string, after uint64) bool {
	first := before(s.log.All())
	if first <= after {
		return false
	}
	if g, ok := s.log.(msglog.Gaps); ok {
		return g.Missing(func(name string) bool { return topic.Match(filter, name) }, after)
	}
	return true
}

// subscribeExact subscribes to a topic. The turn's.
func (c *Session) subscribeExact(id uint32, q protocol.Subscription) {
	s := c.format.server
	c.mu.Lock() // until SUBOK is sent nothing is delivered
	defer c.mu.Unlock()
	if c.has(sessionEnded) {
		return
	}
	// From here on messages that are appended are delivered, or wait for the mutex. So
	// those that the extent does not count are not missed.
	t := s.topics.add(s.log, q.Filter, c.id, q.Presence)
	e, err := s.log.Touch(t.name)
	i, again := c.subscriptionTo(t)
	if err != nil {
		if !again {
			s.topics.remove(s.log, t, c.id)
		}
		c.refuseLocked(id, unavailable(err))
		return
	}
	from, recovered := s.start(q.Cursor, e)
	n := subscription{topic: t, sent: from}
	if q.QoS == protocol.AtLeastOnce {
		n.flags |= subAtLeastOnce
	}
	if again {
		if c.subs[i].has(subBehind) {
			c.behind(-1)
		}
		c.subs[i] = n
	} else {
		c.insert(i, n)
		s.counts.subs.Add(1)
	}
	c.takePlaceLocked(q.Filter)
	c.sendLocked(&protocol.SubOK{ID: id, Filter: q.Filter, QoS: q.QoS, Epoch: e.Epoch, Offset: from, Recovered: recovered})
	if c.has(sessionEnded) {
		return // the answer did not fit
	}
	if from < e.Last {
		c.subs[i].flags |= subBehind
		c.behind(1)
		c.wakeLocked()
	}
	c.touchLocked()
	if !again {
		s.presence.note(t, c, true)
	}
}

// subscribeWild subscribes to a filter with wildcards. The turn's.
func (c *Session) subscribeWild(id uint32, q protocol.Subscription) {
	s := c.format.server
	if q.Presence {
		c.refuse(id, refusal(protocol.CodeTopic, "presence is for exact topics"))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(sessionEnded) {
		return
	}
	if c.ext().wild == nil {
		c.ext().wild = &wild{}
	}
	w := c.ext().wild
	s.wild.mu.Lock()
	added := s.wild.tree.Add(q.Filter, c.id)
	s.wild.mu.Unlock()
	e := s.log.All()
	from, recovered := s.startWild(q.Cursor, e, q.Filter)

	filters := slices.Clone(w.filters)
	n := wildFilter{q.Filter, q.QoS, from}
	if i := slices.IndexFunc(filters, func(f wildFilter) bool { return f.filter == q.Filter }); i >= 0 {
		filters[i] = n
	} else {
		filters = append(filters, n)
	}
	if added {
		s.counts.subs.Add(1)
	}
	// The others are sent again what this one wants and they have had: the client
	// leaves that out, by the positions.
	if len(w.filters) == 0 {
		w.sent, w.acked = from, from
	}
	w.sent, w.acked = min(w.sent, from), min(w.acked, from)
	w.filters = filters
	w.told = max(w.told, before(e))
	w.setQoS()
	c.takePlaceLocked(q.Filter)
	c.sendLocked(&protocol.SubOK{ID: id, Filter: q.Filter, QoS: q.QoS, Epoch: e.Epoch, Offset: from, Recovered: recovered})
	if c.has(sessionEnded) {
		return // the answer did not fit
	}
	if w.sent < e.Last && w.flags&subBehind == 0 {
		w.flags |= subBehind
		c.behind(1)
		c.wakeLocked()
	}
	c.touchLocked()
}

// setQoS notes whether one of the filters has QoS 1.
func (w *wild) setQoS() {
	w.flags &^= subAtLeastOnce
	for _, f := range w.filters {
		if f.qos == protocol.AtLeastOnce {
			w.flags |= subAtLeastOnce
		}
	}
}

// unsubscribe is what UNSUB asks for.
func (c *Session) unsubscribe(filter string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.takePlaceLocked(filter)
	if topic.Wildcard(filter) {
		c.unsubscribeWild(filter)
		return
	}
	t := c.format.server.topics.lookup(filter)
	if t == nil {
		return
	}
	if i, ok := c.subscriptionTo(t); ok {
		if c.subs[i].has(subBehind) {
			c.behind(-1)
		}
		c.subs = slices.Delete(c.subs, i, i+1)
		c.format.server.counts.subs.Add(-1)
		c.format.server.topics.remove(c.format.server.log, t, c.id)
		c.format.server.presence.note(t, c, false)
		c.touchLocked()
	}
}

func (c *Session) unsubscribeWild(filter string) {
	if c.rare == nil || c.rare.wild == nil {
		return
	}
	w := c.rare.wild
	i := slices.IndexFunc(w.filters, func(f wildFilter) bool { return f.filter == filter })
	if i < 0 {
		return
	}
	w.filters = slices.Delete(slices.Clone(w.filters), i, i+1)
	w.setQoS()
	s := c.format.server
	s.wild.mu.Lock()
	s.wild.tree.Remove(filter, c.id)
	s.wild.mu.Unlock()
	s.counts.subs.Add(-1)
	if len(w.filters) == 0 {
		if w.flags&subBehind != 0 {
			c.behind(-1)
		}
		c.rare.wild = nil
	}
	c.touchLocked()
}

// unsubscribeAll is for the end of a session. c.mu is held.
func (c *Session) unsubscribeAll() {
	s := c.format.server
	for i := range c.subs {
		if c.subs[i].has(subBehind) {
			c.behind(-1)
		}
		s.topics.remove(s.log, c.subs[i].topic, c.id)
		s.presence.note(c.subs[i].topic, c, false)
	}
	s.counts.subs.Add(-int64(len(c.subs)))
	c.subs = nil
	if c.rare == nil || c.rare.wild == nil {
		return
	}
	w := c.rare.wild
	s.wild.mu.Lock()
	for _, f := range w.filters {
		s.wild.tree.Remove(f.filter, c.id)
	}
	s.wild.mu.Unlock()
	s.counts.subs.Add(-int64(len(w.filters)))
	if w.flags&subBehind != 0 {
		c.behind(-1)
	}
	c.rare.wild = nil
}

// subscriptions returns how many there are. The turn's.
func (c *Session) subscriptions() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.subs)
	if c.rare != nil && c.rare.wild != nil {
		n += len(c.rare.wild.filters)
	}
	return n
}

// subscribed reports whether there is a subscription to a filter. The turn's.
func (c *Session) subscribed(filter string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if topic.Wildcard(filter) {
		return c.rare != nil && c.rare.wild != nil &&
			slices.ContainsFunc(c.rare.wild.filters, func(f wildFilter) bool { return f.filter == filter })
	}
	t := c.format.server.topics.lookup(filter)
	if t == nil {
		return false
	}
	_, ok := c.subscriptionTo(t)
	return ok
}

// allowed reports whether one of the filters covers another.
func allowed(granted []string, filter string) bool {
	for _, g := range granted {
		if topic.Covers(g, filter) {
			return true
		}
	}
	return false
}

// before returns the offset behind which a log has everything.
func before(e msglog.Extent) uint64 { return max(e.First, 1) - 1 }
