package msglog

import (
	"container/list"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weir-go/weir/push/msglog/internal/page"
)

// rings are the records in memory, by topic: what Memory is made of, and what Cached has
// in front of another log. mu guards everything; nothing that is done with it held for
// a reader or a subscriber takes longer with more topics or records.
type rings struct {
	o   MemoryOptions
	seq *sequence // all records by position; nil in Cached

	mu     sync.RWMutex
	topics map[string]*entry
	all    []*entry // in no order, for Sweep and Topics
	hand   int      // Sweep goes on below it
	peak   int      // the most topics there were at a Sweep since the maps were made
	closed bool

	// Each topic is in one of these, or in none: watched and empty.
	idle  list.List // has records, not watched; the longest unwatched first
	spare list.List // no records, not watched; the longest first
	busy  list.List // has records, watched; in turn

	messages int64
	bytes    int64  // of data
	cost     int64  // of records with their overhead, what MaxBytes bounds
	trimmed  uint64 // the highest position taken out other than by TTL
	vanished uint64 // the same of topics that were forgotten
	stats    struct{ trimmed, expired uint64 }
}

// entry is a topic.
type entry struct {
	name    string
	keep    *Retention // resolved
	index   int        // in all
	epoch   uint64
	last    uint64
	trimmed uint64       // the highest offset taken out other than by TTL
	gap     uint64       // its position
	since   atomic.Int64 // Unix time in milliseconds when it was last of use
	watched bool

	ring   ring
	bytes  int64
	expiry int64 // before it none of the records expires; 0: never

	in   *list.List
	spot *list.Element
}

// maxForget is the time in milliseconds after which a topic that is of no use is forgotten,
// also where messages are kept for days.
const maxForget = 3_600_000

// recordCost is roughly what a record takes beside its strings and data.
const recordCost = 200

func costOf(r *Record) int64 {
	return int64(len(r.Data)+len(r.Publisher)+len(r.MessageID)) + recordCost
}

func (e *entry) extent() Extent {
	return Extent{Epoch: e.epoch, First: e.trimmed + 1, Last: e.last}
}

// file puts e into the list that fits it now.
func (s *rings) file(e *entry) {
	var in *list.List
	switch {
	case e.ring.n > 0 && e.watched:
		in = &s.busy
	case e.ring.n > 0:
		in = &s.idle
	case !e.watched:
		in = &s.spare
	}
	if in == e.in {
		return
	}
	if e.in != nil {
		e.in.Remove(e.spot)
	}
	if e.in, e.spot = in, nil; in != nil {
		e.spot = in.PushBack(e)
	}
}

// make adds a topic, and forgets another if there are too many. mu is held.
func (s *rings) make(name string, epoch uint64, now int64) *entry {
	for len(s.all) >= s.o.MaxTopics {
		victim := s.spare.Front()
		if victim == nil {
			victim = s.idle.Front()
		}
		if victim == nil {
			break // all are watched
		}
		s.forget(victim.Value.(*entry))
	}
	name = strings.Clone(name) // it may be a part of something larger
	e := &entry{name: name, keep: s.o.retention(name), index: len(s.all), epoch: epoch}
	e.since.Store(now)
	s.topics[name] = e
	s.all = append(s.all, e)
	s.file(e)
	return e
}

func (s *rings) forget(e *entry) {
	for e.ring.n > 0 {
		s.trim(e)
	}
	if e.in != nil {
		e.in.Remove(e.spot)
	}
	s.vanished = max(s.vanished, e.gap)
	delete(s.topics, e.name)
	moved := s.all[len(s.all)-1]
	s.all[e.index], moved.index = moved, e.index
	s.all[len(s.all)-1] = nil
	s.all = s.all[:len(s.all)-1]
}

// add appends a record, which has its numbers, and trims its topic. mu is held.
func (s *rings) add(e *entry, r *Record) {
	e.last = r.Offset
	e.since.Store(r.Time)
	e.ring.push(r)
	e.bytes += int64(len(r.Data))
	if r.Expires != 0 && (e.expiry == 0 || r.Expires < e.expiry) {
		e.expiry = r.Expires
	}
	s.messages++
	s.bytes += int64(len(r.Data))
	s.cost += costOf(r)
	if s.seq != nil {
		s.seq.add(r)
	}
	s.bound(e, r.Time)
	s.file(e)
	for s.cost > s.o.MaxBytes && s.shed() {
	}
}

// bound trims a topic to its retention. The latest record stays even if it is larger
// than all that may be kept.
func (s *rings) bound(e *entry, now int64) {
	k := e.keep
	for e.ring.n > 1 && (e.ring.n > k.Count || e.bytes > k.Bytes) {
		s.trim(e)
	}
	for e.ring.n > 0 && now-e.ring.at(0).Time > k.Age.Milliseconds() {
		s.trim(e)
	}
}

// trim takes out the oldest record of a topic; the caller files the topic.
func (s *rings) trim(e *entry) {
	r := e.ring.pop()
	e.trimmed, e.gap = r.Offset, r.Position
	s.trimmed = max(s.trimmed, r.Position)
	s.stats.trimmed++
	s.gone(e, r)
}

