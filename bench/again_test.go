//go:build unix

package main

import (
	"math"
	"strings"
	"testing"
)

func TestNoise(t *testing.T) {
	sampleOf := func(round int, cpu, p99 float64) *sample {
		return &sample{Round: round, PerSecond: 1000, SysMicros: cpu, P99Micros: p99, Histogram: histogramOf(t, 1, 1000)}
	}
	tab := &table{Conns: 10, Size: 64, Pipeline: 1, unit: "msg", bases: []base{baseOf("floor"), baseOf("net"), baseBest("net", "weir")}, Rows: []*row{
		{Peer: "net", Samples: []*sample{sampleOf(1, 10, 100), sampleOf(2, 10, 100), sampleOf(3, 10, 0)}},
		{Peer: "weir", Samples: []*sample{sampleOf(1, 5, 50), sampleOf(2, 5, 50), sampleOf(3, 5, 50)}},
	}}
	if tab.measureAgain(); len(tab.Rows) != 3 || tab.Rows[2].name() != "net (again)" {
		t.Fatalf("the rows are %+v", tab.Rows)
	}
	if noise := tab.noise(); noise != nil {
		t.Errorf("noise before anything was measured again: %v", noise)
	}
	// The second round counts, being the worst. There is no pair of the fourth.
	tab.Rows[2].Samples = []*sample{sampleOf(1, 10.1, 100), sampleOf(2, 9.59, 150), sampleOf(3, 10, 1), sampleOf(4, 99, 99)}
	if err := tab.summarize(); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]float64{"cpu_to_net": 0.041, "cpu_to_best": 0.041, "cpu_us_per_message": 0.041, "p99_us": 0.5, "messages_per_second": 0} {
		if got, ok := tab.Noise[key]; !ok || math.Abs(got-want) > 1e-9 {
			t.Errorf("the noise of %s is %v, want %v", key, got, want)
		}
	}
	if _, ok := tab.Noise["cpu_to_floor"]; ok {
		t.Error("the noise of a ratio to nobody")
	}
	// The peer that is measured again is nobody's base.
	if got := tab.Rows[1].Summary["cpu_to_net"]; got != (spread{0.5, 0.5, 0.5}) {
		t.Errorf("the ratio is %v", got)
	}
	var b strings.Builder
	if err := tab.writeText(&b, 3); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"net":         " 1.000            2.000 ±5%",
		"weir":        " 0.500 ±5%        1.000 ±5%",
		"net (again)": " 1.000            2.000     ",
	} {
		for line := range strings.Lines(b.String()) {
			if rest, ok := strings.CutPrefix(line, name+"  "); ok && !strings.Contains(rest, want) {
				t.Errorf("no %q in %q", want, line)
			}
		}
	}

	// Nobody to compare with.
	lone := &table{bases: []base{baseOf("floor")}, Rows: []*row{{Peer: "net"}, {Peer: "weir"}}}
	if lone.measureAgain(); len(lone.Rows) != 2 {
		t.Error("a peer is measured again for no ratio")
	}
}

func TestSaturation(t *testing.T) {
	busy, idle := []*sample{{LoadShare: 0.5}, {LoadShare: 0.96}}, []*sample{{LoadShare: 0.95}}
	tab := &table{unit: "req", Rows: []*row{{Peer: "a", Samples: busy}, {Peer: "b", Samples: idle}, {Peer: "a", Again: true, Samples: busy}}}
	const want = "The load was busy all the time with a, a (again): req/s is the load's pace there, CPU per message still holds."
	if got := tab.saturation(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if tab.Rate = 1; tab.saturation() != "" {
		t.Error("a schedule is told as a closed loop")
	}
	if tab = (&table{Rows: []*row{{Peer: "b", Samples: idle}}}); tab.saturation() != "" {
		t.Error("an idle load was called busy")
	}
}
