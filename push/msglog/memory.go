package msglog

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weir-go/weir/push/msglog/internal/dedup"
	"github.com/weir-go/weir/push/msglog/internal/page"
)

// MemoryOptions bound what is kept in memory. The zero value of every field is a
// default.
type MemoryOptions struct {
	// Keep bounds each topic. Its zero fields: 1,000 messages, 1 MiB of data, 10
	// minutes. Negative ones: no bound. The latest message of a topic is kept even
	// if it alone is larger than Bytes.
	Keep Retention

	// Retention, if set, chooses the bounds of a topic when it becomes known; zero
	// fields of what it returns are taken from Keep. It is called with locks held: it
	// must be quick and not call the log.
	Retention func(topic string) Retention

	// MaxBytes bounds all messages together, each counted with 200 bytes for what is
	// around it. Beyond it the topics that nobody has watched for the longest lose
	// theirs first, the oldest first; then the watched ones in turn. 0: 256 MiB.
	MaxBytes int64

	// MaxTopics bounds the topics that are remembered, with or without messages; one
	// without takes about 250 bytes. Beyond it the one that nobody has watched for
	// the longest is forgotten, preferably one without messages. Those that are
	// watched are not forgotten and may be more: they are bounded by the
	// subscriptions that the log's owner allows. 0: 1,000,000.
	MaxTopics int

	// MaxCursors bounds the sessions whose cursors are kept; the ones that were
	// stored the longest ago are forgotten first. 0: 100,000.
	MaxCursors int

	// DedupCount and DedupAge bound the window in which duplicates are recognised: a
	// message is one if a message with its Publisher and MessageID, whatever its
	// topic, is among the latest DedupCount that have a MessageID and not older than
	// DedupAge. 0: 100,000, 2 minutes. Negative DedupCount: there are no duplicates.
	DedupCount int
	DedupAge   time.Duration

	// Now is the clock. nil: time.Now.
	Now func() time.Time
}

