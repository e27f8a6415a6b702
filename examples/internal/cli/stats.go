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
	b.WriteString(troubles(old, now))
	return b.String()
}

// Summary tells what a server has done from start to end.
func Summary(s weir.Stats) string {
	return fmt.Sprintf("%d conns, in %s, %d frames, out %s", s.Accepted, Bytes(float64(s.BytesIn)), s.FramesIn,
		Bytes(float64(s.BytesOut))) + troubles(weir.Stats{}, s)
}

// troubles tells what has gone wrong between two snapshots.
func troubles(old, now weir.Stats) string {
	return Happened(
		Counter{"refused: max-conns", now.RejectedMaxConns - old.RejectedMaxConns},
		Counter{"refused: per IP", now.RejectedPerIP - old.RejectedPerIP},
		Counter{"refused: no descriptor", now.RejectedNoFD - old.RejectedNoFD},
		Counter{"refused: poller", now.RejectedPoller - old.RejectedPoller},
		Counter{"timeouts", now.Timeouts - old.Timeouts},
		Counter{"panics", now.Panics - old.Panics},
		Counter{"paused: pending", now.PausedPending - old.PausedPending},
		Counter{"paused: high watermark", now.HighWatermarks - old.HighWatermarks},
		Counter{"writes refused: dropped", now.Dropped - old.Dropped},
		Counter{"writes refused: backlog", now.Backlog - old.Backlog},
		Counter{"slow consumers", now.SlowConsumers - old.SlowConsumers},
		Counter{"over budget", now.OverBudget - old.OverBudget},
	)
}

// Counter is something that is worth telling only if it has happened.
type Counter struct {
	What string
	N    uint64
}

// Happened lists those that have, each after a comma.
func Happened(counters ...Counter) string {
	var b strings.Builder
	for _, c := range counters {
		if c.N > 0 {
			fmt.Fprintf(&b, ", %s %d", c.What, c.N)
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
