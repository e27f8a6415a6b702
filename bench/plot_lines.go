//go:build unix

package main

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A curve is the latencies of a peer or mode.
type curve struct {
	name string
	h    *hdrhistogram.Histogram
}

// micros returns the latency at a percentile.
func (c curve) micros(percentile float64) float64 {
	return float64(max(minLatency, c.h.ValueAtPercentile(percentile))) / 1e3
}

// percentilePlot shows latencies as HdrHistogram does, nil if there are none.
func percentilePlot(title string, curves []curve, colors *palette) *drawing {
	if len(curves) == 0 {
		return nil
	}
	d := &drawing{Title: title, Caption: "Each further nine of the percentile takes the same room; a curve ends with the slowest of all."}
	p := newPlot()
	least, greatest, count := math.Inf(1), 0.0, 0.0
	var lines []*plotter.Line
	for _, c := range curves {
		n := float64(c.h.TotalCount())
		var xys plotter.XYs
		const perNine = 20
		for i := 0; ; i++ {
			x := math.Min(n, math.Pow(10, float64(i)/perNine))
			xys = append(xys, plotter.XY{X: x, Y: c.micros(100 * (1 - 1/x))})
			if x >= n {
				break
			}
		}
		xys = append(xys, plotter.XY{X: n, Y: c.micros(100)})
		least, greatest, count = math.Min(least, xys[0].Y), math.Max(greatest, xys[len(xys)-1].Y), math.Max(count, n)
		lines = append(lines, &plotter.Line{XYs: xys, LineStyle: colors.line(c.name)})
	}
	percentileAxis(&p.X, count)
	logAxis(&p.Y, least, greatest, inMicros)
	d.lines(p, lines, names(curves))

	var words []string
	for _, c := range curves {
		words = append(words, fmt.Sprintf("%s: half within %s, 99%% within %s, 99.9%% within %s, all within %s", c.name,
			inMicros.format(c.micros(50)), inMicros.format(c.micros(99)), inMicros.format(c.micros(99.9)), inMicros.format(c.micros(100))))
	}
	d.says = strings.Join(words, "; ") + "."
	return d
}

func names(curves []curve) (names []string) {
	for _, c := range curves {
		names = append(names, c.name)
	}
	return names
}

// lines draws lines over a grid, with a legend.
func (d *drawing) lines(p *plot.Plot, lines []*plotter.Line, names []string) {
	grid := plotter.NewGrid()
	grid.Horizontal = draw.LineStyle{Color: faintColor, Width: 0.7}
	grid.Vertical = grid.Horizontal
	x, y := p.X, p.Y
	p.Add(grid)
	var legend []legendEntry
	for i, l := range lines {
		p.Add(l)
		legend = append(legend, legendEntry{names[i], l})
	}
	// Adding a line stretches the axes; theirs are made to fit already.
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = x.Min, x.Max, y.Min, y.Max
	if d.width == 0 {
		d.width, d.height = plotWidth, plotHeight
	}
	d.finish(p, legend)
}

// deliveryPlot shows the share of the connections that broadcasts have reached
// over time, nil if there was none.
func deliveryPlot(g *millionGroup, colors *palette) (*drawing, error) {
	d := &drawing{
		Title:   "Broadcast: delivered over time",
		Caption: "The share of the connections on which the whole message has arrived, since the servers began; all broadcasts of a mode together, so the end is that of the slowest. Further left is better.",
	}
	p := newPlot()
	greatest := 0.0
	var lines []*plotter.Line
	var names, words []string
	for _, r := range g.Modes {
		var texts []string
		var delivered, accepted int64
		for _, run := range r.Runs {
			if run.Broadcast != nil && run.Broadcast.Histogram != "" {
				texts = append(texts, run.Broadcast.Histogram)
				delivered += run.Broadcast.Delivered
				accepted += run.Broadcast.Accepted
			}
		}
		h, err := mergeHistograms(texts)
		if err != nil {
			return nil, err
		}
		if h == nil || r.Again {
			continue
		}
		c := curve{r.Mode, h}
		share := math.Min(1, float64(delivered)/float64(max(1, accepted)))
		var xys plotter.XYs
		const points = 100
		for i := 0; i <= points; i++ {
			at := float64(i) / points
			xys = append(xys, plotter.XY{X: c.micros(100 * at), Y: at * share})
		}
		greatest = math.Max(greatest, xys[points].X)
		lines, names = append(lines, &plotter.Line{XYs: xys, LineStyle: colors.line(r.Mode)}), append(names, r.Mode)
		words = append(words, fmt.Sprintf("%s: half after %s, the last of the slowest broadcast after %s, %s of the connections in all", r.Mode,
			inMicros.format(c.micros(50)), inMicros.format(xys[points].X), inPercent.format(share)))
	}
	if len(lines) == 0 {
		return nil, nil
	}
	linearAxis(&p.X, greatest, inMicros)
	linearAxis(&p.Y, 1, inPercent)
	p.X.Label.Text = "time since the broadcast began"
	d.says = strings.Join(words, "; ") + "."
	d.lines(p, lines, names)
	return d, nil
}

// growthPlot shows a figure over the number of connections, nil if there is
// nothing to show.
func growthPlot(f pageFigure, groups []*millionGroup, colors *palette) *drawing {
	d := &drawing{Title: "By number of connections: " + f.title, Caption: "Both axes are logarithmic."}
	p := newPlot()
	least, greatest := math.Inf(1), 0.0
	var lines []*plotter.Line
	var names, words []string
	for _, mode := range modesOf(groups) {
		l := &plotter.Line{LineStyle: colors.line(mode)}
		var said []string
		for _, g := range groups {
			r := g.mode(mode)
			if r == nil {
				continue
			}
			sp, ok := f.spread(r)
			if !ok || sp.Min <= 0 { // which a logarithm does not show
				continue
			}
			x := float64(g.Conns)
			l.XYs = append(l.XYs, plotter.XY{X: x, Y: sp.Median})
			p.Add(dot{x, sp, l.Color})
			if len(r.Runs) > 1 {
				d.Caption = "Both axes are logarithmic. Medians; the line through a dot is the least and the greatest of the rounds."
			}
			least, greatest = math.Min(least, sp.Min), math.Max(greatest, sp.Max)
			said = append(said, fmt.Sprintf("%s at %s", f.format(sp.Median), number(x, 0)))
		}
		if len(l.XYs) > 0 {
			lines, names = append(lines, l), append(names, mode)
			words = append(words, mode+": "+strings.Join(said, ", "))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	conns := func(a, b *millionGroup) int { return a.Conns - b.Conns }
	logAxis(&p.X, float64(slices.MinFunc(groups, conns).Conns), float64(slices.MaxFunc(groups, conns).Conns), inCounts)
	logAxis(&p.Y, least, greatest, f.quantity)
	p.X.Label.Text = "connections"
	d.says = strings.Join(words, "; ") + "."
	d.lines(p, lines, names)
	return d
}

// A dot is a median with its whisker.
type dot struct {
	x float64
	spread
	color color.Color
}

func (t dot) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	at := x(t.x)
	c.StrokeLine2(draw.LineStyle{Color: t.color, Width: 1}, at, y(t.Min), at, y(t.Max))
	c.DrawGlyphNoClip(draw.GlyphStyle{Color: t.color, Radius: 3, Shape: draw.CircleGlyph{}}, vg.Point{X: at, Y: y(t.Median)})
}