func (o MemoryOptions) withDefaults() MemoryOptions {
	o.Keep = o.Keep.or(Retention{Count: 1000, Bytes: 1 << 20, Age: 10 * time.Minute}).bounded()
	if o.MaxBytes <= 0 {
		o.MaxBytes = 256 << 20
	}
	if o.MaxTopics <= 0 {
		o.MaxTopics = 1_000_000
	}
	if o.MaxCursors <= 0 {
		o.MaxCursors = 100_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// retention returns the bounds of a topic, those of all sharing one Retention.
func (o *MemoryOptions) retention(topic string) *Retention {
	if o.Retention == nil {
		return &o.Keep
	}
	k := o.Retention(topic).or(o.Keep).bounded()
	if k == o.Keep {
		return &o.Keep
	}
	return &k
}

// or returns k with zero fields taken from d.
func (k Retention) or(d Retention) Retention {
	if k.Count == 0 {
		k.Count = d.Count
	}
	if k.Bytes == 0 {
		k.Bytes = d.Bytes
	}
	if k.Age == 0 {
		k.Age = d.Age
	}
	return k
}

// bounded returns k with negative fields, which are no bounds, made large.
func (k Retention) bounded() Retention {
	if k.Count < 0 {
		k.Count = math.MaxInt
	}
	if k.Bytes < 0 {
		k.Bytes = math.MaxInt64
	}
	if k.Age < 0 {
		k.Age = math.MaxInt64
	}
	return k
}

// Memory is a Log that lives as long as the process: Append never fails but after Close.
// Topics without messages that nobody watches are forgotten when their retention's age
// has passed, at most an hour.
type Memory struct {
	rings
	epoch uint64

	// Guarded by rings.mu.
	position uint64
	clock    int64 // the latest Time given to a record: it does not go back
	window   *dedup.Window
	appended uint64
	repeated uint64

	hits    atomic.Uint64
	cursors cursors
}

var (
	_ Log  = (*Memory)(nil)
	_ Gaps = (*Memory)(nil)
)

// NewMemory returns an empty log.
func NewMemory(o MemoryOptions) *Memory {
	o = o.withDefaults()
	m := &Memory{epoch: newEpoch(), window: dedup.New(o.DedupCount, o.DedupAge)}
	m.o, m.seq, m.topics = o, &sequence{}, make(map[string]*entry)
	m.cursors.max = o.MaxCursors
	return m
}

// Append implements Log. The records themselves are kept, with their Owner.
func (m *Memory) Append(records []*Record) error {
	now := millis(m.o.Now())
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	m.clock = max(m.clock, now)
	for _, r := range records {
		k := dedup.Key{Publisher: r.Publisher, ID: r.MessageID}
		if k.ID != "" {
			if p, ok := m.window.Find(k, m.clock); ok {
				r.Duplicate, r.Time = true, p.Time
				r.Epoch, r.Offset, r.Previous, r.Position = p.Epoch, p.Offset, p.Previous, p.Position
				m.repeated++
				continue
			}
		}
		e := m.topics[r.Topic]
		if e == nil {
			e = m.make(r.Topic, newEpoch(), m.clock)
		}
		m.position++
		r.Duplicate, r.Time, r.Epoch = false, m.clock, e.epoch
		r.Offset, r.Previous, r.Position = e.last+1, e.last, m.position
		m.add(e, r)
		m.appended++
		if k.ID != "" {
			m.window.Add(k, dedup.Place{Time: r.Time, Epoch: r.Epoch, Offset: r.Offset, Previous: r.Previous, Position: r.Position})
		}
	}
	return nil
}

// Topic implements Log.
func (m *Memory) Topic(name string) Extent {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if e := m.topics[name]; e != nil {
		return e.extent()
	}
	return Extent{}
}

// Touch implements Log.
func (m *Memory) Touch(name string) (Extent, error) {
	now := millis(m.o.Now())
	m.mu.RLock()
	e, closed := m.topics[name], m.closed
	if e != nil && !closed {
		defer m.mu.RUnlock()
		e.since.Store(now)
		return e.extent(), nil
	}
	m.mu.RUnlock()
	if closed {
		return Extent{}, ErrClosed
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e = m.topics[name]; e == nil {
		e = m.make(name, newEpoch(), now)
	}
	return e.extent(), nil
}

// All implements Log.
func (m *Memory) All() Extent {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return Extent{Epoch: m.epoch, First: m.trimmed + 1, Last: m.position}
}

// Read implements Log.
func (m *Memory) Read(dst []*Record, name string, after uint64, max, size int) ([]*Record, uint64, error) {
	now := millis(m.o.Now())
	m.hits.Add(1)
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return dst, after, ErrClosed
	}
	e := m.topics[name]
	if e == nil {
		return dst, after, nil
	}
	dst, after = e.read(dst, after, max, size, now)
	return dst, after, nil
}

// scanSlots is how many records a Scan looks at before it returns, and scanBuffer how
// many at a time.
const (
	scanSlots  = 4096
	scanBuffer = 256
)

var scanBuffers = sync.Pool{New: func() any { return new([scanBuffer]*Record) }}

// Scan implements Log. match is called without a lock.
func (m *Memory) Scan(dst []*Record, match func(string) bool, after uint64, max, size int) ([]*Record, uint64, error) {
	now := millis(m.o.Now())
	m.hits.Add(1)
	buffer := scanBuffers.Get().(*[scanBuffer]*Record)
	defer func() {
		clear(buffer[:])
		scanBuffers.Put(buffer)
	}()
	pick := picker{match: match, max: max, size: size, now: now}
	for left := scanSlots; left > 0; left -= scanBuffer {
		m.mu.RLock()
		if m.closed {
			m.mu.RUnlock()
			return dst, after, ErrClosed
		}
		last := m.position
		if after >= last {
			m.mu.RUnlock()
			break
		}
		found, next := m.seq.collect(buffer[:0], after, last, scanBuffer+1)
		m.mu.RUnlock()
		for _, r := range found {
			var full bool
			if dst, full = pick.take(dst, r); full {
				return dst, after, nil
			}
			after = r.Position
		}
		after = next
	}
	return dst, after, nil
}

// picker chooses among records that are looked at in order.
type picker struct {
	match     func(string) bool // nil: all
	max, size int
	now       int64
	taken     bool
}

// take appends r if it is wanted. full means that it would not fit.
func (p *picker) take(dst []*Record, r *Record) (_ []*Record, full bool) {
	if expired(r, p.now) || p.match != nil && !p.match(r.Topic) {
		return dst, false
	}
	if p.max <= 0 || p.taken && len(r.Data) > p.size {
		return dst, true
	}
	p.max--
	p.size -= len(r.Data)
	p.taken = true
	return append(dst, r), false
}

// Missing implements Gaps.
func (m *Memory) Missing(match func(string) bool, after uint64) bool {
	return page.Missing(match, func(i int, names []string) ([]string, int, bool) {
		m.mu.RLock()
		defer m.mu.RUnlock()
		if after >= m.trimmed || m.closed {
			return names, 0, false
		}
		if i = min(i, len(m.all)); after < m.vanished {
			return names, i, true
		}
		for n := page.Slice; i > 0 && n > 0; n-- {
			i--
			if e := m.all[i]; e.gap > after {
				names = append(names, e.name)
			}
		}
		return names, i, false
	})
}

// Watch implements Log. A watched topic is never forgotten.
func (m *Memory) Watch(name string, watched bool) {
	m.watch(name, watched, newEpoch(), millis(m.o.Now()))
}

// Topics implements Log. It looks at all topics, so it is for people, not for messages.
func (m *Memory) Topics(dst []TopicInfo, prefix, after string, max int) ([]TopicInfo, error) {
	return m.list(dst, prefix, after, max), nil
}

// SaveCursors implements Log.
func (m *Memory) SaveCursors(cursors map[string][]byte) error {
	m.cursors.save(cursors)
	return nil
}

// LoadCursors implements Log.
func (m *Memory) LoadCursors(key string) ([]byte, error) { return m.cursors.load(key), nil }

// Sweep implements Log.
func (m *Memory) Sweep(now time.Time) error {
	m.sweep(millis(now))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.window.Expire(millis(now))
	if m.closed {
		return ErrClosed
	}
	return nil
}

// Stats implements Log. Bytes are of data, without the overhead that MaxBytes counts.
func (m *Memory) Stats() Stats {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return Stats{
		Topics: len(m.all), Messages: m.messages, Bytes: m.bytes,
		Appended: m.appended, Duplicates: m.repeated,
		Trimmed: m.stats.trimmed, Expired: m.stats.expired, Hits: m.hits.Load(),
	}
}

// Close implements Log. What was read stays valid.
func (m *Memory) Close() error {
	m.close()
	return nil
}
