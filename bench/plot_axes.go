//go:build unix

package main

import (
	"math"

	"gonum.org/v1/plot"
)

// linearAxis sets up an axis from 0 to at least greatest, with some five round
// ticks.
func linearAxis(a *plot.Axis, greatest float64, q quantity) {
	if greatest <= 0 {
		greatest = 1
	}
	step := math.Pow(10, math.Floor(math.Log10(greatest/5)))
	for _, m := range []float64{1, 2, 5, 10} {
		if greatest/(m*step) <= 5.5 {
			step *= m
			break
		}
	}
	var ticks plot.ConstantTicks
	top := math.Ceil(greatest/step-1e-9) * step
	for i := 0; float64(i)*step <= top*(1+1e-9); i++ {
		v := float64(i) * step
		ticks = append(ticks, plot.Tick{Value: v, Label: q.tick(v, top)})
	}
	a.Min, a.Max = 0, top
	a.Tick.Marker = ticks
}

// logAxis sets up a logarithmic axis that holds least to greatest. A wide one
// has a tick for each power of ten, a narrow one for 1, 2 and 5, too.
func logAxis(a *plot.Axis, least, greatest float64, q quantity) {
	least = math.Max(least, 1e-9)
	greatest = math.Max(greatest, least)
	if greatest < 2*least { // or there would be hardly any ticks
		widen := math.Sqrt(2 * least / greatest)
		least, greatest = least/widen, greatest*widen
	}
	steps := []float64{1}
	if greatest/least < 300 {
		steps = []float64{1, 2, 5}
	}
	// The axis ends where a tick is.
	var ticks plot.ConstantTicks
	a.Min, a.Max = 0, 0
	for decade := math.Floor(math.Log10(least)); a.Max == 0; decade++ {
		for _, m := range steps {
			v := m * math.Pow(10, decade)
			if v <= least*(1+1e-9) {
				a.Min, ticks = v, ticks[:0]
			}
			ticks = append(ticks, plot.Tick{Value: v, Label: q.tick(v, v)})
			if v >= greatest*(1-1e-9) {
				a.Max = v
				break
			}
		}
		for m := 2.0; m < 10 && len(steps) == 1 && a.Max == 0; m++ {
			ticks = append(ticks, plot.Tick{Value: m * math.Pow(10, decade)})
		}
	}
	a.Scale = plot.LogScale{}
	a.Tick.Marker = ticks
}

// percentileAxis is the one of HdrHistogram's plots: each further nine of the
// percentile takes the same room. The value of a percentile p is 1/(1-p).
func percentileAxis(a *plot.Axis, count float64) {
	labels := []string{"0%", "90%", "99%", "99.9%", "99.99%", "99.999%", "99.9999%", "99.99999%"}
	a.Min, a.Max = 1, math.Max(10, count)
	ticks := plot.ConstantTicks{{Value: 2, Label: "50%"}}
	for i, label := range labels {
		if v := math.Pow10(i); v <= a.Max*1.0001 {
			ticks = append(ticks, plot.Tick{Value: v, Label: label})
		}
	}
	a.Scale = plot.LogScale{}
	a.Tick.Marker = ticks
	a.Label.Text = "percentile"
}
