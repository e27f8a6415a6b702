package push

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/push/topic"
)

// What a turn of catching up reads at the most, so that those who have missed much do
// not keep the others waiting.
const (
	batchRecords = 256
	batchBytes   = 32 << 10
)

// catchUp sends what waits for a session, QoS 0 first, and what it is behind with, as far
// as its connection takes it. The turn's.
func (c *Session) catchUp() {
	var n tally
	defer func() { c.format.server.count(&n) }()
	c.mu.Lock()
	c.unset(sessionWoken)
	if c.has(sessionEnded) {
		c.mu.Unlock()
		return
	}
	c.dequeue(&n)
	throttled := c.has(sessionThrottled)
	c.mu.Unlock()
	if throttled {
		return // alarmWake will come
	}
	left := batchBytes
	for left > 0 && c.sink.Writable() {
		read, done := c.catchUpSome(left, &n)
		if done {
			return
		}
		left -= read
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nBehind > 0 && c.sink.Writable() {
		c.wakeLocked() // others first; if it is not writable the transport will call
	}
}

// catchUpSome reads from the log once, for one subscription, and returns how much. done
// says that nothing is left to do, or that it has to wait.
func (c *Session) catchUpSome(size int, n *tally) (read int, done bool) {
	c.mu.Lock()
	if c.nBehind == 0 || c.has(sessionEnded) {
		c.mu.Unlock()
		return 0, true
	}
	// Any of them: with a fixed order one that is always behind keeps the others waiting.
	skip := rand.IntN(int(c.nBehind))
	if c.rare != nil && c.rare.wild != nil && c.rare.wild.flags&subBehind != 0 {
		skip--
	}
	if skip < 0 {
		w := c.rare.wild
		w.flags &^= subMore
		filters, after := w.filters, w.sent
		c.mu.Unlock()
		return c.catchUpWild(filters, after, size, n)
	}
	for i := range c.subs {
		if s := &c.subs[i]; s.has(subBehind) {
			if skip--; skip >= 0 {
				continue
			}
			s.flags &^= subMore
			t, after := s.topic, s.sent
			c.mu.Unlock()
			return c.catchUpExact(t, after, size, n)
		}
	}
	c.mu.Unlock()
	return 0, true
}

// catchUpExact reads a topic behind an offset.
func (c *Session) catchUpExact(t *topicState, after uint64, size int, n *tally) (read int, done bool) {
	s := c.format.server
	resident := s.resident(t.name, after)
	records, next, err := s.log.Read(nil, t.name, after, batchRecords, size)
	e := s.log.Topic(t.name)
	if err != nil {
		s.readFailed(c, err)
		return 0, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.subscriptionTo(t)
	if !ok || !c.subs[i].has(subBehind) || c.subs[i].sent != after {
		return 0, false // it has ended, or begun anew
	}
	sub := &c.subs[i]
	if e.First > after+1 && (len(records) == 0 || records[0].Offset > after+1) {
		// The log has removed messages that were still to be sent.
		from := e.First - 1
		if len(records) > 0 {
			from = min(from, records[0].Offset-1)
		}
		s.counts.gaps.Add(1)
		c.sendLocked(&protocol.SubOK{Filter: t.name, QoS: sub.qos(), Epoch: e.Epoch, Offset: from})
		if c.has(sessionEnded) {
			return read, true
		}
		sub.moveTo(max(from, after))
	}
	for _, r := range records {
		if !c.sink.Writable() || !c.transmit(messageOf(r).after(sub.sent), false, n) {
			return read, true
		}
		read += len(r.Data) + 16
		sub.moveTo(r.Offset)
	}
	if next > sub.sent {
		sub.moveTo(next) // the others have expired
	}
	if len(records) == 0 && next >= e.Last && !sub.has(subMore) {
		sub.flags &^= subBehind
		c.behind(-1)
	}
	return read + 16, !resident && s.charge(c, len(records))
}

// after returns the message as the one that follows an offset, for a subscriber from
// whom the ones between were kept because they had expired.
func (m *message) after(sent uint64) *message {
	if m.record.Previous <= sent {
		return m
	}
	other := &message{record: m.record, qos: m.qos}
	other.record.Previous = sent
	return other
}

// qos returns the QoS that was asked for.
func (s *subscription) qos() protocol.QoS {
	if s.has(subAtLeastOnce) {
		return protocol.AtLeastOnce
	}
	return protocol.AtMostOnce
}

// catchUpWild reads the whole log behind a position, for filters with wildcards.
func (c *Session) catchUpWild(filters []wildFilter, after uint64, size int, n *tally) (read int, done bool) {
	s := c.format.server
	resident := s.resident("", after)
	matches := func(name string) bool {
		for i := range filters {
			if topic.Match(filters[i].filter, name) {
				return true
			}
		}
		return false
	}
	records, next, err := s.log.Scan(nil, matches, after, batchRecords, size)
	if err != nil {
		s.readFailed(c, err)
		return 0, true
	}
	e := s.log.All()
	var gone []string // what was removed before it was read is missing in these
	if before(e) > after {
		for _, f := range filters {
			if s.missing(f.filter, max(after, f.from)) {
				gone = append(gone, f.filter)
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rare == nil || c.rare.wild == nil || c.rare.wild.flags&subBehind == 0 {
		return 0, false
	}
	w := c.rare.wild
	if w.sent != after {
		return 0, false // a filter has been added, and the position gone back
	}
	if w.told < before(e) {
		w.told = before(e)
		if c.tellGaps(gone, e.Epoch, after); c.has(sessionEnded) {
			return read, true
		}
	}
	for _, r := range records {
		if _, ok := match(w.filters, r.Topic, r.Position); ok {
			if !c.sink.Writable() || !c.transmit(messageOf(r), true, n) {
				return read, true
			}
			read += len(r.Data) + 16
		}
		w.sent = r.Position
	}
	w.sent = max(w.sent, next)
	if len(records) == 0 && next >= s.log.All().Last && w.flags&subMore == 0 {
		w.flags &^= subBehind
		c.behind(-1)
	}
	return read + 16, !resident && s.charge(c, len(records))
}

// tellGaps tells the client which of its filters have lost messages behind a position.
// c.mu is held.
func (c *Session) tellGaps(filters []string, epoch, after uint64) {
	for _, f := range c.rare.wild.filters {
		if slices.Contains(filters, f.filter) {
			c.format.server.counts.gaps.Add(1)
			c.sendLocked(&protocol.SubOK{Filter: f.filter, QoS: f.qos, Epoch: epoch, Offset: max(after, f.from)})
		}
	}
}

// charge counts records that were read from the disk against ResumeRate, and reports
// whether the session has to wait; it will be woken. c.mu is held.
func (s *Server) charge(c *Session, records int) (wait bool) {
	if s.resumes == nil {
		return false
	}
	now := time.Now()
	d := s.resumes.ReserveN(now, records+1).DelayFrom(now)
	if d <= 0 {
		return false
	}
	c.set(sessionThrottled)
	s.alarms.set(now.Add(d), c, alarmWake)
	return true
}

// readFailed has a session try again.
func (s *Server) readFailed(c *Session, err error) {
	s.config.Logger.Warn("push: the log cannot be read, will be tried again", "err", err)
	s.alarms.set(time.Now().Add(time.Second), c, alarmWake)
}
