package pebblelog

import (
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/weir-go/weir/push/msglog"
)

// sweepSlice is how many messages are removed while Append has to wait, and
// sweepMessages how many by a Sweep for each reason.
const (
	sweepSlice    = 512
	sweepMessages = 32 * sweepSlice
)

// maxForget is the time in milliseconds after which a topic is forgotten that has never
// had a message.
const maxForget = 3_600_000

// errEnough ends an iteration.
var errEnough = errors.New("enough")

// Sweep implements msglog.Log. Nothing it does is waited for: what it has removed comes
// back after a crash, and is removed again. It also opens the database anew if its disk
// has failed.
func (l *Log) Sweep(time time.Time) error {
	now := time.UnixMilli()
	for _, part := range []func(e *engine, now int64) (more bool, err error){l.sweepExpired, l.sweepCrowded, l.sweepTopics} {
		for n := 0; n < sweepMessages; n += sweepSlice {
			more, err := l.piece(func(e *engine) (bool, error) { return part(e, now) })
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
	}
	_, err := l.piece(func(e *engine) (bool, error) {
		return false, errors.Join(l.sweepWindow(e, now), l.sweepCursors(e, now), l.sync(e))
	})
	return err
}

// piece does a piece of work between two Appends.
func (l *Log) piece(work func(e *engine) (bool, error)) (more bool, err error) {
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	if l.isClosed() {
		return false, msglog.ErrClosed
	}
	for attempt := 0; ; attempt++ {
		if !l.engine.healthy() {
			if err := l.recover(); err != nil {
				return false, err
			}
		}
		err = l.use(func(e *engine) (err error) {
			more, err = work(e)
			return err
		})
		if err == nil || attempt > 0 || l.engine.healthy() {
			return more, err
		}
	}
}

// sync makes what was not waited for durable.
func (l *Log) sync(e *engine) error {
	if !l.unsynced.Swap(false) {
		return nil
	}
	b := e.db.NewBatch()
	defer b.Close()
	if err := b.LogData(nil, nil); err != nil {
		return err
	}
	return e.commit(b, pebble.Sync)
}

// sweepCrowded trims topics that Append has put messages into.
func (l *Log) sweepCrowded(e *engine, now int64) (more bool, err error) {
	l.mu.RLock()
	var t *topic
	if len(l.crowded) > 0 {
		t = l.crowded[0]
	}
	l.mu.RUnlock()
	if t == nil {
		return false, nil
	}
	rest, err := l.trim(e, t, now)
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.crowded = l.crowded[1:]
	if t.crowded = rest; rest {
		l.crowded = append(l.crowded, t)
	}
	return len(l.crowded) > 0, nil
}

// sweepTopics looks at a part of the topics, at all within about a minute of calls
// every second, trims those that have messages of an age, and forgets those of no use.
func (l *Log) sweepTopics(e *engine, now int64) (more bool, err error) {
	var old, useless []*topic
	l.mu.RLock()
	n := min(len(l.order), max(1024, len(l.order)/64))
	for ; n > 0 && len(old) < 8 && len(useless) < sweepSlice; n-- {
		if l.hand <= 0 || l.hand > len(l.order) {
			l.hand = len(l.order)
		}
		l.hand--
		switch t := l.order[l.hand]; {
		case t.over(now):
			old = append(old, t)
		case t.useless(now):
			useless = append(useless, t)
		}
	}
	l.mu.RUnlock()
	for _, t := range old {
		rest, err := l.trim(e, t, now)
		if err != nil {
			return false, err
		}
		if rest && !t.crowded { // goes on with the next Sweep
			l.mu.Lock()
			t.crowded = true
			l.crowded = append(l.crowded, t)
			l.mu.Unlock()
		}
	}
	return len(old) == 8 || len(useless) == sweepSlice, l.forget(e, useless, now)
}

// useless tells whether a topic can be forgotten.
func (t *topic) useless(now int64) bool {
	age := t.keep.Age.Milliseconds()
	if t.id == 0 {
		age = min(age, maxForget)
	}
	return t.count == 0 && !t.watched && now-t.since.Load() > age
}

// forget removes topics. Those that may come back get another epoch then.
func (l *Log) forget(e *engine, topics []*topic, now int64) error {
	b := e.db.NewBatch()
	defer b.Close()
	vanished := l.vanished
	for _, t := range topics {
		if t.id != 0 {
			vanished = max(vanished, t.gap)
			err := errors.Join(b.Delete(topicKey(t.name), nil),
				b.DeleteRange(key1(keyRecord, t.id), key1(keyRecord, t.id+1), nil))
			if err != nil {
				return err
			}
		}
	}
	forgotten := l.forgotten
	if !b.Empty() {
		forgotten++
		err := errors.Join(b.Set(metaKey("age"), be.AppendUint64(nil, forgotten), nil),
			b.Set(metaKey("vanished"), be.AppendUint64(nil, vanished), nil))
		if err != nil {
			return err
		}
		if err := e.commit(b, pebble.NoSync); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forgotten, l.vanished = forgotten, vanished
	for _, t := range topics {
		// It may have been asked for meanwhile, and its epoch be known to somebody
		// who will be told that it is another one.
		l.drop(t)
		if t.watched {
			l.topicOf(t.name, now, true).watched = true
		}
	}
	return nil
}

// trim removes what a topic has too much, and tells whether there may be more of it.
func (l *Log) trim(e *engine, t *topic, now int64) (more bool, err error) {
	l.mu.RLock()
	w := t.row
	l.mu.RUnlock()
	b := e.db.NewBatch()
	defer b.Close()
	var (
		removed  uint64
		size     int64
		position uint64
		oldest   int64
	)
	err = each(e.db, key2(keyRecord, w.id, w.trimmed+1), key2(keyRecord, w.id, w.last+1), func(k, v []byte) error {
		var r msglog.Record
		if err := parseRecord(v, &r); err != nil {
			return err
		}
		crowded := w.count > 1 && (w.count > uint64(t.keep.Count) || int64(w.bytes) > t.keep.Bytes)
		if !crowded && now-r.Time <= t.keep.Age.Milliseconds() {
			oldest = r.Time
			return errEnough
		}
		if removed == sweepSlice {
			more, oldest = true, r.Time
			return errEnough
		}
		removed++
		size += int64(len(r.Data))
		position = max(position, r.Position)
		w.trimmed, w.gap = be.Uint64(k[9:]), r.Position
		w.count--
		w.bytes -= uint64(len(r.Data))
		return remove(b, w.id, w.trimmed, &r)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return false, err
	}
	trimmed := max(l.trimmed, position)
	if removed > 0 {
		err := errors.Join(b.Set(topicKey(t.name), w.append(nil), nil),
			b.Set(metaKey("trimmed"), be.AppendUint64(nil, trimmed), nil))
		if err == nil {
			err = e.commit(b, pebble.NoSync)
		}
		if err != nil {
			return false, err
		}
		l.stats.trimmed.Add(removed)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.row, t.oldest = w, oldest
	l.trimmed = trimmed
	l.messages -= int64(removed)
	l.bytes -= size
	return more, nil
}

// remove removes a message with what leads to it.
func remove(b *pebble.Batch, id, offset uint64, r *msglog.Record) error {
	err := b.Delete(key2(keyRecord, id, offset), nil)
	if err == nil {
		err = b.Delete(key1(keyPosition, r.Position), nil)
	}
	if err == nil && r.Expires != 0 {
		err = b.Delete(key3(keyExpiry, uint64(r.Expires), id, offset), nil)
	}
	return err
}

// sweepExpired removes messages whose time has come.
func (l *Log) sweepExpired(e *engine, now int64) (more bool, err error) {
	b := e.db.NewBatch()
	defer b.Close()
	rows := make(map[*topic]*row)
	left := sweepSlice
	var size int64
	var removed uint64
	err = each(e.db, []byte{keyExpiry}, key1(keyExpiry, uint64(now)+1), func(k, _ []byte) error {
		if left--; left < 0 {
			more = true
			return errEnough
		}
		if len(k) != 25 {
			return b.Delete(k, nil)
		}
		id, offset := be.Uint64(k[9:]), be.Uint64(k[17:])
		t := l.ids[id] // changed with commitMu held only
		var r msglog.Record
		err := pebble.ErrNotFound
		if t != nil {
			err = e.record(id, offset, &r)
		}
		if errors.Is(err, pebble.ErrNotFound) {
			return b.Delete(k, nil)
		}
		if err != nil {
			return err
		}
		w := rows[t]
		if w == nil {
			c := t.row
			w = &c
			rows[t] = w
		}
		w.count--
		w.bytes -= uint64(len(r.Data))
		size += int64(len(r.Data))
		removed++
		return remove(b, id, offset, &r)
	})
	if err != nil && !errors.Is(err, errEnough) || b.Empty() {
		return false, err
	}
	for t, w := range rows {
		if err := b.Set(topicKey(t.name), w.append(nil), nil); err != nil {
			return false, err
		}
	}
	if err := e.commit(b, pebble.NoSync); err != nil {
		return false, err
	}
	l.stats.expired.Add(removed)
	l.mu.Lock()
	defer l.mu.Unlock()
	for t, w := range rows {
		t.row = *w
	}
	l.messages -= int64(removed)
	l.bytes -= size
	return more, nil
}

// sweepWindow removes the ids that no duplicate is told by any more.
func (l *Log) sweepWindow(e *engine, now int64) error {
	l.window.Expire(now)
	until, ok := l.window.Oldest()
	if !ok {
		until = l.last + 1
	}
	if until <= l.windowAt {
		return nil
	}
	b := e.db.NewBatch()
	defer b.Close()
	if err := b.DeleteRange(key1(keyDedup, 0), key1(keyDedup, until), nil); err != nil {
		return err
	}
	if err := e.commit(b, pebble.NoSync); err != nil {
		return err
	}
	l.windowAt = until
	return nil
}
