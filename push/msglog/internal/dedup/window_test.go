package dedup

import (
	"fmt"
	"testing"
	"time"
)

func key(n int) Key { return Key{"p", fmt.Sprint(n)} }

func TestBoundedByCount(t *testing.T) {
	w := New(100, time.Hour)
	for i := range 1000 {
		w.Add(key(i), Place{Time: int64(i), Position: uint64(i)})
		for _, n := range []int{i, max(0, i-99), i - 100} {
			if p, ok := w.Find(key(n), int64(i)); ok != (n >= 0 && n > i-100) || ok && p.Position != uint64(n) {
				t.Fatalf("%d after %d: %+v, %v", n, i, p, ok)
			}
		}
		if p, ok := w.Oldest(); !ok || p != uint64(max(0, i-99)) {
			t.Fatalf("the oldest is %d at %d", p, i)
		}
	}
	if w.Len() != 100 || len(w.order) != 100 {
		t.Errorf("%d entries in %d", w.Len(), len(w.order))
	}
}

func TestBoundedByAge(t *testing.T) {
	w := New(0, 100*time.Millisecond)
	for i := range 10_000 {
		w.Add(key(i), Place{Time: int64(i)})
	}
	if w.Len() != 101 {
		t.Errorf("%d entries", w.Len())
	}
	if _, ok := w.Find(key(9990), 10_100); ok {
		t.Error("it is too old")
	}
	w.Expire(20_000)
	if _, ok := w.Oldest(); ok || w.Len() != 0 {
		t.Errorf("%d are left", w.Len())
	}
	w.Add(key(1), Place{Time: 20_000})
	if _, ok := w.Find(key(1), 20_000); !ok {
		t.Error("it was not found after the window was empty")
	}
}

func TestNone(t *testing.T) {
	w := New(-1, 0)
	w.Add(key(1), Place{})
	if _, ok := w.Find(key(1), 0); ok || w.Len() != 0 {
		t.Error("it was remembered")
	}
}
