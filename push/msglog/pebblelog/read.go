package pebblelog

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/msglog/internal/page"
)

// Read implements msglog.Log. A reader who has everything costs no look at the disk.
func (l *Log) Read(dst []*msglog.Record, name string, after uint64, max, size int) ([]*msglog.Record, uint64, error) {
	l.mu.RLock()
	t, closed := l.topics[name], l.closed
	var r row
	if t != nil {
		r, name = t.row, t.name
	}
	l.mu.RUnlock()
	if closed {
		return dst, after, msglog.ErrClosed
	}
	if r.id == 0 || after >= r.last {
		return dst, after, nil
	}
	l.stats.reads.Add(1)
	now, start, n := l.now(), after, len(dst)
	err := l.look(func(e *engine) error {
		p := picker{max: max, size: size, now: now}
		dst, after = dst[:n], start
		// What is behind last is not acknowledged yet.
		it, err := e.db.NewIter(&pebble.IterOptions{
			LowerBound: key2(keyRecord, r.id, after+1), UpperBound: key2(keyRecord, r.id, r.last+1),
		})
		if err != nil {
			return err
		}
		for ok := it.First(); ok; ok = it.Next() {
			m, err := decode(it)
			if err != nil {
				return errors.Join(err, it.Close())
			}
			if m.Expires == 0 || m.Expires > p.now {
				if p.full(m) {
					return it.Close()
				}
				m.Topic, m.Epoch, m.Offset = name, r.epoch, be.Uint64(it.Key()[9:])
				m.Previous = m.Offset - 1
				dst = append(dst, m)
			}
			after = be.Uint64(it.Key()[9:])
		}
		if err = it.Close(); err == nil {
			after = r.last
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("pebblelog: %s: %w", name, err)
	}
	return dst, after, err
}

// decode returns the message of an iterator, which keeps no memory of it.
func decode(it *pebble.Iterator) (*msglog.Record, error) {
	v, err := it.ValueAndErr()
	if err != nil {
		return nil, err
	}
	r := new(msglog.Record)
	return r, parseRecord(append([]byte(nil), v...), r)
}

// picker bounds what is read.
type picker struct {
	max, size int
	now       int64
	taken     bool
}

// full tells whether a message does not fit any more; if it does it is counted.
func (p *picker) full(r *msglog.Record) bool {
	if p.max <= 0 || p.taken && len(r.Data) > p.size {
		return true
	}
	p.max--
	p.size -= len(r.Data)
	p.taken = true
	return false
}

// scanPositions is how many positions a Scan looks at before it returns.
const scanPositions = 4096

// Scan implements msglog.Log. It looks at the positions, which tell the topic, and
// reads the messages of those that match.
func (l *Log) Scan(dst []*msglog.Record, match func(string) bool, after uint64, max, size int) ([]*msglog.Record, uint64, error) {
	l.mu.RLock()
	last, closed := l.last, l.closed
	l.mu.RUnlock()
	if closed {
		return dst, after, msglog.ErrClosed
	}
	if after >= last {
		return dst, after, nil
	}
	l.stats.reads.Add(1)
	now, start, n := l.now(), after, len(dst)
	wanted := make(map[uint64]*topic) // nil: does not match
	err := l.look(func(e *engine) error {
		p := picker{max: max, size: size, now: now}
		dst, after = dst[:n], start
		it, err := e.db.NewIter(&pebble.IterOptions{
			LowerBound: key1(keyPosition, after+1), UpperBound: key1(keyPosition, last+1),
		})
		if err != nil {
			return err
		}
		left := scanPositions
		for ok := it.First(); ok; ok = it.Next() {
			if left--; left < 0 {
				return it.Close()
			}
			v, err := it.ValueAndErr()
			if err == nil && len(v) != 16 {
				err = fmt.Errorf("%w: a position of %d bytes", ErrFormat, len(v))
			}
			if err != nil {
				return errors.Join(err, it.Close())
			}
			id, offset := be.Uint64(v), be.Uint64(v[8:])
			t, known := wanted[id]
			if !known {
				l.mu.RLock()
				t = l.ids[id]
				l.mu.RUnlock()
				if t != nil && !match(t.name) {
					t = nil
				}
				wanted[id] = t
			}
			if t != nil {
				r := &msglog.Record{Topic: t.name, Offset: offset, Previous: offset - 1}
				switch err := e.record(id, offset, r); {
				case errors.Is(err, pebble.ErrNotFound): // removed since
				case err != nil:
					return errors.Join(err, it.Close())
				case r.Expires != 0 && r.Expires <= p.now:
				case p.full(r):
					return it.Close()
				default:
					l.mu.RLock()
					r.Epoch = t.epoch
					l.mu.RUnlock()
					dst = append(dst, r)
				}
			}
			after = be.Uint64(it.Key()[1:])
		}
		if err = it.Close(); err == nil {
			after = last
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("pebblelog: %w", err)
	}
	return dst, after, err
}

// Missing implements msglog.Gaps.
func (l *Log) Missing(match func(string) bool, after uint64) bool {
	return page.Missing(match, func(i int, names []string) ([]string, int, bool) {
		l.mu.RLock()
		defer l.mu.RUnlock()
		if after >= l.trimmed {
			return names, 0, false
		}
		if i = min(i, len(l.order)); after < l.vanished {
			return names, i, true
		}
		for n := page.Slice; i > 0 && n > 0; n-- {
			i--
			if t := l.order[i]; t.gap > after {
				names = append(names, t.name)
			}
		}
		return names, i, false
	})
}

// Topics implements msglog.Log. It looks at all topics in memory, so it is for people,
// not for messages.
func (l *Log) Topics(dst []msglog.TopicInfo, prefix, after string, max int) ([]msglog.TopicInfo, error) {
	p := page.Page[msglog.TopicInfo]{Prefix: prefix, After: after, Max: max, Name: func(t *msglog.TopicInfo) string { return t.Name }}
	l.mu.RLock()
	i := len(l.order)
	l.mu.RUnlock()
	// From the end, as the last one takes the place of one that is removed.
	for i > 0 {
		l.mu.RLock()
		i = min(i, len(l.order))
		for n := 1024; i > 0 && n > 0; n-- {
			i--
			if t := l.order[i]; p.Wants(t.name) {
				p.Add(msglog.TopicInfo{Name: t.name, Extent: t.extent(), Messages: int(t.count), Bytes: int64(t.bytes)})
			}
		}
		l.mu.RUnlock()
	}
	return p.Append(dst), nil
}
