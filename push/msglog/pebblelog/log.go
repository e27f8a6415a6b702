package pebblelog

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/msglog/internal/dedup"
)

// Options of a Log. The zero value of every field is a default.
type Options struct {
	// Keep bounds each topic. Its zero fields: 100,000 messages, 64 MiB of data, 24
	// hours. Negative ones: no bound. What is beyond it is removed by Sweep, within
	// some seconds; the latest message is kept even if it is larger than Bytes.
	Keep msglog.Retention

	// Retention, if set, chooses the bounds of a topic when it becomes known; zero
	// fields of what it returns are taken from Keep. It is called with locks held: it
	// must be quick and not call the log.
	Retention func(topic string) msglog.Retention

	// MaxTopics bounds the topics without messages that are remembered, at about 300
	// bytes each. One that is not remembered has the same epoch whenever it is asked
	// for. Topics with messages, and those that are watched, count but are never too
	// many: they are forgotten when their Age has passed. 0: 1,000,000.
	MaxTopics int

	// CursorAge is how long the cursors of a session are kept. 0: 7 days.
	CursorAge time.Duration

	// DedupCount and DedupAge bound the window in which duplicates are recognised, as
	// in msglog.MemoryOptions. It survives a restart.
	DedupCount int
	DedupAge   time.Duration

	// MinFree is the room in bytes that is left on the disk, for the database's own
	// work: Append is refused when there is less, until there is a quarter more.
	// 0: 128 MiB, or a twentieth of the disk if that is less. Negative: it is not
	// looked at.
	MinFree int64

	// Cache is the size in bytes of the cache of what was read, and MemTable of the
	// memory in which what was written is collected, of which there may be four for a
	// short time. 0: 32 MiB and 16 MiB.
	Cache    int64
	MemTable int

	// Logger gets what the operator should know: a failing disk and what came of it;
	// and at debug level what Pebble says. nil: slog.Default().
	Logger *slog.Logger

	// Now is the clock. nil: time.Now.
	Now func() time.Time

	// For tests.
	fs    vfs.FS        // nil: the operating system's
	retry time.Duration // how often a failed database is opened anew; 0: 250 ms
}

