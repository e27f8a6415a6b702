package pebblelog

import (
	"crypto/sha256"
	"sync/atomic"
	"time"

	"github.com/weir-go/weir/push/msglog"
)

// topic is what is in memory of a topic: about 300 bytes with its name, so that its
// extent is told without the disk. mu of the Log guards it, but for since; the stored
// part is changed with commitMu held as well, so either will do for reading.
type topic struct {
	name string
	row  // id 0: it has never had a message and is not on the disk
	keep *msglog.Retention

	oldest  int64 // time of the oldest message, or earlier; 0: not known
	watched bool
	crowded bool         // is in Log.crowded
	index   int          // in Log.order
	since   atomic.Int64 // Unix time in milliseconds when it was last of use
}

func (t *topic) extent() msglog.Extent {
	return msglog.Extent{Epoch: t.epoch, First: t.trimmed + 1, Last: t.last}
}

// epochOf derives the epoch of a topic that has had no message yet, so that nothing has
// to be stored for those that are only subscribed to: it is the same each time it is
// asked for, also after a restart. It changes when topics were forgotten, as this may
// be one of them. With the first message it is stored.
func (l *Log) epochOf(name string) uint64 {
	h := sha256.New()
	var b [16]byte
	be.PutUint64(b[:8], l.epoch)
	be.PutUint64(b[8:], l.forgotten)
	h.Write(b[:])
	h.Write([]byte(name))
	sum := h.Sum(nil)
	return 1 + be.Uint64(sum)%(1<<53-1)
}

// topicOf returns a topic, which it makes in memory if it is not known. Beyond
// MaxTopics it is not remembered, if it has no messages; its epoch is the same anyway.
// mu is held.
func (l *Log) topicOf(name string, now int64, store bool) *topic {
	t := l.topics[name]
	if t != nil {
		t.since.Store(now)
		return t
	}
	t = &topic{name: string([]byte(name)), keep: l.retention(name)}
	t.epoch = l.epochOf(name)
	t.since.Store(now)
	if store || len(l.order) < l.o.MaxTopics {
		l.remember(t)
	}
	return t
}

func (l *Log) remember(t *topic) {
	t.index = len(l.order)
	l.order = append(l.order, t)
	l.topics[t.name] = t
	if t.id != 0 {
		l.ids[t.id] = t
	}
}

// drop removes a topic from memory. mu is held.
func (l *Log) drop(t *topic) {
	delete(l.topics, t.name)
	delete(l.ids, t.id)
	moved := l.order[len(l.order)-1]
	l.order[t.index], moved.index = moved, t.index
	l.order[len(l.order)-1] = nil
	l.order = l.order[:len(l.order)-1]
}

func (l *Log) retention(name string) *msglog.Retention {
	if l.o.Retention == nil {
		return &l.o.Keep
	}
	k := l.o.Retention(name)
	if k.Count == 0 {
		k.Count = l.o.Keep.Count
	}
	if k.Bytes == 0 {
		k.Bytes = l.o.Keep.Bytes
	}
	if k.Age == 0 {
		k.Age = l.o.Keep.Age
	}
	if k = bounded(k); k == l.o.Keep {
		return &l.o.Keep
	}
	return &k
}

// bounded makes negative fields, which are no bounds, large.
func bounded(k msglog.Retention) msglog.Retention {
	if k.Count < 0 {
		k.Count = int(^uint(0) >> 1)
	}
	if k.Bytes < 0 {
		k.Bytes = 1<<63 - 1
	}
	if k.Age < 0 {
		k.Age = time.Duration(1<<63 - 1)
	}
	return k
}

// over tells whether a topic has more than it may keep.
func (t *topic) over(now int64) bool {
	return t.count > 1 && (t.count > uint64(t.keep.Count) || int64(t.bytes) > t.keep.Bytes) ||
		t.count > 0 && now-t.oldest > t.keep.Age.Milliseconds()
}

// Topic implements msglog.Log.
func (l *Log) Topic(name string) msglog.Extent {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if t := l.topics[name]; t != nil {
		return t.extent()
	}
	return msglog.Extent{}
}

// Touch implements msglog.Log. It does not touch the disk, see epochOf.
func (l *Log) Touch(name string) (msglog.Extent, error) {
	now := l.now()
	l.mu.RLock()
	t, closed := l.topics[name], l.closed
	if t != nil && !closed {
		defer l.mu.RUnlock()
		t.since.Store(now)
		return t.extent(), nil
	}
	l.mu.RUnlock()
	if closed {
		return msglog.Extent{}, msglog.ErrClosed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.topicOf(name, now, false).extent(), nil
}

// Watch implements msglog.Log: a watched topic is not forgotten.
func (l *Log) Watch(name string, watched bool) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.topics[name]; t != nil || watched && !l.closed {
		t = l.topicOf(name, now, watched)
		t.watched = watched
	}
}

// All implements msglog.Log.
func (l *Log) All() msglog.Extent {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return msglog.Extent{Epoch: l.epoch, First: l.trimmed + 1, Last: l.last}
}
