package msglog_test

import (
	"testing"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/msglog/internal/logtest"
)

func options(s logtest.Settings) msglog.MemoryOptions {
	return msglog.MemoryOptions{Keep: s.Keep, DedupAge: s.DedupAge, Now: s.Now}
}

func TestMemory(t *testing.T) {
	logtest.Run(t, logtest.Kind{New: func(_ testing.TB, s logtest.Settings) msglog.Log {
		return msglog.NewMemory(options(s))
	}})
}

func TestCached(t *testing.T) {
	for _, row := range []struct {
		name string
		o    func(*msglog.MemoryOptions)
	}{
		{"roomy", func(*msglog.MemoryOptions) {}},
		{"short", func(o *msglog.MemoryOptions) { o.Keep = msglog.Retention{Count: 3} }},
		{"tight", func(o *msglog.MemoryOptions) { o.MaxBytes, o.MaxTopics = 4096, 3 }},
	} {
		t.Run(row.name, func(t *testing.T) {
			logtest.Run(t, logtest.Kind{New: func(_ testing.TB, s logtest.Settings) msglog.Log {
				o := options(s)
				row.o(&o)
				return msglog.NewCached(msglog.NewMemory(options(s)), o)
			}})
		})
	}
}
