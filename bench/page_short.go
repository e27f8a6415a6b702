//go:build unix

package main

import (
	"fmt"
	"slices"
)

// millionShortfalls says what fell short in million or scale. The notes of the
// result have it for each run; what happened in several rounds is said once here.
func millionShortfalls(m *millionReport) []string {
	l := &shortList{rounds: make(map[string][]int), of: make(map[string]int)}
	var known []string
	for _, g := range m.Groups {
		for _, r := range g.Modes {
			for _, run := range r.Runs {
				for _, text := range []string{run.problem(g.Conns), run.remark()} {
					if text != "" {
						known = append(known, fmt.Sprintf("%s, %s, round %d: %s", r.Mode, g.title(), run.Round, text))
						l.add(fmt.Sprintf("%s, %s: %s", r.title(), g.title(), text), run.Round, len(r.Runs))
					}
				}
			}
		}
	}
	others := slices.DeleteFunc(slices.Clone(m.Notes), func(note string) bool { return slices.Contains(known, note) })
	return append(others, l.lines()...)
}

// tableShortfalls says what fell short in echo, http or ws.
func tableShortfalls(r *report) (list []string) {
	for _, t := range r.Tables {
		for _, row := range t.Rows {
			if row.Error != "" {
				list = append(list, fmt.Sprintf("%s: %s FAILED: %s", t.title(), row.name(), row.Error))
			}
			if note := t.note(row); note != "" {
				list = append(list, t.title()+": "+note)
			}
		}
		if note := t.saturation(); note != "" {
			list = append(list, t.title()+": "+note)
		}
	}
	return list
}

// A shortList says once what happened in several rounds.
type shortList struct {
	texts  []string
	rounds map[string][]int
	of     map[string]int
}

func (l *shortList) add(text string, round, of int) {
	if _, seen := l.rounds[text]; !seen {
		l.texts = append(l.texts, text)
	}
	l.rounds[text] = append(l.rounds[text], round)
	l.of[text] = of
}

func (l *shortList) lines() (lines []string) {
	for _, text := range l.texts {
		switch in, of := l.rounds[text], l.of[text]; {
		case of == 1:
		case len(in) == of:
			text += " (every round)"
		case len(in) == 1:
			text += fmt.Sprintf(" (round %d)", in[0])
		default:
			text += fmt.Sprintf(" (rounds %s)", joinInts(in))
		}
		lines = append(lines, text)
	}
	return lines
}
