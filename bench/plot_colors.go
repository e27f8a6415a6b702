//go:build unix

package main

import (
	"image/color"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Each of these stands out from a white page as well as from a black one.
var (
	weirColors  = []color.RGBA{{0x2f, 0x7f, 0xd1, 255}, {0x13, 0x94, 0x9c, 255}, {0x7a, 0x6c, 0xe0, 255}}
	otherColors = []color.RGBA{{0xd9, 0x6d, 0x0d, 255}, {0xd0, 0x4a, 0x55, 255}, {0x3a, 0x94, 0x4a, 255},
		{0xc0, 0x55, 0xb5, 255}, {0x9a, 0x7f, 0x15, 255}, {0x80, 0x80, 0x80, 255}}
)

// dashes tell lines apart for those who do not see their colours.
var dashes = [][]vg.Length{nil, {6, 3}, {2, 2}, {8, 2, 2, 2}}

// A palette gives each peer or mode one colour for the whole page.
type palette struct{ weir, other []string }

// add makes names known, in the order in which they are given.
func (p *palette) add(name string) {
	list := p.list(name)
	if !slices.Contains(*list, name) {
		*list = append(*list, name)
	}
}

func (p *palette) list(name string) *[]string {
	if strings.HasPrefix(name, "weir") {
		return &p.weir
	}
	return &p.other
}

func (p *palette) color(name string) color.RGBA {
	colors := otherColors
	if strings.HasPrefix(name, "weir") {
		colors = weirColors
	}
	return colors[p.index(name)%len(colors)]
}

func (p *palette) index(name string) int { return max(0, slices.Index(*p.list(name), name)) }

// line is the style of a line. Where colours come round, and between weir and
// the others, the dashes differ.
func (p *palette) line(name string) draw.LineStyle {
	i := p.index(name)
	if !strings.HasPrefix(name, "weir") {
		i++
	}
	return draw.LineStyle{Color: p.color(name), Width: 2, Dashes: dashes[i%len(dashes)]}
}
