package pebblelog

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/msglog/internal/dedup"
)

// Append implements msglog.Log: one batch, one sync. The records are not kept. An error
// wraps msglog.ErrUnavailable, or is msglog.ErrClosed.
func (l *Log) Append(records []*msglog.Record) error {
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	if l.isClosed() {
		return msglog.ErrClosed
	}
	if len(records) == 0 {
		return nil
	}
	err := l.append(records)
	if err != nil {
		l.stats.failed.Add(uint64(len(records)))
	}
	return err
}

// append tries a second time if the database had to be opened again: what of the first
// attempt came to the disk has been removed then.
func (l *Log) append(records []*msglog.Record) error {
	if err := l.room(records); err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		// engine is replaced with commitMu held only.
		if !l.engine.healthy() {
			if err := l.recover(); err != nil {
				return err
			}
		}
		err := l.use(func(e *engine) error { return l.store(e, records) })
		if err == nil || attempt > 0 || l.engine.healthy() {
			return err
		}
	}
}

// staged is what becomes of the log if a batch is stored.
type staged struct {
	rows   map[*topic]*row
	places []place
	lastID uint64
	last   uint64
	bytes  int64
}

type place struct {
	dedup.Key
	dedup.Place
}

// store numbers and stores records. Nothing in memory changes before they are on the
// disk.
func (l *Log) store(e *engine, records []*msglog.Record) error {
	now := max(l.clock, l.now())
	st := staged{rows: make(map[*topic]*row), lastID: l.lastID, last: l.last}
	seen := make(map[dedup.Key]dedup.Place)
	b := e.db.NewBatch()
	defer b.Close()
	duplicates := 0
	var value []byte
	for _, r := range records {
		k := dedup.Key{Publisher: r.Publisher, ID: r.MessageID}
		if k.ID != "" && l.o.DedupCount >= 0 {
			p, ok := l.window.Find(k, now)
			if !ok {
				p, ok = seen[k]
			}
			if ok {
				r.Duplicate, r.Time = true, p.Time
				r.Epoch, r.Offset, r.Previous, r.Position = p.Epoch, p.Offset, p.Previous, p.Position
				duplicates++
				continue
			}
		}
		t, w := l.stage(&st, r.Topic, now)
		st.last++
		w.last++
		w.count++
		w.bytes += uint64(len(r.Data))
		w.time = uint64(now)
		st.bytes += int64(len(r.Data))
		r.Duplicate, r.Time, r.Epoch = false, now, t.epoch
		r.Offset, r.Previous, r.Position = w.last, w.last-1, st.last
		value = appendRecord(value[:0], r)
		if err := b.Set(key2(keyRecord, w.id, r.Offset), value, nil); err != nil {
			return refused(err)
		}
		value = be.AppendUint64(be.AppendUint64(value[:0], w.id), r.Offset)
		if err := b.Set(key1(keyPosition, r.Position), value, nil); err != nil {
			return refused(err)
		}
		if r.Expires != 0 {
			if err := b.Set(key3(keyExpiry, uint64(r.Expires), w.id, r.Offset), nil, nil); err != nil {
				return refused(err)
			}
		}
		if k.ID != "" && l.o.DedupCount >= 0 {
			p := dedup.Place{Time: now, Epoch: r.Epoch, Offset: r.Offset, Previous: r.Previous, Position: r.Position}
			seen[k] = p
			st.places = append(st.places, place{k, p})
			value = be.AppendUint64(be.AppendUint64(be.AppendUint64(value[:0], uint64(now)), r.Epoch), r.Offset)
			value = binary.AppendUvarint(value, uint64(len(k.Publisher)))
			value = append(append(value, k.Publisher...), k.ID...)
			if err := b.Set(key1(keyDedup, r.Position), value, nil); err != nil {
				return refused(err)
			}
		}
	}
	l.stats.duplicates.Add(uint64(duplicates))
	if duplicates == len(records) {
		return nil
	}
	for t, w := range st.rows {
		if err := b.Set(topicKey(t.name), w.append(value[:0]), nil); err != nil {
			return refused(err)
		}
	}
	for name, v := range map[string]uint64{"last": st.last, "id": st.lastID} {
		if err := b.Set(metaKey(name), be.AppendUint64(value[:0], v), nil); err != nil {
			return refused(err)
		}
	}
	if err := e.commit(b, pebble.Sync); err != nil {
		return err
	}
	l.stats.syncs.Add(1)
	l.stats.appended.Add(uint64(len(records) - duplicates))
	l.accept(&st, now)
	return nil
}

func refused(err error) error { return fmt.Errorf("%w: %w", msglog.ErrUnavailable, err) }

// stage returns a topic and what its row is to become.
func (l *Log) stage(st *staged, name string, now int64) (*topic, *row) {
	l.mu.RLock()
	t := l.topics[name]
	l.mu.RUnlock()
	if t == nil {
		l.mu.Lock()
		t = l.topicOf(name, now, true)
		l.mu.Unlock()
	}
	w := st.rows[t]
	if w == nil {
		c := t.row
		w = &c
		if w.id == 0 {
			st.lastID++
			w.id = st.lastID
		}
		st.rows[t] = w
	}
	return t, w
}

// accept makes stored records known to readers.
func (l *Log) accept(st *staged, now int64) {
	l.clock, l.lastID = now, st.lastID
	for _, p := range st.places {
		l.window.Add(p.Key, p.Place)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for t, w := range st.rows {
		l.messages += int64(w.count - t.count)
		if t.count == 0 {
			t.oldest = now
		}
		t.row = *w
		l.ids[t.id] = t
		t.since.Store(now)
		if !t.crowded && t.over(now) {
			t.crowded = true
			l.crowded = append(l.crowded, t)
		}
	}
	l.bytes += st.bytes
	l.last = st.last
}

// space remembers how much room the disk has: it is looked at now and then only.
type space struct {
	checked time.Time
	written int64 // bytes since
	full    bool
	free    uint64
	need    uint64
}

// room refuses records when there is little left on the disk, before the database meets
// its end: it needs some to clear up, by which room comes back.
func (l *Log) room(records []*msglog.Record) error {
	if l.o.MinFree < 0 {
		return nil
	}
	s := &l.space
	for _, r := range records {
		s.written += int64(len(r.Data)) + 100
	}
	if s.checked.IsZero() || time.Since(s.checked) > 100*time.Millisecond || s.written > int64(s.need/16) {
		u, err := l.o.fs.GetDiskUsage(l.dir)
		s.checked, s.written = time.Now(), 0
		if err != nil { // it will be seen when it is written to
			s.full = false
			return nil
		}
		s.free, s.need = u.AvailBytes, uint64(l.o.MinFree)
		if l.o.MinFree == 0 {
			s.need = min(128<<20, u.TotalBytes/20)
		}
		was := s.full
		if s.full = s.free < s.need || was && s.free < s.need+s.need/4; s.full != was {
			l.o.Logger.Warn("push: room on the disk of the log", "dir", l.dir, "full", s.full, "free", s.free, "needed", s.need)
		}
	}
	if s.full {
		return fmt.Errorf("%w: the disk of %s has %d MiB left, %d are needed", msglog.ErrUnavailable, l.dir, s.free>>20, (s.need+s.need/4)>>20)
	}
	return nil
}
