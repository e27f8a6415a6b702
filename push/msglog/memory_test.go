package msglog

import (
	"fmt"
	"testing"
	"time"
)

// hand is a clock that is moved by hand.
type hand struct{ now time.Time }

func (h *hand) Now() time.Time          { return h.now }
func (h *hand) Advance(d time.Duration) { h.now = h.now.Add(d) }

func newHand() *hand { return &hand{time.UnixMilli(1_700_000_000_000)} }

func TestTopicsOfNoUseAreForgotten(t *testing.T) {
	clock := newHand()
	m := NewMemory(MemoryOptions{Now: clock.Now, Keep: Retention{Age: time.Minute}})
	for i := range 10_000 {
		if _, err := m.Touch(fmt.Sprint("t", i)); err != nil {
			t.Fatal(err)
		}
	}
	m.Watch("t5", true)
	before := m.Topic("t5")
	if err := m.Append([]*Record{{Topic: "t6", Data: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	clock.Advance(61 * time.Second)
	for range 20 {
		if err := m.Sweep(clock.now); err != nil {
			t.Fatal(err)
		}
	}
	if s := m.Stats(); s.Topics != 1 || s.Messages != 0 || s.Bytes != 0 || s.Trimmed != 1 {
		t.Errorf("after their age: %+v, want the watched topic only", s)
	}
	if m.Topic("t5") != before {
		t.Errorf("the watched topic is %+v, was %+v", m.Topic("t5"), before)
	}
	if m.cost != 0 || len(m.seq.spans) != 0 {
		t.Errorf("cost %d, %d spans are left", m.cost, len(m.seq.spans))
	}
}

func TestTheUnwatchedLoseTheirsFirst(t *testing.T) {
	m := NewMemory(MemoryOptions{MaxBytes: 100 * (recordCost + 10)})
	m.Watch("watched", true)
	put := func(topic string, n int) {
		for range n {
			if err := m.Append([]*Record{{Topic: topic, Data: make([]byte, 10)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	put("watched", 50)
	put("old", 20)
	put("new", 30)
	put("watched", 30)
	for topic, want := range map[string]uint64{"watched": 1, "old": 21, "new": 11} {
		if e := m.Topic(topic); e.First != want {
			t.Errorf("%s begins at %d, want %d", topic, e.First, want)
		}
	}
	put("watched", 100)
	if s := m.Stats(); s.Messages > 100 || s.Bytes > 1000 {
		t.Errorf("%+v is more than MaxBytes", s)
	}
}

func TestMoreTopicsThanRemembered(t *testing.T) {
	m := NewMemory(MemoryOptions{MaxTopics: 10})
	m.Watch("watched", true)
	first := m.Topic("watched")
	lost, _ := m.Touch("lost")
	for i := range 10 {
		if _, err := m.Touch(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := m.Stats().Topics; n != 10 {
		t.Errorf("%d topics, want 10", n)
	}
	if m.Topic("watched") != first {
		t.Error("a watched topic was forgotten")
	}
	if again, _ := m.Touch("lost"); again.Epoch == lost.Epoch {
		t.Error("a forgotten topic has its old epoch")
	}
}

func TestCursorsAreBounded(t *testing.T) {
	m := NewMemory(MemoryOptions{MaxCursors: 3})
	for i := range 5 {
		if err := m.SaveCursors(map[string][]byte{fmt.Sprint(i): {byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 5 {
		if v, err := m.LoadCursors(fmt.Sprint(i)); err != nil || (v != nil) != (i >= 2) {
			t.Errorf("cursor %d: %v %v", i, v, err)
		}
	}
}
