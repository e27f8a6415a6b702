//go:build unix

package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestSpreadOf(t *testing.T) {
	tests := []struct {
		values []float64
		want   spread
	}{
		{[]float64{7}, spread{7, 7, 7}},
		{[]float64{3, 1}, spread{2, 1, 3}},
		{[]float64{9, 1, 2}, spread{2, 1, 9}},
		{[]float64{4, -1, 3, 2}, spread{2.5, -1, 4}},
	}
	for _, test := range tests {
		if got, ok := spreadOf(test.values); got != test.want || !ok {
			t.Errorf("spreadOf(%v) = %v, %v, want %v", test.values, got, ok, test.want)
		}
	}
	if _, ok := spreadOf(nil); ok {
		t.Error("a spread of nothing")
	}
	values := []float64{2, 1}
	if spreadOf(values); values[0] != 2 {
		t.Error("spreadOf has sorted its argument")
	}
}

func TestNumber(t *testing.T) {
	tests := []struct {
		v      float64
		digits int
		want   string
	}{
		{0, 0, "0"}, {999, 0, "999"}, {1000, 0, "1,000"}, {1234567, 0, "1,234,567"},
		{-12, 0, "-12"}, {-123, 0, "-123"}, {-1234, 0, "-1,234"},
		{1234.5678, 3, "1,234.568"}, {0.0004, 3, "0.000"}, {12.5, 1, "12.5"},
	}
	for _, test := range tests {
		if got := number(test.v, test.digits); got != test.want {
			t.Errorf("number(%v, %d) = %q, want %q", test.v, test.digits, got, test.want)
		}
	}
}

