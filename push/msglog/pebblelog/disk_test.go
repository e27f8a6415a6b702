package pebblelog

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/weir-go/weir/push/msglog"
)

// faulty is a file system that fails: all that changes it is counted, and from the
// number at on, for as many as length, it fails. A write that fails has written half.
type faulty struct {
	vfs.FS
	mu     sync.Mutex
	err    error
	n      int
	at     int // 0: never
	length int
	hits   int
}

func (f *faulty) fails() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if f.at > 0 && f.n >= f.at && f.n-f.at < f.length {
		f.hits++
		return f.err
	}
	return nil
}

func (f *faulty) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = 0
}

func (f *faulty) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.wrap(f.FS.Create(name, c))
}

func (f *faulty) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.wrap(f.FS.OpenReadWrite(name, c, o...))
}

func (f *faulty) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := f.fails(); err != nil {
		return nil, err
	}
	return f.wrap(f.FS.ReuseForWrite(old, name, c))
}

func (f *faulty) OpenDir(name string) (vfs.File, error) { return f.wrap(f.FS.OpenDir(name)) }

func (f *faulty) Rename(old, name string) error {
	if err := f.fails(); err != nil {
		return err
	}
	return f.FS.Rename(old, name)
}

func (f *faulty) Remove(name string) error {
	if err := f.fails(); err != nil {
		return err
	}
	return f.FS.Remove(name)
}

func (f *faulty) wrap(inner vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &faultyFile{inner, f}, nil
}

type faultyFile struct {
	vfs.File
	fs *faulty
}

func (f *faultyFile) Write(b []byte) (int, error) {
	if err := f.fs.fails(); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f *faultyFile) Sync() error {
	if err := f.fs.fails(); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *faultyFile) SyncData() error {
	if err := f.fs.fails(); err != nil {
		return err
	}
	return f.File.SyncData()
}

func (f *faultyFile) SyncTo(n int64) (bool, error) {
	if err := f.fs.fails(); err != nil {
		return false, err
	}
	return f.File.SyncTo(n)
}

// TestFailingDisk has one write after the other fail, for some time.
func TestFailingDisk(t *testing.T) {
	count := &faulty{FS: vfs.NewMem()}
	failingDisk(t, count)
	t.Logf("%d writes without a failure", count.n)
	// Not each in every run: other runs begin elsewhere.
	step := 12
	if testing.Short() {
		step = 30
	}
	for _, row := range []struct {
		err    error
		length int
	}{{syscall.ENOSPC, 1 << 30}, {syscall.ENOSPC, 1}, {syscall.EIO, 3}, {syscall.ENOSPC, 12}} {
		t.Run(fmt.Sprint(row.err, " ", row.length), func(t *testing.T) {
			hits := 0
			for at := 1 + rand.IntN(step); at <= count.n && !t.Failed(); at += step {
				f := &faulty{FS: vfs.NewMem(), err: row.err, at: at, length: row.length}
				failingDisk(t, f)
				hits += min(f.hits, 1)
			}
			t.Logf("%d failures", hits)
		})
	}
}

// failingDisk appends, sweeps and reads, and checks that what is acknowledged, and
// nothing else, is there: whatever fails, and after it does not any more.
func failingDisk(t *testing.T, f *faulty) {
	at := f.at
	clock := time.UnixMilli(1_700_000_000_000)
	o := Options{
		fs: f, retry: time.Nanosecond, MemTable: 16 << 10, Now: func() time.Time { return clock },
		Keep: msglog.Retention{Count: -1, Bytes: -1, Age: 40 * time.Second},
	}
	var l *Log
	var err error
	for try := 0; l == nil; try++ {
		if l, err = Open("/log", withLogger(o)); err != nil {
			if !errors.Is(err, msglog.ErrUnavailable) || try == 2 {
				t.Fatalf("%d: Open: %v", at, err)
			}
			f.heal()
		}
	}
	known := make(map[string][]string) // by topic; the offset is the index and 1
	epochs := make(map[string]uint64)
	check := func(when string) {
		t.Helper()
		for name, want := range known {
			e := l.Topic(name)
			got, next, err := l.Read(nil, name, 0, 1<<30, 1<<30)
			if err != nil || e.Last != uint64(len(want)) || next != e.Last || e.Epoch != epochs[name] {
				t.Fatalf("%d, %s: %s is %+v, want %d messages of %d; next %d, %v", at, when, name, e, len(want), epochs[name], next, err)
			}
			first := e.First
			for i, r := range got {
				if i == 0 && r.Offset > first {
					t.Fatalf("%d, %s: %s begins with %d, not %d", at, when, name, r.Offset, first)
				}
				if r.MessageID != want[r.Offset-1] || i > 0 && r.Offset != got[i-1].Offset+1 {
					t.Fatalf("%d, %s: %s has %d, %q, want %q", at, when, name, r.Offset, r.MessageID, want[r.Offset-1])
				}
			}
			if n := uint64(len(got)); len(got) > 0 && got[n-1].Offset != e.Last {
				t.Fatalf("%d, %s: %s ends with %d of %d", at, when, name, got[n-1].Offset, e.Last)
			}
		}
		total := 0
		for _, want := range known {
			total += len(want)
		}
		if all := l.All(); all.Last != uint64(total) {
			t.Fatalf("%d, %s: %+v, want %d", at, when, all, total)
		}
	}
	failures := 0
	for n := range 24 {
		clock = clock.Add(3 * time.Second)
		group := func() (g []*msglog.Record) {
			for i := range 3 {
				id := fmt.Sprint(n, ".", i)
				g = append(g, &msglog.Record{Topic: fmt.Sprint("t", (n+i)%4), Publisher: "p", MessageID: id, Data: make([]byte, 900)})
			}
			return g
		}
		for try := 0; ; try++ {
			g := group()
			err := l.Append(g)
			if err == nil {
				for _, r := range g {
					if r.Duplicate {
						t.Fatalf("%d: %+v was refused before, and is a duplicate", at, r)
					}
					known[r.Topic] = append(known[r.Topic], r.MessageID)
					if len(known[r.Topic]) == 1 {
						epochs[r.Topic] = r.Epoch
					}
				}
				break
			}
			failures++
			if !errors.Is(err, msglog.ErrUnavailable) || f.at == 0 || try > 20 {
				t.Fatalf("%d: Append: %v", at, err)
			}
			check("while it fails")
			if try == 2 {
				f.heal()
			}
		}
		if n%4 == 3 {
			if err := l.Sweep(clock); err != nil && !errors.Is(err, msglog.ErrUnavailable) {
				t.Fatalf("%d: Sweep: %v", at, err)
			}
		}
	}
	check("at the end")
	if err := l.Close(); err != nil && f.hits == 0 {
		t.Fatalf("%d: Close: %v", at, err)
	}
	f.heal()
	if l, err = Open("/log", withLogger(o)); err != nil {
		t.Fatalf("%d: Open again: %v", at, err)
	}
	check("after a restart")
	if err := l.Close(); err != nil {
		t.Fatalf("%d: Close: %v", at, err)
	}
}