func (s *rings) gone(e *entry, r *Record) {
	e.bytes -= int64(len(r.Data))
	s.messages--
	s.bytes -= int64(len(r.Data))
	s.cost -= costOf(r)
	if s.seq != nil {
		s.seq.remove(r)
	}
}

// shed takes out records where they are missed least. It returns false if there are
// none.
func (s *rings) shed() bool {
	if f := s.idle.Front(); f != nil {
		e := f.Value.(*entry)
		s.trim(e)
		s.file(e)
		return true
	}
	f := s.busy.Front()
	if f == nil {
		return false
	}
	e := f.Value.(*entry)
	for n := (e.ring.n + 1) / 2; n > 0; n-- {
		s.trim(e)
	}
	s.busy.MoveToBack(f)
	s.file(e)
	return true
}

// sweep looks at a part of the topics: at all of them within about a minute of calls
// every second.
func (s *rings) sweep(now int64) {
	s.mu.RLock()
	n := max(1024, len(s.all)/64)
	s.mu.RUnlock()
	defer s.shrink()
	for ; n > 0; n -= 64 {
		s.mu.Lock()
		for range min(64, n, len(s.all)) {
			if s.hand <= 0 || s.hand > len(s.all) {
				s.hand = len(s.all)
			}
			s.hand--
			s.tidy(s.all[s.hand], now)
			if len(s.all) == 0 {
				break
			}
		}
		s.mu.Unlock()
	}
}

// shrink gives back the memory of maps that were much larger once: maps do not shrink.
func (s *rings) shrink() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.peak = max(s.peak, len(s.all))
	if s.peak < 4096 || len(s.all) > s.peak/8 {
		return
	}
	s.peak = len(s.all)
	topics := make(map[string]*entry, len(s.all))
	for _, e := range s.all {
		topics[e.name] = e
	}
	s.topics, s.all = topics, append([]*entry(nil), s.all...)
}

func (s *rings) tidy(e *entry, now int64) {
	s.expire(e, now)
	s.bound(e, now)
	s.file(e)
	if age := e.keep.Age.Milliseconds(); !e.watched && now-e.since.Load() > min(age, maxForget) {
		// Of a log in front of another the records are forgotten with the topic.
		if e.ring.n == 0 || s.seq == nil {
			s.forget(e)
		}
	}
}

// expire takes out the records whose time has come, wherever they are.
func (s *rings) expire(e *entry, now int64) {
	if e.expiry == 0 || now < e.expiry {
		return
	}
	e.expiry = 0
	e.ring.filter(func(r *Record) bool {
		switch {
		case r.Expires == 0:
		case r.Expires <= now:
			s.stats.expired++
			s.gone(e, r)
			return true
		case e.expiry == 0 || r.Expires < e.expiry:
			e.expiry = r.Expires
		}
		return false
	})
}

// watch marks a topic. epoch is what a new one gets.
func (s *rings) watch(name string, watched bool, epoch uint64, now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.topics[name]
	if e == nil {
		if !watched || s.closed {
			return
		}
		e = s.make(name, epoch, now)
	}
	e.watched = watched
	e.since.Store(now)
	s.file(e)
}

// read appends records of e as Log.Read does. mu is held for reading.
func (e *entry) read(dst []*Record, after uint64, max, size int, now int64) ([]*Record, uint64) {
	pick := picker{max: max, size: size, now: now}
	for i := e.ring.behind(after); i < e.ring.n; i++ {
		r := e.ring.at(i)
		var full bool
		if dst, full = pick.take(dst, r); full {
			return dst, after
		}
		after = r.Offset
	}
	if after < e.last {
		after = e.last
	}
	return dst, after
}

func expired(r *Record, now int64) bool { return r.Expires != 0 && r.Expires <= now }

// list is Log.Topics. It looks at all topics, some at a time, from the end: a topic that
// is removed makes the last one move to its place, so none is missed, but one may be
// seen twice.
func (s *rings) list(dst []TopicInfo, prefix, after string, max int) []TopicInfo {
	p := page.Page[TopicInfo]{Prefix: prefix, After: after, Max: max, Name: func(t *TopicInfo) string { return t.Name }}
	s.mu.RLock()
	i := len(s.all)
	s.mu.RUnlock()
	for i > 0 {
		s.mu.RLock()
		i = min(i, len(s.all))
		for n := 1024; i > 0 && n > 0; n-- {
			i--
			if e := s.all[i]; p.Wants(e.name) {
				p.Add(TopicInfo{Name: e.name, Extent: e.extent(), Messages: e.ring.n, Bytes: e.bytes})
			}
		}
		s.mu.RUnlock()
	}
	return p.Append(dst)
}

func (s *rings) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.topics, s.all = make(map[string]*entry), nil
	if s.seq != nil {
		s.seq = &sequence{}
	}
	s.messages, s.bytes, s.cost = 0, 0, 0
	s.idle.Init()
	s.spare.Init()
	s.busy.Init()
}

// newEpoch returns a random number that is not 0 and below 1<<53.
func newEpoch() uint64 { return 1 + rand.Uint64N(1<<53-1) }

func millis(t time.Time) int64 { return t.UnixMilli() }
