//go:build unix

package main

import (
	"slices"
	"strings"
)

// A sheet is a table for people. What it shows is text already, so that the page
// and Markdown say the same.
type sheet struct {
	Caption string
	Known   bool     // that is in the heading above already
	Corner  string   // above the names of the rows
	Heads   []string // above the cells
	Groups  []sheetGroup
}

// Columns is how many there are, with that of the names.
func (s sheet) Columns() int { return 1 + len(s.Heads) }

// A sheetGroup is some rows under a heading, which may be empty.
type sheetGroup struct {
	Title string
	Rows  []sheetRow
}

type sheetRow struct {
	Name  string
	Cells []cell
}

// A cell is a median, and what belongs to it.
type cell struct {
	Value string // "–" if there is none
	Range string // least and greatest of the rounds
	Ratio string // to the base, with its noise
}

var noCell = cell{Value: "–"}

// millionSheets makes a table of each phase: modes as rows, for all numbers of
// connections.
func millionSheets(groups []*millionGroup) []sheet {
	var sheets []sheet
	for _, phase := range pagePhases() {
		figures := slices.DeleteFunc(phase.figures, func(f pageFigure) bool { return !f.found(groups) })
		if len(figures) == 0 {
			continue
		}
		s := sheet{Caption: phase.title, Corner: "mode"}
		for _, f := range figures {
			s.Heads = append(s.Heads, f.title)
		}
		for _, g := range groups {
			var sg sheetGroup
			if len(groups) > 1 {
				sg.Title = g.title()
			}
			for _, r := range g.Modes {
				row := sheetRow{Name: r.title()}
				for _, f := range figures {
					row.Cells = append(row.Cells, f.cell(g, r))
				}
				sg.Rows = append(sg.Rows, row)
			}
			s.Groups = append(s.Groups, sg)
		}
		sheets = append(sheets, s)
	}
	return sheets
}

// figureSheet is the same the other way round, for Markdown: a row for each
// figure, a column for each mode.
func figureSheet(g *millionGroup) sheet {
	s := sheet{Caption: g.title()}
	for _, r := range g.Modes {
		s.Heads = append(s.Heads, r.title())
	}
	for _, phase := range pagePhases() {
		group := sheetGroup{Title: phase.title}
		for _, f := range phase.figures {
			if !f.found([]*millionGroup{g}) {
				continue
			}
			row := sheetRow{Name: f.title}
			for _, r := range g.Modes {
				row.Cells = append(row.Cells, f.cell(g, r))
			}
			group.Rows = append(group.Rows, row)
		}
		if len(group.Rows) > 0 {
			s.Groups = append(s.Groups, group)
		}
	}
	return s
}

// tableSheet is a table of echo, http or ws, with the columns that the text has.
func tableSheet(t *table) sheet {
	s := sheet{Caption: t.title(), Known: true, Corner: "peer", Groups: []sheetGroup{{}}}
	cols := slices.DeleteFunc(t.columns(), func(c column) bool {
		return !slices.ContainsFunc(t.Rows, func(r *row) bool { _, ok := r.Summary[c.key]; return ok })
	})
	for _, c := range cols {
		s.Heads = append(s.Heads, columnTitle(c))
	}
	for _, r := range t.Rows {
		line := sheetRow{Name: r.name()}
		for _, c := range cols {
			sp, ok := r.Summary[c.key]
			if !ok {
				line.Cells = append(line.Cells, noCell)
				continue
			}
			x := cell{Value: strings.TrimRight(number(sp.Median, c.digits)+t.margin(c, r), " ")}
			if len(r.Samples) > 1 && sp.Min != sp.Max {
				x.Range = number(sp.Min, c.digits) + "–" + number(sp.Max, c.digits)
			}
			line.Cells = append(line.Cells, x)
		}
		s.Groups[0].Rows = append(s.Groups[0].Rows, line)
	}
	return s
}

// columnTitle has the unit as people write it.
func columnTitle(c column) string {
	title := strings.ReplaceAll(c.title+" ", "us ", "µs ")
	return strings.TrimSpace(strings.ReplaceAll(title, "us/", "µs/"))
}

// growthSheet has what grows with the number of connections, or should not.
func growthSheet(groups []*millionGroup) sheet {
	figures := []pageFigure{userMemory, activeCPU, activeP99, gcCycleCPU}
	s := sheet{Caption: "How it grows", Corner: "mode, connections"}
	for _, f := range figures {
		s.Heads = append(s.Heads, f.title)
	}
	for _, mode := range modesOf(groups) {
		sg := sheetGroup{Title: mode}
		for _, g := range groups {
			r := g.mode(mode)
			if r == nil {
				continue
			}
			row := sheetRow{Name: count3(g.Conns)}
			for _, f := range figures {
				row.Cells = append(row.Cells, f.cell(g, r))
			}
			sg.Rows = append(sg.Rows, row)
		}
		s.Groups = append(s.Groups, sg)
	}
	return s
}

// mode returns the first row of a mode, nil if it took no part.
func (g *millionGroup) mode(name string) *millionRow {
	if !slices.ContainsFunc(g.Modes, func(r *millionRow) bool { return r.Mode == name }) {
		return nil
	}
	return g.first(name)
}

// modesOf returns the modes of all groups, each once.
func modesOf(groups []*millionGroup) (modes []string) {
	for _, g := range groups {
		for _, r := range g.Modes {
			if !slices.Contains(modes, r.Mode) {
				modes = append(modes, r.Mode)
			}
		}
	}
	return modes
}

// limitsSheet tells what the machine has for it.
func limitsSheet(n *needs) sheet {
	s := sheet{Caption: "Limits of the machine", Corner: "limit", Heads: []string{"have", "need", "connections it allows", "what to change"}, Groups: []sheetGroup{{}}}
	for _, l := range n.Limits {
		name := l.Name
		switch {
		case l.short() && l.Hard:
			name += " (too low)"
		case l.short():
			name += " (low)"
		}
		s.Groups[0].Rows = append(s.Groups[0].Rows, sheetRow{name, []cell{
			{Value: l.amount(l.Have)}, {Value: l.amount(l.Need)}, {Value: l.allows()}, {Value: l.Advice},
		}})
	}
	return s
}
