package weir

import (
	"testing"
	"time"
)

// A server that has been up for long counts a connection's silence as before,
// although 32 bits of milliseconds are used up after 49 days.
func TestNearest(t *testing.T) {
	const day = 24 * time.Hour
	for _, now := range []time.Duration{0, time.Second, day, 49 * day, 50 * day, 99 * day, 100 * day, 20 * 365 * day, 1<<32*time.Millisecond - 1, 1 << 32 * time.Millisecond} {
		for _, ago := range []time.Duration{-time.Millisecond, 0, time.Millisecond, time.Hour, day, 24 * day} {
			want := (now - ago).Truncate(time.Millisecond)
			if got := nearest(now, uint32(int64(want/time.Millisecond))); got != want {
				t.Errorf("%v before %v: got %v, want %v", ago, now, got, want)
			}
		}
	}
}
