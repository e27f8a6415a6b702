package msglog

import (
	"sync/atomic"
	"time"
)

// Cached keeps the latest messages of another log in memory as well: those of topics
// that are watched, or were until lately, for Read, and the latest of all topics for
// Scan. What it has without a gap up to the end is served from there, everything else
// from the other log.
//
// Of its MemoryOptions Keep (1,000 messages, 1 MiB, 10 minutes), Retention, MaxBytes,
// MaxTopics and Now are about what is in memory. Those for Scan may take another quarter
// of MaxBytes, but are mostly the same ones; they are at most MaxBytes / 1,024 messages.
type Cached struct {
	rings // no sequence: recent has the order
	back  Log

	recent      ring // guarded by rings.mu
	recentCost  int64
	recentFrom  uint64 // it has everything behind this position
	recentUntil uint64

	hits, misses atomic.Uint64
}

var (
	_ Log  = (*Cached)(nil)
	_ Gaps = (*Cached)(nil)
)

// NewCached returns a log in front of another, which it owns.
func NewCached(back Log, o MemoryOptions) *Cached {
	o = o.withDefaults()
	c := &Cached{back: back}
	c.o, c.topics = o, make(map[string]*entry)
	c.recentFrom = back.All().Last
	c.recentUntil = c.recentFrom
	return c
}

// Append implements Log. The other log has the records first.
func (c *Cached) Append(records []*Record) error {
	if err := c.back.Append(records); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range records {
		if r.Duplicate || c.closed {
			continue
		}
		c.remember(r)
		if e := c.topics[r.Topic]; e != nil {
			if e.epoch != r.Epoch || e.last+1 != r.Offset {
				// It begins here: nothing before it is known.
				for e.ring.n > 0 {
					c.trim(e)
				}
				e.epoch, e.trimmed = r.Epoch, r.Offset-1
			}
			since := e.since.Load()
			c.add(e, r)
			if !e.watched {
				e.since.Store(since) // only being watched is a reason to stay
			}
		}
	}
	return nil
}

// remember adds a record to the latest of all.
func (c *Cached) remember(r *Record) {
	if r.Position != c.recentUntil+1 {
		c.recent, c.recentCost, c.recentFrom = ring{}, 0, r.Position-1
	}
	c.recent.push(r)
	c.recentUntil = r.Position
	for c.recentCost += costOf(r); c.recentCost > c.o.MaxBytes/4 || int64(c.recent.n) > c.o.MaxBytes/1024+1; {
		c.forgetOldest()
	}
}

func (c *Cached) forgetOldest() {
	r := c.recent.pop()
	c.recentCost -= costOf(r)
	c.recentFrom = r.Position
}

// Read implements Log.
func (c *Cached) Read(dst []*Record, name string, after uint64, max, size int) ([]*Record, uint64, error) {
	extent := c.back.Topic(name)
	now := millis(c.o.Now())
	c.mu.RLock()
	// The ring has to be as far as the other log, and to begin where the reader is.
	e := c.topics[name]
	from := after
	if extent.First > 0 && from < extent.First-1 {
		from = extent.First - 1
	}
	if e != nil && e.epoch == extent.Epoch && e.last >= extent.Last && from >= e.trimmed && !c.closed {
		dst, after = e.read(dst, from, max, size, now)
		c.mu.RUnlock()
		c.hits.Add(1)
		return dst, after, nil
	}
	c.mu.RUnlock()
	if extent.Epoch != 0 && after < extent.Last {
		c.misses.Add(1)
	}
	return c.back.Read(dst, name, after, max, size)
}

// Scan implements Log. match is called without a lock.
func (c *Cached) Scan(dst []*Record, match func(string) bool, after uint64, max, size int) ([]*Record, uint64, error) {
	buffer := scanBuffers.Get().(*[scanBuffer]*Record)
	defer func() {
		clear(buffer[:])
		scanBuffers.Put(buffer)
	}()
	last := c.back.All().Last
	pick := picker{match: match, max: max, size: size, now: millis(c.o.Now())}
	for left, first := scanSlots, true; left > 0; left, first = left-scanBuffer, false {
		c.mu.RLock()
		if c.closed || after < c.recentFrom || c.recentUntil < last {
			c.mu.RUnlock()
			if !first { // it has been overtaken
				return dst, after, nil
			}
			if after < last {
				c.misses.Add(1)
			}
			return c.back.Scan(dst, match, after, max, size)
		}
		found := buffer[:0]
		for i := c.recent.behindPosition(after); i < c.recent.n && len(found) < scanBuffer; i++ {
			found = append(found, c.recent.at(i))
		}
		c.mu.RUnlock()
		if first {
			c.hits.Add(1)
		}
		for _, r := range found {
			var full bool
			if dst, full = pick.take(dst, r); full {
				return dst, after, nil
			}
			after = r.Position
		}
		if len(found) < scanBuffer {
			break
		}
	}
	return dst, after, nil
}

// Watch implements Log. The ring of a topic that was not watched fills from now on.
func (c *Cached) Watch(name string, watched bool) {
	c.back.Watch(name, watched)
	c.watch(name, watched, newEpoch(), millis(c.o.Now()))
}

// Sweep implements Log.
func (c *Cached) Sweep(now time.Time) error {
	c.sweep(millis(now))
	c.mu.Lock()
	for c.recent.n > 0 && millis(now)-c.recent.at(0).Time > c.o.Keep.Age.Milliseconds() {
		c.forgetOldest()
	}
	c.mu.Unlock()
	return c.back.Sweep(now)
}

// Stats implements Log: those of the other log, with the hits and misses here.
func (c *Cached) Stats() Stats {
	s := c.back.Stats()
	s.Hits, s.Misses = c.hits.Load(), c.misses.Load()
	return s
}

// InMemory returns how many messages are in memory, and the bytes of their data.
func (c *Cached) InMemory() (messages int, bytes int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return int(c.messages), c.bytes
}

// Close implements Log, and closes the other log.
func (c *Cached) Close() error {
	c.close()
	c.mu.Lock()
	c.recent = ring{}
	c.mu.Unlock()
	return c.back.Close()
}

// What follows is the other log's alone.

// Topic implements Log.
func (c *Cached) Topic(name string) Extent { return c.back.Topic(name) }

// Touch implements Log.
func (c *Cached) Touch(name string) (Extent, error) { return c.back.Touch(name) }

// All implements Log.
func (c *Cached) All() Extent { return c.back.All() }

// Missing implements Gaps. If the other log does not, it goes by All().First.
func (c *Cached) Missing(match func(string) bool, after uint64) bool {
	if g, ok := c.back.(Gaps); ok {
		return g.Missing(match, after)
	}
	return after+1 < c.back.All().First
}

// Topics implements Log.
func (c *Cached) Topics(dst []TopicInfo, prefix, after string, max int) ([]TopicInfo, error) {
	return c.back.Topics(dst, prefix, after, max)
}

// SaveCursors implements Log.
func (c *Cached) SaveCursors(cursors map[string][]byte) error { return c.back.SaveCursors(cursors) }

// LoadCursors implements Log.
func (c *Cached) LoadCursors(key string) ([]byte, error) { return c.back.LoadCursors(key) }
