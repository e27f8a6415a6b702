//go:build unix

package main

import (
	"fmt"
	"image/color"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A bar is a line of a plot: its parts stand one after the other.
type bar struct {
	name  string
	parts []barPart
	label string
	// least and greatest are the ends of the whisker; none if both are 0.
	least, greatest float64
}

type barPart struct {
	value float64
	color color.RGBA
}

func (b bar) length() (sum float64) {
	for _, p := range b.parts {
		sum += p.value
	}
	return sum
}

// barPlot draws the bars from top to bottom.
func barPlot(d *drawing, bars []bar, axis string, q quantity) {
	const line, width = 30, 17
	p := newPlot()
	greatest := 0.0
	for _, b := range bars {
		greatest = math.Max(greatest, math.Max(b.length(), b.greatest))
	}
	linearAxis(&p.X, greatest, q)
	p.X.Label.Text = axis
	grid := plotter.NewGrid()
	grid.Horizontal.Color = nil
	grid.Vertical = draw.LineStyle{Color: faintColor, Width: 0.7}
	p.Add(grid)

	names := make(plot.ConstantTicks, len(bars))
	widest := vg.Length(0)
	for i, b := range bars {
		y := float64(len(bars) - 1 - i)
		names[i] = plot.Tick{Value: y, Label: b.name}
		var below *plotter.BarChart
		for _, part := range b.parts {
			chart := &plotter.BarChart{
				Values: plotter.Values{part.value}, Width: width, Color: part.color, XMin: y, Horizontal: true,
			}
			if below != nil {
				chart.StackOn(below)
			}
			below = chart
			p.Add(chart)
		}
		end := b.length()
		if b.greatest > b.least {
			p.Add(whisker{y, b.least, b.greatest})
			end = math.Max(end, b.greatest)
		}
		sty := inkText(11)
		sty.YAlign = draw.YCenter
		p.Add(barLabel{end, y, b.label, sty})
		widest = max(widest, sty.Width(b.label))
	}
	p.Y.Min, p.Y.Max = -0.5, float64(len(bars))-0.5
	p.Y.Tick.Marker = names
	p.Y.Tick.Width = 0

	// The labels begin where the bars end and need room to the right of them.
	room := plotWidth - 130
	p.X.Max = math.Max(p.X.Max, greatest*float64(room/max(room-widest-12, 60)))
	d.width = plotWidth
	d.height = vg.Length(len(bars))*line + 48
	d.finish(p, nil)
}

// A whisker is the span of the rounds, across a bar.
type whisker struct{ y, least, greatest float64 }

func (w whisker) Plot(c draw.Canvas, p *plot.Plot) {
	const half = 4
	x, y := p.Transforms(&c)
	from, to, at := x(w.least), x(w.greatest), y(w.y)
	sty := draw.LineStyle{Color: inkColor, Width: 1.2}
	c.StrokeLine2(sty, from, at, to, at)
	c.StrokeLine2(sty, from, at-half, from, at+half)
	c.StrokeLine2(sty, to, at-half, to, at+half)
}

// A barLabel stands to the right of a bar.
type barLabel struct {
	x, y float64
	text string
	sty  draw.TextStyle
}

func (l barLabel) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	c.FillText(l.sty, vg.Point{X: x(l.x) + 7, Y: y(l.y) + l.sty.FontExtents().Descent}, l.text)
}

// memoryPlot shows user and kernel memory of a connection, nil if nobody knows
// them.
func memoryPlot(g *millionGroup, colors *palette) *drawing {
	d := &drawing{
		Title:   "Memory per idle connection",
		Caption: "In colour what the server holds in user space, in grey what the kernel holds for both ends of the connection. Medians.",
	}
	var bars []bar
	for _, r := range g.Modes {
		user, ok := userMemory.spread(r)
		if !ok || r.Again {
			continue
		}
		b := bar{name: r.Mode, parts: []barPart{{max(0, user.Median), colors.color(r.Mode)}}, label: userMemory.format(user.Median)}
		if kernel, ok := kernelMemory.spread(r); ok {
			b.parts = append(b.parts, barPart{max(0, kernel.Median), faintColor})
			b.label += " + " + kernelMemory.format(kernel.Median)
		}
		bars = append(bars, b)
	}
	if len(bars) == 0 {
		return nil
	}
	d.says = "User memory, and kernel memory after the plus: " + barsInWords(bars)
	barPlot(d, bars, "bytes per connection", inBytes)
	return d
}

// cpuPlot compares the peers of a table, nil if none has been measured.
func cpuPlot(t *table, colors *palette) *drawing {
	d := &drawing{
		Title:   "Server CPU per message",
		Caption: "User and system time of the whole server process. Shorter is better.",
	}
	var bars []bar
	for _, r := range t.Rows {
		sp, ok := r.Summary["cpu_us_per_message"]
		if !ok {
			continue
		}
		b := bar{name: r.name(), parts: []barPart{{sp.Median, colors.color(r.Peer)}}, label: inMicros.format(sp.Median)}
		if len(r.Samples) > 1 {
			b.least, b.greatest = sp.Min, sp.Max
			d.Caption = "User and system time of the whole server process, the median of the rounds; the whisker is the least and the greatest. Shorter is better."
		}
		bars = append(bars, b)
	}
	if len(bars) == 0 {
		return nil
	}
	d.says = barsInWords(bars)
	barPlot(d, bars, "CPU per message", inMicros)
	return d
}

func barsInWords(bars []bar) string {
	var words []string
	for _, b := range bars {
		words = append(words, fmt.Sprintf("%s %s", b.name, b.label))
	}
	return strings.Join(words, "; ") + "."
}
