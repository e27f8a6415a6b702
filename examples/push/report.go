package main

import (
	"fmt"
	"io"
	"time"

	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/push"
)

// report prints a line of statistics per interval until stop is called, which waits for
// the last one. With an interval of 0 there are none.
func (p *program) report(w io.Writer, interval time.Duration) (stop func()) {
	if interval <= 0 {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		last, at := p.push.Stats(), time.Now()
		for {
			select {
			case <-tick.C:
				now := time.Now()
				s := p.push.Stats()
				fmt.Fprintln(w, line(last, s, now.Sub(at)))
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

// line tells what has happened between two snapshots that are d apart: what goes on as
// rates, what goes wrong as counts, and only if it does.
func line(old, now push.Stats, d time.Duration) string {
	rate := func(old, now uint64) float64 { return float64(now-old) / d.Seconds() }
	return fmt.Sprintf("sessions %d (+%d -%d), subscriptions %d, published %.0f/s, delivered %.0f/s, out %s/s, behind %d, log %d messages",
		now.Sessions, now.Opened-old.Opened, now.Closed-old.Closed, now.Subs, rate(old.Published, now.Published),
		rate(old.Delivered, now.Delivered), cli.Bytes(rate(old.BytesOut, now.BytesOut)), now.Behind, now.Log.Messages) + troubles(old, now)
}

// summary tells what a server has done from start to end.
func summary(s push.Stats) string {
	return fmt.Sprintf("served %d connections; published %d, delivered %d, stored %d", s.Opened, s.Published, s.Delivered, s.Log.Appended) +
		troubles(push.Stats{}, s)
}

// troubles tells what has gone wrong between two snapshots.
func troubles(old, now push.Stats) string {
	total := func(s push.Stats) (dropped, refused uint64) {
		for _, n := range s.Dropped {
			dropped += n
		}
		for _, n := range s.Refused {
			refused += n
		}
		return dropped, refused
	}
	oldDropped, oldRefused := total(old)
	dropped, refused := total(now)
	return cli.Happened(
		cli.Counter{What: "dropped", N: dropped - oldDropped},
		cli.Counter{What: "refused", N: refused - oldRefused},
		cli.Counter{What: "gaps", N: now.Gaps - old.Gaps},
		cli.Counter{What: "sent away", N: now.SentAway - old.SentAway},
		cli.Counter{What: "not stored", N: now.Log.Failed - old.Log.Failed},
	)
}
