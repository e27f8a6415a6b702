package pebblelog

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/msglog/internal/logtest"
)

func BenchmarkPebble(b *testing.B) {
	logtest.Bench(b, logtest.Kind{New: func(t testing.TB, s logtest.Settings) msglog.Log {
		return open(t, s.Directory, Options{})
	}})
}

func BenchmarkCached(b *testing.B) {
	logtest.Bench(b, logtest.Kind{New: func(t testing.TB, s logtest.Settings) msglog.Log {
		return msglog.NewCached(open(t, s.Directory, Options{}), msglog.MemoryOptions{})
	}})
}

// BenchmarkOpen opens a log with 100,000 topics, and says what they take in memory.
func BenchmarkOpen(b *testing.B) {
	const topics = 100_000
	dir := b.TempDir()
	l := open(b, dir, Options{})
	for i := 0; i < topics; i += 1000 {
		group := make([]*msglog.Record, 1000)
		for n := range group {
			group[n] = &msglog.Record{Topic: fmt.Sprint("some/topic/", i+n), Data: []byte("x")}
		}
		if err := l.Append(group); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	var before, after runtime.MemStats
	for b.Loop() {
		l = open(b, dir, Options{})
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
	held := l // closed, but its topics are still there
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(held)
	held, l = nil, nil
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, _ = held, l
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/topics, "B/topic")
}
