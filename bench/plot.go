//go:build unix

package main

import (
	"bytes"
	"fmt"
	"html"
	"html/template"
	"image/color"
	"regexp"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A drawing is a plot as SVG.
type drawing struct {
	Name    string // unique on the page, and that of a file
	Title   string
	Caption string // how to read it
	says    string // the same in words, for those who cannot see it
	width   vg.Length
	height  vg.Length
	body    string // what stands between <svg> and </svg>
}

// Plots are this wide, and as high where nothing else decides it.
const (
	plotWidth  = 540 * vg.Length(1)
	plotHeight = 300 * vg.Length(1)
	legendRoom = 104 * vg.Length(1)
)

// The page is light or dark, as its reader likes it. Text and lines of a plot
// have the colour of the text around it. No colour of Go says that, so these two
// stand for it until the SVG is finished.
var (
	inkColor   = color.RGBA{1, 2, 3, 255}
	faintColor = color.RGBA{4, 5, 6, 255}
)

// fontFamily has the metrics of Liberation Sans, which the plotting library
// reckons with, on nearly every system.
const fontFamily = "'Liberation Sans',Arial,Helvetica,sans-serif"

var forPage = strings.NewReplacer(
	"font-family:Liberation Sans;font-variant:normal;font-weight:normal;font-style:normal;", "",
	"fill:#010203", "fill:currentColor",
	"stroke:#010203", "stroke:currentColor",
	"fill:#040506", "fill:currentColor;fill-opacity:.3",
	"stroke:#040506", "stroke:currentColor;stroke-opacity:.18",
)

func inkText(size vg.Length) text.Style {
	return text.Style{
		Color:   inkColor,
		Font:    font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size),
		Handler: plot.DefaultTextHandler,
	}
}

// newPlot returns an empty plot in the style of all of them.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.Transparent
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Padding = 0
		axis.LineStyle = draw.LineStyle{Color: inkColor, Width: 0.7}
		axis.Tick.LineStyle = draw.LineStyle{Color: inkColor, Width: 0.7}
		axis.Tick.Length = 4
		axis.Label.Padding = 4
		for _, sty := range []*text.Style{&axis.Label.TextStyle, &axis.Tick.Label} {
			sty.Color = inkColor
			sty.Font = inkText(11).Font
		}
	}
	return p
}

// A legendEntry is a name and what its line or bar looks like.
type legendEntry struct {
	name  string
	thumb plot.Thumbnailer
}

// finish draws the plot, with a legend to its right if there is one.
func (d *drawing) finish(p *plot.Plot, legend []legendEntry) {
	canvas := vgsvg.NewWith(vgsvg.UseWH(d.width, d.height))
	all := draw.New(canvas)
	// Labels at the ends of axes reach beyond them a little.
	area := draw.Crop(all, 2, -10, 2, -6)
	if len(legend) > 0 {
		l := plot.NewLegend()
		l.TextStyle = inkText(11)
		l.Top, l.Left = true, true
		l.ThumbnailWidth = 18
		l.Padding = 5
		l.YPosition = draw.PosCenter
		for _, e := range legend {
			l.Add(e.name, e.thumb)
		}
		l.Draw(draw.Crop(all, d.width-legendRoom+6, 0, 0, -8))
		area = draw.Crop(all, 2, -legendRoom, 2, -6)
	}
	p.Draw(area)

	var b bytes.Buffer
	if _, err := canvas.WriteTo(&b); err != nil {
		panic(err) // a buffer takes everything
	}
	d.body = body(b.String())
}

var svgElement = regexp.MustCompile(`(?s)^.*?<svg[^>]*>(.*)</svg>\s*$`)

// body returns what is inside of the svg element, without the background that
// nobody sees.
func body(svg string) string {
	inside := svgElement.FindStringSubmatch(svg)[1]
	inside = transparent.ReplaceAllString(inside, "")
	return strings.TrimSpace(forPage.Replace(inside))
}

var transparent = regexp.MustCompile(`<path [^>]*fill-opacity:0"[^>]*/>\n?`)

// element writes the svg element with a title and a description for those who
// cannot see it.
func (d *drawing) element(attributes, style string) string {
	return fmt.Sprintf(`<svg viewBox="0 0 %.5g %.5g" xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="%s-title %[3]s-desc" font-family="%[4]s"%[5]s>
<title id="%[3]s-title">%[6]s</title>
<desc id="%[3]s-desc">%[7]s</desc>
%[8]s%[9]s
</svg>`, float64(d.width), float64(d.height), d.Name, fontFamily, attributes,
		html.EscapeString(d.Title), html.EscapeString(d.says), style, d.body)
}

// SVG is for the page.
func (d *drawing) SVG() template.HTML {
	return template.HTML(d.element("", "")) //nolint:gosec // all text in it is escaped
}

// file is for a file of its own, which knows nothing of a page around it.
func (d *drawing) file() []byte {
	size := fmt.Sprintf(` width="%.5g" height="%.5g"`, float64(d.width), float64(d.height))
	const style = "<style>svg{color:#1f2328}@media (prefers-color-scheme:dark){svg{color:#e6edf3}}</style>\n"
	return []byte("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + d.element(size, style) + "\n")
}
