//go:build unix

package main

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
)

const workUsage = "what a handler does before it answers: `cpu:20us` computes, sleep:1ms blocks; nothing if empty"

// A work is what a handler does before it answers, in place of what a real one
// would.
type work struct {
	kind string // "", "cpu" or "sleep"
	long time.Duration
}

const maxWork = time.Second

func parseWork(s string) (work, error) {
	if s == "" {
		return work{}, nil
	}
	kind, long, ok := strings.Cut(s, ":")
	if !ok || kind != "cpu" && kind != "sleep" {
		return work{}, fmt.Errorf("-work %q is neither cpu:DURATION nor sleep:DURATION", s)
	}
	d, err := time.ParseDuration(long)
	if err == nil && (d < time.Microsecond || d > maxWork) {
		err = errors.New("not between 1us and 1s")
	}
	if err != nil {
		return work{}, fmt.Errorf("-work %q: %w", s, err)
	}
	return work{kind, d}, nil
}

// start returns the function that does it.
func (w work) start() func() {
	switch w.kind {
	case "cpu":
		n := spinsPer(w.long)
		return func() { runtime.KeepAlive(spin(n)) }
	case "sleep":
		return func() { time.Sleep(w.long) }
	}
	return func() {}
}

// spinsPer finds out how often the loop of spin goes round in d, once, at the
// start. So a handler that is interrupted computes no less: its work is a number
// of instructions and not an hour to wait for. The fastest of many tries counts:
// it was not interrupted itself.
func spinsPer(d time.Duration) int {
	const tries, sample = 50, 100_000 // of some 100 us
	fastest := maxWork
	for range tries {
		began := time.Now()
		runtime.KeepAlive(spin(sample))
		fastest = min(fastest, time.Since(began))
	}
	return max(1, int(float64(sample)*float64(d)/float64(max(fastest, 1))))
}

// spin computes something.
//
//go:noinline
func spin(n int) uint64 {
	x := uint64(n) | 1
	for range n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}
