package pebblelog

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/msglog/internal/logtest"
)

func open(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	l, err := Open(dir, withLogger(o))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func withLogger(o Options) Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func TestLog(t *testing.T) {
	logtest.Run(t, logtest.Kind{Lasting: true, Lazy: true, New: func(t testing.TB, s logtest.Settings) msglog.Log {
		return open(t, s.Directory, Options{Keep: s.Keep, DedupAge: s.DedupAge, Now: s.Now, MemTable: 1 << 20})
	}})
}

func TestCached(t *testing.T) {
	logtest.Run(t, logtest.Kind{Lasting: true, Lazy: true, New: func(t testing.TB, s logtest.Settings) msglog.Log {
		l := open(t, s.Directory, Options{Keep: s.Keep, DedupAge: s.DedupAge, Now: s.Now, MemTable: 1 << 20})
		return msglog.NewCached(l, msglog.MemoryOptions{Keep: msglog.Retention{Count: 10}, Now: s.Now})
	}})
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{})
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("a second time: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(t, dir, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLargeGroup appends more at once than Pebble collects in memory.
func TestLargeGroup(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, Options{MemTable: 64 << 10})
	for range 3 {
		var group []*msglog.Record
		for range 100 {
			group = append(group, &msglog.Record{Topic: "a", Data: make([]byte, 10_000)})
		}
		if err := l.Append(group); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if got, _, err := l.Read(nil, "a", 0, 1000, 1<<30); len(got) != 300 || err != nil {
			t.Fatalf("%d messages, %v", len(got), err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = open(t, dir, Options{})
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}
