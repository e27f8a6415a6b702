package pebblelog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/msglog/internal/dedup"
)

// engine is an open database, replaced by another when its disk has failed.
type engine struct {
	db       *pebble.DB
	disk     *disk
	readOnly bool
}

func (e *engine) close() error {
	err := e.db.Close()
	if failed := e.disk.Failed(); failed != nil && !e.readOnly {
		err = fmt.Errorf("pebblelog: %w", failed)
	}
	return err
}

// open opens the database as it is on the disk.
func (l *Log) open(readOnly bool) (*engine, error) {
	d := newDisk(l.o.fs)
	logger := pebbleLogger{l.o.Logger, d}
	quiet := pebble.MakeLoggingEventListener(logger)
	o := &pebble.Options{
		FS:                          d,
		ReadOnly:                    readOnly,
		CacheSize:                   l.o.Cache,
		MemTableSize:                uint64(l.o.MemTable),
		MemTableStopWritesThreshold: 4,
		FormatMajorVersion:          pebble.FormatNewest,
		Logger:                      logger,
		EventListener:               &quiet,
	}
	db, err := pebble.Open(l.dir, o)
	if failed := d.Failed(); failed != nil {
		if err == nil {
			_ = db.Close()
		}
		return nil, fmt.Errorf("%w: %w", msglog.ErrUnavailable, failed)
	}
	if err != nil {
		if isLocked(err) {
			return nil, fmt.Errorf("%w: %s: %w", ErrInUse, l.dir, err)
		}
		return nil, fmt.Errorf("pebblelog: %s: %w", l.dir, err)
	}
	return &engine{db: db, disk: d, readOnly: readOnly}, nil
}

