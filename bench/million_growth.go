//go:build unix

package main

import (
	"fmt"
	"io"
	"slices"
)

// growing are the figures of which scale tells how they grow.
var growing = []struct{ key, title string }{
	{"rss_per_connection", "User memory per idle connection, bytes"},
	{"kernel_per_connection", "Kernel memory per idle connection, both ends, bytes"},
	{"gc_cycle_cpu_ms", "CPU of a GC cycle, all servers, ms"},
	{"cpu_us_per_message", "Server CPU per message at constant rate, us"},
	{"p99_us", "Latency at constant rate, p99, us"},
	{"deliveries_per_core", "Broadcast, deliveries per second of server CPU"},
}

// writeGrowth writes a table for each of them: a line for each number of
// connections, a column for each mode.
func (r *millionReport) writeGrowth(w io.Writer) error {
	for _, grows := range growing {
		i := slices.IndexFunc(millionFigures(), func(f millionFigure) bool { return f.key == grows.key })
		f := millionFigures()[i]
		head := []string{"connections"}
		for _, m := range r.Groups[0].Modes {
			head = append(head, m.title())
		}
		lines := [][]string{head}
		for _, g := range r.Groups {
			line := []string{count3(g.Conns)}
			for _, m := range g.Modes {
				s, ok := m.Summary[f.key]
				line = append(line, s.text(ok, f.digits, r.Settings.Rounds))
			}
			lines = append(lines, line)
		}
		if _, err := fmt.Fprintf(w, "\n%s\n\n", grows.title); err != nil {
			return err
		}
		if err := writeAligned(w, lines); err != nil {
			return err
		}
	}
	return nil
}
