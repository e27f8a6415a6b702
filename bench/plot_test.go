//go:build unix

package main

import (
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot"
)

// luminance is that of WCAG 2.
func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

func TestPlotColorsStandOut(t *testing.T) {
	contrast := func(a, b color.RGBA) float64 {
		x, y := luminance(a), luminance(b)
		return (max(x, y) + 0.05) / (min(x, y) + 0.05)
	}
	light, dark := color.RGBA{255, 255, 255, 255}, color.RGBA{0x0d, 0x11, 0x17, 255}
	for _, c := range slices.Concat(weirColors, otherColors) {
		if contrast(c, light) < 3 || contrast(c, dark) < 3 {
			t.Errorf("%v: contrast %.2f on light, %.2f on dark; graphics need 3", c, contrast(c, light), contrast(c, dark))
		}
	}
}

func TestPlotPalette(t *testing.T) {
	p := &palette{}
	for _, name := range []string{"floor", "net", "weir", "weir-inline", "net"} {
		p.add(name)
	}
	if p.color("weir") == p.color("weir-inline") || p.color("net") == p.color("floor") {
		t.Error("two of one colour")
	}
	if p.color("net") != otherColors[1] || p.color("weir") != weirColors[0] {
		t.Error("a name that comes twice takes two colours")
	}
}

// ends returns the labels of an axis and checks that the ends are ticks.
func ends(t *testing.T, a plot.Axis) string {
	t.Helper()
	var labels []string
	first, last := math.Inf(1), math.Inf(-1)
	for _, tick := range a.Tick.Marker.Ticks(a.Min, a.Max) {
		if tick.Label != "" {
			labels = append(labels, tick.Label)
		}
		first, last = min(first, tick.Value), max(last, tick.Value)
	}
	if math.Abs(first/a.Min-1) > 1e-9 && a.Min != 0 || math.Abs(last/a.Max-1) > 1e-9 {
		t.Errorf("an axis from %v to %v with ticks from %v to %v", a.Min, a.Max, first, last)
	}
	return strings.Join(labels, " | ")
}

func TestPlotAxes(t *testing.T) {
	for _, test := range []struct {
		greatest float64
		q        quantity
		want     string
	}{
		{9.1, inMicros, "0 µs | 2 µs | 4 µs | 6 µs | 8 µs | 10 µs"},
		{2_300_000, inMicros, "0 s | 0.5 s | 1 s | 1.5 s | 2 s | 2.5 s"},
		{1, inPercent, "0% | 20% | 40% | 60% | 80% | 100%"},
		{17_000, inBytes, "0 B | 5,000 B | 10,000 B | 15,000 B | 20,000 B"},
		{0.07, inMicros, "0 µs | 0.02 µs | 0.04 µs | 0.06 µs | 0.08 µs"},
		{0, inCounts, "0 | 0 | 0 | 1 | 1 | 1"}, // nothing to show
	} {
		var a plot.Axis
		linearAxis(&a, test.greatest, test.q)
		if got := ends(t, a); got != test.want && test.greatest > 0 {
			t.Errorf("linear to %v: %s, want %s", test.greatest, got, test.want)
		}
		if a.Max < test.greatest {
			t.Errorf("an axis to %v for %v", a.Max, test.greatest)
		}
	}
	for _, test := range []struct {
		least, greatest float64
		q               quantity
		want            string
	}{
		{1000, 1_000_000, inCounts, "1,000 | 10,000 | 100,000 | 1,000,000"},
		{212, 7800, inBytes, "200 B | 500 B | 1,000 B | 2,000 B | 5,000 B | 10,000 B"},
		{80, 32_000, inMicros, "10 µs | 100 µs | 1 ms | 10 ms | 100 ms"},
		{9, 9, inMicros, "5 µs | 10 µs | 20 µs"},
		{1000, 1000, inCounts, "500 | 1,000 | 2,000"},
		{0, 0, inCounts, ""},
	} {
		var a plot.Axis
		logAxis(&a, test.least, test.greatest, test.q)
		if got := ends(t, a); got != test.want && test.least > 0 {
			t.Errorf("logarithmic from %v to %v: %s, want %s", test.least, test.greatest, got, test.want)
		}
		if a.Max < test.greatest || a.Min > max(test.least, 1e-9) || a.Min <= 0 {
			t.Errorf("an axis from %v to %v for %v to %v", a.Min, a.Max, test.least, test.greatest)
		}
	}
	var a plot.Axis
	if percentileAxis(&a, 25_000); a.Min != 1 || a.Max != 25_000 {
		t.Errorf("percentiles from %v to %v", a.Min, a.Max)
	}
	var labels []string
	for _, tick := range a.Tick.Marker.Ticks(a.Min, a.Max) {
		labels = append(labels, tick.Label)
	}
	if got := strings.Join(labels, " "); got != "50% 0% 90% 99% 99.9% 99.99%" {
		t.Errorf("percentiles: %s", got)
	}
}

func TestPlotQuantities(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{inBytes.format(212.4), "212 B"},
		{inBytes.format(7812), "7,812 B"},
		{inBytes.format(24 << 30), "24.0 GiB"},
		{inBytes.format(-3.2), "-3.20 B"},
		{inBytes.span(205.4, 219), "205–219 B"},
		{inMicros.format(0.0421), "0.042 µs"},
		{inMicros.format(9.4), "9.40 µs"},
		{inMicros.format(1234), "1.23 ms"},
		{inMicros.format(61.9e6), "61.9 s"},
		{inMicros.span(870, 6660), "0.87–6.66 ms"},
		{inCounts.format(1_000_040), "1,000,040"},
		{inRates.format(30_686.4), "30,686/s"},
		{inPercent.format(0.0021), "0.21%"},
		{inPercent.format(1), "100%"},
		{inPercent.format(0), "0%"},
		{inMicros.tick(1500, 2000), "1.5 ms"},
		{ratioText(0.027), "0.027"},
		{ratioText(1.774), "1.77"},
		{ratioText(36.9), "36.9"},
		{ratioText(123.4), "123"},
		{noiseText(0), "±0%"},
		{noiseText(0.021), "±3%"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

// Every figure of million has a place on the page.
func TestPageFiguresAreAllOfThem(t *testing.T) {
	var known, shown []string
	for _, f := range millionFigures() {
		known = append(known, f.key)
	}
	for _, phase := range pagePhases() {
		for _, f := range phase.figures {
			shown = append(shown, f.key)
		}
	}
	for _, key := range known {
		if !slices.Contains(shown, key) {
			t.Errorf("%s is not on the page: add it to pagePhases", key)
		}
	}
	for _, key := range shown {
		if !slices.Contains(known, key) {
			t.Errorf("%s is on the page but no figure", key)
		}
	}
}

// Phases that were not reached leave no plot and no table.
func TestPlotOfNothing(t *testing.T) {
	g := &millionGroup{Conns: 5, Modes: []*millionRow{{Mode: "net", Runs: []*millionRun{{Round: 1, Error: "it never started"}}}}}
	g.summarize()
	p, err := newPage([]*result{{file: "x.json", million: &millionReport{Groups: []*millionGroup{g, {Conns: 7, Modes: g.Modes}}}},
		{file: "y.json", tables: &report{Benchmark: "echo", Tables: []*table{{Conns: 1, Rows: []*row{{Peer: "net", Error: "it never started"}}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if d := p.drawings(); len(d) != 0 {
		t.Errorf("%d plots of nothing", len(d))
	}
	html, err := p.html()
	if err != nil || !strings.Contains(string(html), "it never started") {
		t.Errorf("the page does not say why there is nothing (%v)", err)
	}
}