// histogramOf returns the encoded histogram of the numbers 1 to n times unit.
func histogramOf(t *testing.T, n int64, unit time.Duration) string {
	t.Helper()
	h := newHistogram()
	for i := range n {
		if err := h.RecordValue((i + 1) * int64(unit)); err != nil {
			t.Fatal(err)
		}
	}
	text, err := encodeHistogram(h)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestNewSample(t *testing.T) {
	// The windows differ by a tenth, as the rates do not.
	tr := traffic{Elapsed: 2e9, Messages: 1000, Bytes: 64000, Histogram: histogramOf(t, 1000, time.Microsecond)}
	before := usage{At: 1e9, User: 5e6, System: 7e6, Mallocs: 100}
	after := usage{At: 1e9 + 2.2e9, User: 5e6 + 2.2e6, System: 7e6 + 4.4e6, Mallocs: 100 + 550}
	empty := usage{RSSAnon: 1 << 20, HeapAlloc: 5000}
	idle := usage{RSSAnon: 1<<20 + 200*10, HeapAlloc: 5000 - 10*10, Goroutines: 4}
	s, err := newSample(tr, before, after, empty, idle, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		name      string
		got, want float64
	}{
		{"per second", s.PerSecond, 500},
		{"user", s.UserMicros, 2},
		{"system", s.SysMicros, 4},
		{"cpu", s.cpuMicros(), 6},
		{"allocs", s.Allocs, 0.5},
		{"rss", s.BytesPer, 200},
		{"heap", s.HeapPer, -10},
		{"share", s.ServerShare, 0.003},
	} {
		if math.Abs(f.got-f.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", f.name, f.got, f.want)
		}
	}
	for _, f := range []struct {
		name      string
		got, want float64
	}{{"p50", s.P50Micros, 500}, {"p99", s.P99Micros, 990}, {"p99.9", s.P999Micros, 999}, {"max", s.MaxMicros, 1000}} {
		if math.Abs(f.got-f.want) > f.want/500 { // three digits, and a unit of half a microsecond
			t.Errorf("%s: %v, want about %v", f.name, f.got, f.want)
		}
	}

	tr.Messages = 0
	if _, err := newSample(tr, before, after, empty, idle, 10); err == nil {
		t.Error("a sample without messages")
	}
}

func TestSummary(t *testing.T) {
	sampleOf := func(round int, cpu float64) *sample {
		return &sample{
			Round: round, PerSecond: 1e6 / cpu, UserMicros: cpu / 4, SysMicros: cpu * 3 / 4,
			P50Micros: 50, P99Micros: 99, P999Micros: 1234.4, BytesPer: 7800.4, IdleRSS: 1,
			Histogram: histogramOf(t, 10, time.Millisecond),
		}
	}
	// The second round went twice as slow for everyone, the third for net only.
	tab := &table{Conns: 1000, Size: 64, Pipeline: 1, unit: "msg", bases: []base{baseOf("floor"), baseOf("net"), baseBest("net", "frail")}, Rows: []*row{
		{Peer: "floor", Samples: []*sample{sampleOf(1, 4), sampleOf(2, 8), sampleOf(3, 4)}},
		{Peer: "net", Samples: []*sample{sampleOf(1, 8), sampleOf(2, 16), sampleOf(3, 16)}},
		{Peer: "frail", Samples: []*sample{sampleOf(1, 6)}, Error: "it broke"},
		{Peer: "dead", Error: "it never lived"},
	}}
	if err := tab.summarize(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		row int
		key string
		is  spread
	}{
		{0, "cpu_us_per_message", spread{4, 4, 8}},
		{0, "cpu_to_floor", spread{1, 1, 1}},
		{0, "cpu_to_net", spread{0.5, 0.25, 0.5}},
		{1, "cpu_to_floor", spread{2, 2, 4}},
		{2, "cpu_to_floor", spread{1.5, 1.5, 1.5}},
		{1, "cpu_to_best", spread{1, 1, 4.0 / 3}},
	} {
		if got := tab.Rows[want.row].Summary[want.key]; got != want.is {
			t.Errorf("%s of %s: %v, want %v", want.key, tab.Rows[want.row].Peer, got, want.is)
		}
	}
	if len(tab.Rows[3].Summary) != 0 {
		t.Errorf("figures of a peer without samples: %v", tab.Rows[3].Summary)
	}
	if h, err := decodeHistogram(tab.Rows[0].Merged); err != nil || h.TotalCount() != 30 {
		t.Errorf("merged histogram: %v, %v", h, err)
	}

	var b strings.Builder
	if err := tab.writeText(&b, 3); err != nil {
		t.Fatal(err)
	}
	const want = `
1,000 connections, 64 B, pipeline 1: median of 3 rounds, below it least–greatest

peer             msg/s    CPU us/msg         user        system    CPU/floor      CPU/net     CPU/best  p50 us  p99 us     p99.9 us   RSS B/conn   allocs/msg
floor          250,000         4.000        1.000         3.000        1.000        0.500        0.500      50      99        1,234        7,800        0.000
       125,000–250,000   4.000–8.000  1.000–2.000   3.000–6.000  1.000–1.000  0.250–0.500  0.250–0.667   50–50   99–99  1,234–1,234  7,800–7,800  0.000–0.000
net             62,500        16.000        4.000        12.000        2.000        1.000        1.000      50      99        1,234        7,800        0.000
        62,500–125,000  8.000–16.000  2.000–4.000  6.000–12.000  2.000–4.000  1.000–1.000  1.000–1.333   50–50   99–99  1,234–1,234  7,800–7,800  0.000–0.000
frail          166,667         6.000        1.500         4.500        1.500        0.750        1.000      50      99        1,234        7,800        0.000
dead                 -             -            -             -            -            -            -       -       -            -            -            -

frail FAILED: it broke

dead FAILED: it never lived
`
	if got := b.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}

	// Few connections say nothing about the memory of one.
	tab.Conns = 999
	if err := tab.summarize(); err != nil {
		t.Fatal(err)
	}
	if sp, ok := tab.Rows[0].Summary["rss_anon_bytes_per_connection"]; ok {
		t.Errorf("memory per connection at 999 connections: %v", sp)
	}
}
