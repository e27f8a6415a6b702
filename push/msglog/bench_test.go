package msglog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/msglog/internal/logtest"
)

func BenchmarkMemory(b *testing.B) {
	logtest.Bench(b, logtest.Kind{New: func(testing.TB, logtest.Settings) msglog.Log {
		return msglog.NewMemory(msglog.MemoryOptions{})
	}})
}

// BenchmarkTouch is a subscription to a topic that is known.
func BenchmarkTouch(b *testing.B) {
	m := msglog.NewMemory(msglog.MemoryOptions{})
	names := make([]string, 100_000)
	for i := range names {
		names[i] = fmt.Sprint("topic/", i)
		if _, err := m.Touch(names[i]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := m.Touch(names[i%len(names)]); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSweep is a Sweep of a million topics that nobody uses, of which it looks at a
// part.
func BenchmarkSweep(b *testing.B) {
	m := msglog.NewMemory(msglog.MemoryOptions{Keep: msglog.Retention{Age: time.Hour}})
	for i := range 1_000_000 {
		if _, err := m.Touch(fmt.Sprint("topic/", i)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if err := m.Sweep(time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}
