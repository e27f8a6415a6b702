//go:build unix

package main

import (
	"testing"
	"time"
)

func TestWork(t *testing.T) {
	for s, want := range map[string]work{"": {}, "cpu:20us": {"cpu", 20 * time.Microsecond}, "sleep:1ms": {"sleep", time.Millisecond}} {
		if got, err := parseWork(s); err != nil || got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"cpu", "cpu:", "cpu:0s", "cpu:-1s", "sleep:2s", "sleep:1", "Sleep:1ms", ":1ms"} {
		if got, err := parseWork(s); err == nil {
			t.Errorf("%q: %+v", s, got)
		}
	}
	work{}.start()() // does nothing
	began := time.Now()
	work{"sleep", 2 * time.Millisecond}.start()()
	if took := time.Since(began); took < 2*time.Millisecond {
		t.Errorf("slept for %v", took)
	}
	if n := spinsPer(time.Microsecond); n < 1 {
		t.Errorf("a microsecond is %d rounds", n)
	}
	if spin(1000) == spin(1001) {
		t.Error("nothing is computed")
	}
}