func (o Options) withDefaults() Options {
	k := &o.Keep
	if k.Count == 0 {
		k.Count = 100_000
	}
	if k.Bytes == 0 {
		k.Bytes = 64 << 20
	}
	if k.Age == 0 {
		k.Age = 24 * time.Hour
	}
	*k = bounded(*k)
	if o.MaxTopics <= 0 {
		o.MaxTopics = 1_000_000
	}
	if o.CursorAge <= 0 {
		o.CursorAge = 7 * 24 * time.Hour
	}
	if o.Cache <= 0 {
		o.Cache = 32 << 20
	}
	if o.MemTable <= 0 {
		o.MemTable = 16 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.retry <= 0 {
		o.retry = 250 * time.Millisecond
	}
	if o.fs == nil {
		o.fs = vfs.Default
	}
	return o
}

// Log is a msglog.Log on a disk. What Append has returned nil for survives a crash of
// the process and of the machine.
//
// When the disk fails, by being full for example, Append returns errors that wrap
// msglog.ErrUnavailable, and reading goes on; as soon as there is room Append works
// again.
//
// Locks are taken in the order commitMu, engineMu, mu.
type Log struct {
	o   Options
	dir string

	// commitMu is held by whoever changes topics on the disk: Append and Sweep.
	commitMu sync.Mutex
	window   *dedup.Window // of commitMu
	lastID   uint64        // of commitMu
	clock    int64         // of commitMu: the latest Time given to a record
	space    space         // of commitMu
	retried  time.Time     // of commitMu: when the database was last opened
	wait     time.Duration // of commitMu: from then to the next time
	hand     int           // of commitMu: Sweep goes on below it
	cursorAt []byte        // of commitMu: Sweep goes on behind it
	windowAt uint64        // of commitMu: ids below it are removed

	// engineMu is held for reading by all who use the database, and for writing by
	// whoever replaces it.
	engineMu sync.RWMutex
	engine   *engine // nil: there is none, the disk cannot even be read

	unsynced atomic.Bool // something was committed without waiting

	mu        sync.RWMutex
	topics    map[string]*topic
	ids       map[uint64]*topic
	order     []*topic
	crowded   []*topic // have more than they may keep since the last Sweep
	epoch     uint64
	last      uint64
	trimmed   uint64
	vanished  uint64 // the highest gap of topics that were forgotten
	forgotten uint64
	messages  int64
	bytes     int64
	closed    bool

	stats struct {
		appended, duplicates, failed, trimmed, expired, syncs, reads atomic.Uint64
	}
}

var (
	_ msglog.Log  = (*Log)(nil)
	_ msglog.Gaps = (*Log)(nil)
)

// Open opens the log in a directory, which is made if it does not exist. The error wraps
// ErrInUse if another process, or another Log, has it open, and ErrFormat if it was
// written by an incompatible version.
func Open(dir string, o Options) (*Log, error) {
	l := &Log{o: o.withDefaults(), dir: dir}
	e, err := l.open(false)
	if err != nil {
		return nil, err
	}
	if err := l.load(e, true); err != nil {
		e.close()
		return nil, fmt.Errorf("pebblelog: %s: %w", dir, err)
	}
	l.engine = e
	return l, nil
}

func (l *Log) now() int64 { return l.o.Now().UnixMilli() }

// Close implements msglog.Log.
func (l *Log) Close() error {
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	l.engineMu.Lock()
	defer l.engineMu.Unlock()
	l.mu.Lock()
	closed := l.closed
	l.closed = true
	l.mu.Unlock()
	if closed || l.engine == nil {
		return nil
	}
	err := l.engine.close()
	l.engine = nil
	return err
}

// use calls f with the database while it is not replaced.
func (l *Log) use(f func(e *engine) error) error {
	l.engineMu.RLock()
	defer l.engineMu.RUnlock()
	if l.engine != nil {
		return f(l.engine)
	}
	return l.absent()
}

// look is use for those who read, without commitMu. What a database says whose disk has
// failed is worth nothing, see disk, so another one is opened first and f called again,
// which therefore begins anew.
func (l *Log) look(f func(e *engine) error) error {
	for attempt := 0; ; attempt++ {
		broken := false
		err := l.use(func(e *engine) error {
			if broken = e.broken(); broken {
				return fmt.Errorf("%w: %w", msglog.ErrUnavailable, e.disk.Failed())
			}
			err := f(e)
			broken = e.broken()
			return err
		})
		if !broken || attempt == 2 {
			return err
		}
		l.commitMu.Lock()
		if l.engine.broken() && !l.isClosed() {
			_ = l.recover() // even so it may be possible to read
		}
		l.commitMu.Unlock()
	}
}

func (l *Log) absent() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return msglog.ErrClosed
	}
	return fmt.Errorf("%w: the database in %s could not be opened again", msglog.ErrUnavailable, l.dir)
}

// Stats implements msglog.Log. Bytes are of data; the disk has more, and less if the
// data can be compressed.
func (l *Log) Stats() msglog.Stats {
	l.mu.RLock()
	defer l.mu.RUnlock()
	s := &l.stats
	return msglog.Stats{
		Topics: len(l.order), Messages: l.messages, Bytes: l.bytes,
		Appended: s.appended.Load(), Duplicates: s.duplicates.Load(), Failed: s.failed.Load(),
		Trimmed: s.trimmed.Load(), Expired: s.expired.Load(),
		Syncs: s.syncs.Load(), Misses: s.reads.Load(),
	}
}

// ErrInUse is wrapped by the error of Open for a directory that is open already.
var ErrInUse = errors.New("pebblelog: the directory is in use")
