package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/weir-go/weir"
)

// Report prints a line of statistics per interval until stop is called, which
// waits for the last one. With an interval of 0 there are none.
func Report(w io.Writer, interval time.Duration, stats func() weir.Stats) (stop func()) {
	if interval <= 0 {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		last, at := stats(), time.Now()
		for {
			select {
			case <-tick.C:
				now := time.Now()
				s := stats()
				fmt.Fprintln(w, Line(last, s, now.Sub(at)))
				last, at = s, now
			case <-end:
				return
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// Line tells what has happened between two snapshots that are d apart: what goes
// on as rates, what goes wrong as counts, and only if it does.
func Line(old, now weir.Stats, d time.Duration) string {
	var b strings.Builder
	rate := func(old, now uint64) float64 { return float64(now-old) / d.Seconds() }
	fmt.Fprintf(&b, "conns %d (+%d -%d)", now.Conns, now.Accepted-old.Accepted, now.Closed-old.Closed)
	fmt.Fprintf(&b, ", in %s/s, %.0f frames/s, out %s/s", Bytes(rate(old.BytesIn, now.BytesIn)),
		rate(old.FramesIn, now.FramesIn), Bytes(rate(old.BytesOut, now.BytesOut)))
	fmt.Fprintf(&b, ", buffered %s, lag %v", Bytes(float64(now.Buffered)), now.Lag.Round(time.Microsecond))
	fmt.Fprintf(&b, ", workers %d, queue %d", now.Workers, now.PoolQueue)
	for _, c := range []struct {
		what string
		n    uint64
	}{
		{"refused: max-conns", now.RejectedMaxConns - old.RejectedMaxConns},
		{"refused: per IP", now.RejectedPerIP - old.RejectedPerIP},
		{"refused: no descriptor", now.RejectedNoFD - old.RejectedNoFD},
		{"refused: poller", now.RejectedPoller - old.RejectedPoller},
		{"timeouts", now.Timeouts - old.Timeouts},
		{"panics", now.Panics - old.Panics},
		{"paused: pending", now.PausedPending - old.PausedPending},
		{"paused: high watermark", now.HighWatermarks - old.HighWatermarks},
		{"writes refused: dropped", now.Dropped - old.Dropped},
		{"writes refused: backlog", now.Backlog - old.Backlog},
		{"slow consumers", now.SlowConsumers - old.SlowConsumers},
		{"over budget", now.OverBudget - old.OverBudget},
	} {
		if c.n > 0 {
			fmt.Fprintf(&b, ", %s %d", c.what, c.n)
		}
	}
	return b.String()
}

// Bytes prints a number of bytes in a unit that suits it.
func Bytes(n float64) string {
	units := []string{"B", "kB", "MB", "GB"}
	for n >= 999.5 && len(units) > 1 {
		n, units = n/1000, units[1:]
	}
	if n < 99.95 {
		return fmt.Sprintf("%.3g %s", n, units[0])
	}
	return fmt.Sprintf("%.0f %s", n, units[0])
}
