//go:build unix

package main

import (
	"strconv"
	"strings"
)

// A column is one figure of the table.
type column struct {
	key    string // in JSON
	title  string
	digits int    // after the point
	base   string // of a ratio: what is compared with; "" of other figures
	// value of a sample, false if there is none. find returns the sample of a
	// peer in the same round, nil where there is none.
	value func(s *sample, find finder) (float64, bool)
}

type finder func(peer string) *sample

// A base is what peers are compared with.
type base struct {
	name string
	find func(finder) *sample
}

// baseOf compares with one peer.
func baseOf(peer string) base {
	return base{peer, func(find finder) *sample { return find(peer) }}
}

// baseBest compares with the peer that takes the least CPU in the round.
func baseBest(peers ...string) base {
	return base{"best", func(find finder) (best *sample) {
		for _, peer := range peers {
			if s := find(peer); s != nil && (best == nil || s.cpuMicros() < best.cpuMicros()) {
				best = s
			}
		}
		return best
	}}
}

// minConnsForRSS is where the memory of a connection begins to stand out from
// the memory of a server.
const minConnsForRSS = 1000

// columns returns those of the table. In JSON a message is always a message.
func (t *table) columns() []column {
	figure := func(key, title string, digits int, f func(*sample) float64) column {
		return column{key: key, title: title, digits: digits, value: func(s *sample, _ finder) (float64, bool) { return f(s), true }}
	}
	cols := []column{
		figure("messages_per_second", t.unit+"/s", 0, func(s *sample) float64 { return s.PerSecond }),
		figure("cpu_us_per_message", "CPU us/"+t.unit, 3, (*sample).cpuMicros),
		figure("user_us_per_message", "user", 3, func(s *sample) float64 { return s.UserMicros }),
		figure("system_us_per_message", "system", 3, func(s *sample) float64 { return s.SysMicros }),
	}
	for _, b := range t.bases {
		cols = append(cols, b.column())
	}
	cols = append(cols,
		figure("p50_us", "p50 us", 0, func(s *sample) float64 { return s.P50Micros }),
		figure("p99_us", "p99 us", 0, func(s *sample) float64 { return s.P99Micros }),
		figure("p999_us", "p99.9 us", 0, func(s *sample) float64 { return s.P999Micros }),
	)
	if t.Rate > 0 {
		cols = append(cols,
			figure("p9999_us", "p99.99 us", 0, func(s *sample) float64 { return s.P9999Micros }),
			figure("max_us", "max us", 0, func(s *sample) float64 { return s.MaxMicros }),
			figure("lag_p99_us", "lag p99", 0, func(s *sample) float64 { return s.LagMicros }),
		)
	}
	rss := figure("rss_anon_bytes_per_connection", "RSS B/conn", 0, nil)
	rss.value = func(s *sample, _ finder) (float64, bool) {
		return s.BytesPer, t.Conns >= minConnsForRSS && s.IdleRSS > 0
	}
	return append(cols, rss,
		figure("allocs_per_message", "allocs/"+t.unit, 3, func(s *sample) float64 { return s.Allocs }),
	)
}

// column is the ratio to the base.
func (b base) column() column {
	return column{
		key:    "cpu_to_" + strings.ReplaceAll(b.name, "/", "_"),
		title:  "CPU/" + b.name,
		digits: 3,
		base:   b.name,
		value: func(s *sample, find finder) (float64, bool) {
			base := b.find(find)
			if base == nil || base.cpuMicros() == 0 {
				return 0, false
			}
			return s.cpuMicros() / base.cpuMicros(), true
		},
	}
}

// number formats v with commas between the thousands.
func number(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	first := 0
	if s[0] == '-' {
		first = 1
	}
	whole := len(s)
	if digits > 0 {
		whole -= digits + 1
	}
	for i := whole - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
