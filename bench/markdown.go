//go:build unix

package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// markdown writes the tables for a README. They are aligned, to be read as plain
// text, too.
func (p *page) markdown() []byte {
	var b bytes.Buffer
	for i, r := range p.Results {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "### %s\n\n", markdownText(r.Title))
		for _, f := range r.Facts {
			fmt.Fprintf(&b, "- %s: %s\n", f.Name, markdownText(f.Value))
		}
		if r.million != nil {
			if growth := r.Sections[0]; r.million.grows() {
				fmt.Fprintf(&b, "\n#### %s\n", growth.Title)
				growth.Sheets[0].markdown(&b)
			}
			for _, g := range r.million.Groups {
				s := figureSheet(g)
				if len(r.million.Groups) > 1 {
					fmt.Fprintf(&b, "\n#### %s\n", s.Caption)
				}
				s.markdown(&b)
			}
		} else {
			for _, section := range r.Sections {
				for _, s := range section.Sheets {
					fmt.Fprintf(&b, "\n#### %s\n", markdownText(s.Caption))
					s.markdown(&b)
				}
			}
		}
		if r.Rounds > 1 {
			b.WriteString("\nMedians of the rounds, with the least and the greatest.\n")
		}
		if len(r.Short) > 0 {
			b.WriteString("\nWhat fell short:\n\n")
			for _, s := range r.Short {
				fmt.Fprintf(&b, "- %s\n", markdownText(s))
			}
		}
	}
	return b.Bytes()
}

// markdown writes the sheet as one table. What belongs to a median stands in its
// cell, in brackets.
func (s sheet) markdown(b *bytes.Buffer) {
	lines := [][]string{append([]string{s.Corner}, s.Heads...), nil}
	for _, g := range s.Groups {
		if g.Title != "" {
			lines = append(lines, append([]string{"**" + g.Title + "**"}, slices.Repeat([]string{""}, len(s.Heads))...))
		}
		for _, r := range g.Rows {
			line := []string{r.Name}
			for _, c := range r.Cells {
				text := c.Value
				switch {
				case c.Range == "":
				case s.Known: // a wide table of short cells
					text += "<br>" + c.Range
				default:
					text += " (" + c.Range + ")"
				}
				if c.Ratio != "" {
					text += ", " + c.Ratio
				}
				line = append(line, text)
			}
			lines = append(lines, line)
		}
	}
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, text := range line {
			line[i] = markdownText(text)
			widths[i] = max(widths[i], utf8.RuneCountInString(line[i]), 3)
		}
	}
	for i, width := range widths {
		rule := strings.Repeat("-", width-1) + ":"
		if i == 0 {
			rule = strings.Repeat("-", width)
		}
		lines[1] = append(lines[1], rule)
	}
	b.WriteByte('\n')
	for _, line := range lines {
		for i, text := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if i == 0 {
				text += pad
			} else {
				text = pad + text
			}
			fmt.Fprintf(b, "| %s ", text)
		}
		b.WriteString("|\n")
	}
}

// markdownText keeps what a mode, a peer or an error says from being markup.
func markdownText(s string) string {
	return strings.NewReplacer("|", `\|`, "<br>", "<br>", "<", "&lt;", "\n", " ", "_", `\_`).Replace(s)
}
