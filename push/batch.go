package push

import "sync"

// What a batch has at the most.
const (
	maxBatch      = 32
	maxBatchBytes = 16 << 10
)

// batch is messages of one topic that wait in a lane at the same time: each receiver
// gets them with one write, if it is up to it. When much is published, that is where the
// cost of it is saved.
type batch struct {
	all       []*publication
	receivers []int64 // of each
	uniform   bool    // all are in the log, or none is

	audience []uint32
	next     int // audience[:next] have been served

	joined [maxFormats]*wire // by format, made for the first that takes it
}

// batches lends batches, for the slices in them.
var batches = sync.Pool{New: func() any { return new(batch) }}

func (b *batch) release() {
	clear(b.all)
	*b = batch{all: b.all[:0], receivers: b.receivers[:0], audience: b.audience[:0]}
	batches.Put(b)
}

// take takes what waits in front of a lane, of one topic, or returns nil. The lane is the
// caller's.
func (f *fanOut) take(l *lane) *batch {
	f.mu.Lock()
	if l.waiting.len() == 0 {
		f.mu.Unlock()
		return nil
	}
	b := batches.Get().(*batch)
	b.uniform = true
	for size := 0; l.waiting.len() > 0 && len(b.all) < maxBatch && size < maxBatchBytes; {
		p := *l.waiting.front()
		r := &p.m.record
		if len(b.all) > 0 {
			first := &b.all[0].m.record
			if r.Topic != first.Topic {
				break
			}
			b.uniform = b.uniform && (r.Offset == 0) == (first.Offset == 0)
		}
		size += len(r.Data)
		b.all, b.receivers = append(b.all, l.waiting.pop()), append(b.receivers, 0)
	}
	f.mu.Unlock()
	b.audience = f.audience(l, b.all[0].m.record.Topic, b.audience)
	return b
}

// wire returns the messages of a batch as they are sent together.
func (b *batch) wire(f *Format, wildcard bool) (*wire, error) {
	p := &b.joined[f.index] // a batch is of one lane
	if *p != nil {
		return *p, nil
	}
	parts := make([]any, len(b.all))
	size := 0
	for i, x := range b.all {
		w, err := x.m.wire(f, wildcard)
		if err != nil {
			return nil, err
		}
		parts[i] = w.sent
		size += w.size
	}
	*p = &wire{f.Join(parts), size}
	return *p, nil
}

// deliverBatch gives a session the messages of a topic that it may be subscribed to.
func (c *Session) deliverBatch(t *topicState, b *batch, n *tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := c.subscriptionTo(t)
	if !ok {
		return // no longer
	}
	s := &c.subs[i]
	first, last := &b.all[0].m.record, &b.all[len(b.all)-1].m.record
	if c.mayJoin(b) && (first.Offset == 0 || first.Offset > s.sent && !s.has(subBehind)) && c.transmitBatch(b, false, n) {
		if last.Offset != 0 {
			s.moveTo(last.Offset)
		}
		return
	}
	for k, p := range b.all {
		sent := n.sent
		if !c.deliver(i, p.m, n) {
			return
		}
		b.receivers[k] += int64(n.sent - sent)
	}
}

// deliverWildBatch is the same for filters with wildcards.
func (c *Session) deliverWildBatch(b *batch, n *tally) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rare == nil || c.rare.wild == nil {
		return // no longer
	}
	w := c.rare.wild
	first, last := &b.all[0].m.record, &b.all[len(b.all)-1].m.record
	if c.mayJoin(b) && (first.Position == 0 || first.Position > w.sent && w.flags&subBehind == 0) {
		if _, ok := match(w.filters, first.Topic, first.Position); ok && c.transmitBatch(b, true, n) {
			w.sent = max(w.sent, last.Position)
			return
		}
	}
	for k, p := range b.all {
		sent := n.sent
		if !c.deliverWild(p.m, n) {
			return
		}
		b.receivers[k] += int64(n.sent - sent)
	}
}

// mayJoin reports whether a session may get a batch with one write. c.mu is held.
func (c *Session) mayJoin(b *batch) bool {
	return len(b.all) > 1 && b.uniform && c.format.Join != nil && !c.has(sessionEnded) &&
		(c.rare == nil || c.rare.queue == nil) && c.sink.Writable()
}

// transmitBatch is transmit for a batch. c.mu is held.
func (c *Session) transmitBatch(b *batch, wildcard bool, n *tally) bool {
	w, err := b.wire(c.format, wildcard)
	if err != nil {
		return false // transmit will say what is wrong
	}
	if c.sink.Send(w.sent) != nil {
		return false // and so will it
	}
	for i := range b.receivers {
		b.receivers[i]++
	}
	n.sent += uint64(len(b.all))
	n.bytes += uint64(w.size)
	return true
}
