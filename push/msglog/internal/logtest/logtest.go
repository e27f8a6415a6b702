// Package logtest holds what every msglog.Log has to pass.
package logtest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir/push/msglog"
)

// Settings are what a log is made with.
type Settings struct {
	Keep      msglog.Retention
	DedupAge  time.Duration
	Now       func() time.Time
	Directory string // for those that have one
}

// Kind is a kind of log.
type Kind struct {
	New func(t testing.TB, s Settings) msglog.Log

	// Lasting ones are the same when they are opened again, and Lazy ones apply their
	// retention with Sweep.
	Lasting bool
	Lazy    bool
}

// Clock is moved by hand.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands.
func NewClock() *Clock { return &Clock{now: time.UnixMilli(1_700_000_000_000)} }

// Now returns its time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves it.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Run runs all tests.
func Run(t *testing.T, k Kind) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Kind)
	}{
		{"numbers", testNumbers},
		{"duplicates", testDuplicates},
		{"read in parts", testParts},
		{"expiry", testExpiry},
		{"retention", testRetention},
		{"scan", testScan},
		{"topics", testTopics},
		{"cursors", testCursors},
		{"closed", testClosed},
		{"forgotten", testForgotten},
		{"reopen", testReopen},
		{"model", testModel},
		{"at once", testAtOnce},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, k) })
	}
}

const all = 1 << 30

func (k Kind) open(t *testing.T, s Settings) (msglog.Log, *Clock) {
	t.Helper()
	clock := NewClock()
	if s.Now == nil {
		s.Now = clock.Now
	}
	if s.Directory == "" {
		s.Directory = t.TempDir()
	}
	l := k.New(t, s)
	t.Cleanup(func() { l.Close() })
	return l, clock
}

func put(t testing.TB, l msglog.Log, records ...*msglog.Record) {
	t.Helper()
	if err := l.Append(records); err != nil {
		t.Fatalf("Append: %v", err)
	}
}

func message(topic, data string) *msglog.Record {
	return &msglog.Record{Topic: topic, Data: []byte(data)}
}

func read(t testing.TB, l msglog.Log, topic string, after uint64) []*msglog.Record {
	t.Helper()
	records, _, err := l.Read(nil, topic, after, all, all)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	return records
}

func sweep(t testing.TB, l msglog.Log, now time.Time) {
	t.Helper()
	if err := l.Sweep(now); err != nil {
		t.Fatalf("Sweep: %v", err)
	}
}

func offsets(records []*msglog.Record) string {
	s := ""
	for _, r := range records {
		s += fmt.Sprint(r.Topic, r.Offset, " ")
	}
	return s
}
