package cli

import (
	"testing"
	"time"

	"github.com/weir-go/weir"
)

func TestLine(t *testing.T) {
	old := weir.Stats{Accepted: 10, Closed: 5, BytesIn: 1000, FramesIn: 10, Timeouts: 7}
	now := weir.Stats{
		Conns: 8, Accepted: 15, Closed: 7, BytesIn: 5_001_000, BytesOut: 400, FramesIn: 110, Timeouts: 9,
		RejectedNoFD: 3, Buffered: 12_345, Lag: 1234567 * time.Nanosecond, Workers: 4, PoolQueue: 1,
	}
	const want = "conns 8 (+5 -2), in 2.5 MB/s, 50 frames/s, out 200 B/s, buffered 12.3 kB, lag 1.235ms, workers 4, queue 1" +
		", refused: no descriptor 3, timeouts 2"
	if got := Line(old, now, 2*time.Second); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[float64]string{0: "0 B", 999: "999 B", 1000: "1 kB", 123_456: "123 kB", 1_500_000: "1.5 MB", 2.5e12: "2500 GB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%v) = %s, want %s", n, got, want)
		}
	}
}

func TestSummary(t *testing.T) {
	s := weir.Stats{Conns: 1, Accepted: 15, Closed: 14, BytesIn: 5_001_000, BytesOut: 400, FramesIn: 110, Timeouts: 9}
	const want = "15 conns, in 5 MB, 110 frames, out 400 B, timeouts 9"
	if got := Summary(s); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := Happened(Counter{"a", 0}, Counter{"b", 2}, Counter{"c", 1}); got != ", b 2, c 1" {
		t.Errorf("got %q", got)
	}
}
