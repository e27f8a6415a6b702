//go:build unix

package main

import "strconv"

// A column is one figure of the table.
type column struct {
	key    string // in JSON
	title  string
	digits int // after the point
	// value of a sample; false if there is none. same holds the sample of
	// every peer in the same round, nil where there is none.
	value func(s *sample, same references) (float64, bool)
}

// references are the samples of one round that others are compared with.
type references struct {
	floor, net *sample
}

// minConnsForRSS is where the memory of a connection begins to stand out from
// the memory of a server.
const minConnsForRSS = 1000

func columns(conns int) []column {
	plain := func(f func(*sample) float64) func(*sample, references) (float64, bool) {
		return func(s *sample, _ references) (float64, bool) { return f(s), true }
	}
	ratio := func(to func(references) *sample) func(*sample, references) (float64, bool) {
		return func(s *sample, same references) (float64, bool) {
			base := to(same)
			if base == nil || base.cpuMicros() == 0 {
				return 0, false
			}
			return s.cpuMicros() / base.cpuMicros(), true
		}
	}
	return []column{
		{"messages_per_second", "msg/s", 0, plain(func(s *sample) float64 { return s.PerSecond })},
		{"cpu_us_per_message", "CPU us/msg", 3, plain((*sample).cpuMicros)},
		{"user_us_per_message", "user", 3, plain(func(s *sample) float64 { return s.UserMicros })},
		{"system_us_per_message", "system", 3, plain(func(s *sample) float64 { return s.SysMicros })},
		{"cpu_to_floor", "CPU/floor", 3, ratio(func(r references) *sample { return r.floor })},
		{"cpu_to_net", "CPU/net", 3, ratio(func(r references) *sample { return r.net })},
		{"p50_us", "p50 us", 0, plain(func(s *sample) float64 { return s.P50Micros })},
		{"p99_us", "p99 us", 0, plain(func(s *sample) float64 { return s.P99Micros })},
		{"p999_us", "p99.9 us", 0, plain(func(s *sample) float64 { return s.P999Micros })},
		{"rss_anon_bytes_per_connection", "RSS B/conn", 0, func(s *sample, _ references) (float64, bool) {
			return s.BytesPer, conns >= minConnsForRSS && s.IdleRSS > 0
		}},
		{"allocs_per_message", "allocs/msg", 3, plain(func(s *sample) float64 { return s.Allocs })},
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