// isLocked recognises the error of a lock that somebody has, for which there is no type:
// the operating systems', and Pebble's for this process.
func isLocked(err error) bool {
	s := err.Error()
	for _, part := range []string{"lock held by current process", "resource temporarily unavailable",
		"permission denied while locking", "being used by another process", "locked a portion"} {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

// load fills in what is kept in memory. Of a new database it makes the log. fresh is
// false when the database was opened again: then what was not acknowledged is removed
// from it, as those who called Append were told so.
func (l *Log) load(e *engine, fresh bool) error {
	meta := make(map[string]uint64)
	err := each(e.db, []byte{keyMeta}, []byte{keyMeta + 1}, func(k, v []byte) error {
		if len(v) != 8 {
			return fmt.Errorf("%w: %q has %d bytes", ErrFormat, k, len(v))
		}
		meta[string(k[1:])] = be.Uint64(v)
		return nil
	})
	if err != nil {
		return err
	}
	switch version, ok := meta["format"]; {
	case !ok && len(meta) == 0 && fresh:
		if meta, err = create(e); err != nil {
			return err
		}
	case !ok:
		return fmt.Errorf("%w: it is no log", ErrFormat)
	case version != formatVersion:
		return fmt.Errorf("%w: it is of version %d, this program reads version %d", ErrFormat, version, formatVersion)
	}
	if meta["epoch"] == 0 || meta["epoch"] >= 1<<53 {
		return fmt.Errorf("%w: epoch %d", ErrFormat, meta["epoch"])
	}
	if !fresh && meta["last"] > l.last {
		if err := l.rollBack(e, l.last); err != nil {
			return err
		}
		meta["last"] = l.last
	}
	if !fresh && meta["last"] < l.last {
		l.o.Logger.Error("push: the disk of the log has lost what it said was stored", "dir", l.dir, "positions", l.last-meta["last"])
	}
	rows := make(map[string]row)
	err = each(e.db, []byte{keyTopic}, []byte{keyTopic + 1}, func(k, v []byte) error {
		r, err := parseRow(v)
		rows[string(k[1:])] = r
		return err
	})
	if err != nil {
		return err
	}
	window, clock, err := l.loadWindow(e)
	if err != nil {
		return err
	}
	l.window, l.clock = window, max(l.clock, clock)
	l.lastID = meta["id"]

	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch, l.last, l.trimmed, l.forgotten = meta["epoch"], meta["last"], meta["trimmed"], meta["age"]
	l.vanished = meta["vanished"]
	before := l.topics
	l.topics, l.ids, l.order, l.crowded = make(map[string]*topic, len(rows)), make(map[uint64]*topic, len(rows)), nil, nil
	l.messages, l.bytes = 0, 0
	for name, r := range rows {
		t := &topic{name: name, row: r, keep: l.retention(name)}
		t.since.Store(int64(r.time))
		if b := before[name]; b != nil {
			t.watched = b.watched
			t.since.Store(max(int64(r.time), b.since.Load()))
		}
		l.remember(t)
		l.messages += int64(t.count)
		l.bytes += int64(t.bytes)
		l.clock = max(l.clock, int64(r.time))
	}
	// Those that are not on the disk keep the epochs that they were given.
	for name, b := range before {
		if l.topics[name] == nil {
			t := &topic{name: name, keep: b.keep, watched: b.watched}
			t.epoch = b.epoch
			if b.id != 0 { // forgotten, and so was that it was forgotten
				t.epoch = l.epochOf(name)
			}
			t.since.Store(now)
			l.remember(t)
		}
	}
	return nil
}

// create writes what a new log begins with.
func create(e *engine) (map[string]uint64, error) {
	meta := map[string]uint64{"format": formatVersion, "epoch": 1 + rand.Uint64N(1<<53-1)}
	b := e.db.NewBatch()
	defer b.Close()
	for name, v := range meta {
		if err := b.Set(metaKey(name), be.AppendUint64(nil, v), nil); err != nil {
			return nil, err
		}
	}
	return meta, e.commit(b, pebble.Sync)
}

// rollBack removes the messages behind a position, whose Append has failed although
// they, or some of what was to be stored, came to the disk.
func (l *Log) rollBack(e *engine, last uint64) error {
	b := e.db.NewBatch()
	defer b.Close()
	rows := make(map[uint64]*row)
	names := make(map[uint64]string)
	err := each(e.db, []byte{keyTopic}, []byte{keyTopic + 1}, func(k, v []byte) error {
		r, err := parseRow(v)
		rows[r.id], names[r.id] = &r, string(k[1:])
		return err
	})
	if err != nil {
		return err
	}
	changed := make(map[uint64]bool)
	err = each(e.db, key1(keyPosition, last+1), []byte{keyPosition + 1}, func(k, v []byte) error {
		if len(v) != 16 || rows[be.Uint64(v)] == nil {
			return fmt.Errorf("%w: position of no topic", ErrFormat)
		}
		id, offset := be.Uint64(v), be.Uint64(v[8:])
		var r msglog.Record
		if err := e.record(id, offset, &r); err != nil {
			return err
		}
		t := rows[id]
		t.last = min(t.last, offset-1)
		t.count--
		t.bytes -= uint64(len(r.Data))
		changed[id] = true
		return errors.Join(remove(b, id, offset, &r), b.Delete(key1(keyDedup, r.Position), nil))
	})
	if err != nil {
		return err
	}
	for id := range changed {
		t := rows[id]
		if t.last == 0 { // it was new, and so is its epoch not stored
			err = b.Delete(topicKey(names[id]), nil)
		} else {
			err = b.Set(topicKey(names[id]), t.append(nil), nil)
		}
		if err != nil {
			return err
		}
	}
	if err := b.Set(metaKey("last"), be.AppendUint64(nil, last), nil); err != nil {
		return err
	}
	return e.commit(b, pebble.Sync)
}

// loadWindow reads which messages would be duplicates.
func (l *Log) loadWindow(e *engine) (*dedup.Window, int64, error) {
	w := dedup.New(l.o.DedupCount, l.o.DedupAge)
	var clock int64
	err := each(e.db, []byte{keyDedup}, []byte{keyDedup + 1}, func(k, v []byte) error {
		d := decoder{rest: v}
		p := dedup.Place{Time: int64(d.uint64()), Epoch: d.uint64(), Offset: d.uint64()}
		publisher := string(d.bytes(d.uvarint()))
		if d.bad || len(k) != 9 || p.Offset == 0 {
			return fmt.Errorf("%w: an id that makes no sense", ErrFormat)
		}
		p.Position, p.Previous = be.Uint64(k[1:]), p.Offset-1
		clock = max(clock, p.Time)
		w.Add(dedup.Key{Publisher: publisher, ID: string(d.rest)}, p)
		return nil
	})
	return w, clock, err
}

// commit applies a batch. nil means that it is on the disk, if that was asked for.
func (e *engine) commit(b *pebble.Batch, o *pebble.WriteOptions) error {
	if e.readOnly {
		return fmt.Errorf("%w: the disk has failed", msglog.ErrUnavailable)
	}
	if failed := e.disk.Failed(); failed != nil {
		return fmt.Errorf("%w: %w", msglog.ErrUnavailable, failed)
	}
	err := b.Commit(o)
	if failed := e.disk.Failed(); failed != nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("%w: %w", msglog.ErrUnavailable, err)
	}
	return nil
}

// healthy tells whether the engine can be written to.
func (e *engine) healthy() bool {
	return e != nil && !e.readOnly && e.disk.Failed() == nil
}

// broken tells whether the disk has failed under the engine.
func (e *engine) broken() bool { return e != nil && !e.readOnly && e.disk.Failed() != nil }

// recover replaces the database after its disk has failed: by one that can be written
// to if the disk takes that, otherwise by one that can be read. commitMu is held.
func (l *Log) recover() error {
	l.engineMu.Lock()
	defer l.engineMu.Unlock()
	if l.engine.healthy() {
		return nil
	}
	if l.isClosed() {
		return msglog.ErrClosed
	}
	// What is in Pebble's log is read each time, so it is not done all the time.
	if e := l.engine; e != nil && e.readOnly && time.Since(l.retried) < l.wait {
		return fmt.Errorf("%w: the disk has failed, and is tried again", msglog.ErrUnavailable)
	}
	began := time.Now()
	defer func() {
		l.retried = time.Now()
		l.wait = max(l.o.retry, min(4*l.retried.Sub(began), 20*l.o.retry))
	}()
	if l.engine != nil {
		if err := l.engine.close(); err != nil && !l.engine.readOnly {
			l.o.Logger.Error("push: the disk of the log has failed", "dir", l.dir, "err", err)
		}
		l.engine = nil
	}
	e, err := l.open(false)
	if err == nil {
		if err = l.load(e, false); err == nil {
			l.engine = e
			l.o.Logger.Info("push: the log can be written again", "dir", l.dir)
			return nil
		}
		_ = e.close()
	}
	if e, readErr := l.open(true); readErr == nil {
		l.engine = e
	} else {
		err = errors.Join(err, readErr)
	}
	if !errors.Is(err, msglog.ErrUnavailable) {
		err = fmt.Errorf("%w: %w", msglog.ErrUnavailable, err)
	}
	return err
}

func (l *Log) isClosed() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.closed
}

