//go:build unix

package main

import (
	"math"
	"strconv"
)

// A quantity writes figures for people: three digits that count, and the prefix that
// suits the size.
type quantity struct {
	scale func(v float64) (divisor float64, suffix string)
	whole bool // a count has no digits after the point
}

func fixedUnit(divisor float64, suffix string) quantity {
	return quantity{scale: func(float64) (float64, string) { return divisor, suffix }}
}

var (
	inCounts    = quantity{scale: func(float64) (float64, string) { return 1, "" }, whole: true}
	inRates     = quantity{scale: func(float64) (float64, string) { return 1, "/s" }, whole: true}
	inIntervals = fixedUnit(1, " intervals")
	inPercent   = fixedUnit(0.01, "%")

	// Memory per connection is compared to the byte, so it stays in bytes for long.
	inBytes = quantity{scale: func(v float64) (float64, string) {
		switch v = math.Abs(v); {
		case v < 100_000:
			return 1, " B"
		case v < 1<<20:
			return 1 << 10, " KiB"
		case v < 1<<30:
			return 1 << 20, " MiB"
		}
		return 1 << 30, " GiB"
	}}

	inMicros = quantity{scale: func(v float64) (float64, string) {
		switch v = math.Abs(v); {
		case v < 1e3:
			return 1, " µs"
		case v < 1e6:
			return 1e3, " ms"
		}
		return 1e6, " s"
	}}
)

// format writes one value.
func (q quantity) format(v float64) string {
	div, suffix := q.scale(v)
	return q.digits(v/div) + suffix
}

// span writes the least and the greatest value, with one unit for both.
func (q quantity) span(least, greatest float64) string {
	div, suffix := q.scale(math.Max(math.Abs(least), math.Abs(greatest)))
	return q.digits(least/div) + "–" + q.digits(greatest/div) + suffix
}

// tick writes a value of an axis, which is round.
func (q quantity) tick(v, greatest float64) string {
	div, suffix := q.scale(greatest)
	v = v / div
	digits := 0
	for math.Abs(v*math.Pow10(digits)-math.Round(v*math.Pow10(digits))) > 1e-6 && digits < 6 {
		digits++
	}
	return number(v, digits) + suffix
}

func (q quantity) digits(v float64) string {
	switch a := math.Abs(v); {
	case q.whole || a >= 99.95 || v == 0:
		return number(v, 0)
	case a >= 9.995:
		return number(v, 1)
	case a >= 0.0995:
		return number(v, 2)
	default:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
}

// ratioText writes how many times as much something is.
func ratioText(v float64) string {
	switch {
	case v >= 100:
		return number(v, 0)
	case v >= 9.95:
		return number(v, 1)
	case v >= 0.0995:
		return number(v, 2)
	default:
		return number(v, 3)
	}
}

// noiseText writes how far apart two measurements of the same were, rounded up.
func noiseText(half float64) string {
	return "±" + number(math.Ceil(100*half), 0) + "%"
}