// record reads a message.
func (e *engine) record(id, offset uint64, r *msglog.Record) error {
	v, closer, err := e.db.Get(key2(keyRecord, id, offset))
	if err != nil {
		return err
	}
	defer closer.Close()
	return parseRecord(append([]byte(nil), v...), r)
}

// each calls f for all keys from lower up to, without, upper; its slices live until it
// returns.
func each(db pebble.Reader, lower, upper []byte, f func(k, v []byte) error) error {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		v, err := it.ValueAndErr()
		if err == nil {
			err = f(it.Key(), v)
		}
		if err != nil {
			return errors.Join(err, it.Close())
		}
	}
	return it.Close()
}

// pebbleLogger passes on what Pebble says. What it calls fatal is a failure of the disk
// here, and no reason to end the program.
type pebbleLogger struct {
	to   *slog.Logger
	disk *disk
}

func (p pebbleLogger) Infof(format string, a ...any) { p.say(slog.LevelDebug, format, a) }

func (p pebbleLogger) Errorf(format string, a ...any) { p.say(slog.LevelDebug, format, a) }

func (p pebbleLogger) Fatalf(format string, a ...any) {
	p.say(slog.LevelError, format, a)
	p.disk.fail(fmt.Errorf(format, a...))
}

func (p pebbleLogger) say(level slog.Level, format string, a []any) {
	if p.to.Enabled(context.Background(), level) {
		p.to.Log(context.Background(), level, "pebble: "+strings.TrimSpace(fmt.Sprintf(format, a...)))
	}
}

var _ vfs.FS = (*disk)(nil)
