//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A report is everything that one run of a benchmark has found, as it is written
// by -json.
type report struct {
	Benchmark string   `json:"benchmark"`
	Time      string   `json:"time"` // RFC 3339
	Machine   machine  `json:"machine"`
	Settings  settings `json:"settings"`
	Tables    []*table `json:"tables"`
}

type settings struct {
	Rounds          int     `json:"rounds"`
	WarmupSeconds   float64 `json:"warmup_seconds"`
	DurationSeconds float64 `json:"duration_seconds"`
	Pipeline        int     `json:"pipeline"`
	ServerCPUs      []int   `json:"server_cpus"` // empty: not pinned
	LoadCPUs        []int   `json:"load_cpus"`
}

// A table compares the peers at one number of connections and one size.
type table struct {
	Conns int    `json:"conns"`
	Size  int64  `json:"size_bytes"`
	Rows  []*row `json:"peers"`
}

// A row is one peer. A peer that has failed takes no part in later rounds.
type row struct {
	Peer    string            `json:"peer"`
	Error   string            `json:"error,omitempty"`
	Summary map[string]spread `json:"summary"` // by the key of the column
	// Merged holds the latencies of all rounds, in ns, as an HdrHistogram.
	Merged  string    `json:"merged_histogram,omitempty"`
	Samples []*sample `json:"rounds"`
}

// sample returns what the row has found in a round, or nil.
func (r *row) sample(round int) *sample {
	for _, s := range r.Samples {
		if s.Round == round {
			return s
		}
	}
	return nil
}

// references returns the samples of a round that the others are compared with.
func (t *table) references(round int) references {
	find := func(peer string) *sample {
		for _, r := range t.Rows {
			if r.Peer == peer {
				return r.sample(round)
			}
		}
		return nil
	}
	return references{floor: find("floor"), net: find("net")}
}

// summarize fills in what follows from the samples. Ratios are taken pair by
// pair within a round, for the machine's mood changes from round to round.
func (t *table) summarize() error {
	for _, r := range t.Rows {
		r.Summary = make(map[string]spread)
		for _, c := range columns(t.Conns) {
			var values []float64
			for _, s := range r.Samples {
				if v, ok := c.value(s, t.references(s.Round)); ok {
					values = append(values, v)
				}
			}
			if sp, ok := spreadOf(values); ok {
				r.Summary[c.key] = sp
			}
		}
		if err := r.merge(); err != nil {
			return err
		}
	}
	return nil
}

func (r *row) merge() error {
	var merged *hdrhistogram.Histogram
	for _, s := range r.Samples {
		h, err := decodeHistogram(s.Histogram)
		if err != nil {
			return err
		}
		if merged == nil {
			merged = h
		} else {
			merged.Merge(h)
		}
	}
	if merged == nil {
		return nil
	}
	var err error
	r.Merged, err = encodeHistogram(merged)
	return err
}

func (r *report) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// header is the line above the tables.
func (r *report) header() string {
	s := r.Settings
	placed := "not pinned"
	if len(s.ServerCPUs) > 0 {
		placed = fmt.Sprintf("server on core %s, load on core %s", joinInts(s.ServerCPUs), joinInts(s.LoadCPUs))
		if slices.Contains(s.ServerCPUs, s.LoadCPUs[0]) {
			placed += " (shared)"
		}
	}
	return fmt.Sprintf("%v; %s; TCP loopback, pipeline %d, rounds of %v after %v",
		r.Machine, placed, s.Pipeline, seconds(s.DurationSeconds), seconds(s.WarmupSeconds))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func joinInts(list []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ","), "[]")
}

// writeText writes the table: for each peer a line of medians and below it, if
// there was more than one round, a line with the least and the greatest value.
func (t *table) writeText(w io.Writer, rounds int) error {
	cols := columns(t.Conns)
	lines := [][]string{{"peer"}}
	for _, c := range cols {
		lines[0] = append(lines[0], c.title)
	}
	for _, r := range t.Rows {
		medians, extremes := []string{r.Peer}, []string{""}
		for _, c := range cols {
			sp, ok := r.Summary[c.key]
			if !ok {
				medians, extremes = append(medians, "-"), append(extremes, "")
				continue
			}
			medians = append(medians, number(sp.Median, c.digits))
			extremes = append(extremes, number(sp.Min, c.digits)+"–"+number(sp.Max, c.digits))
		}
		lines = append(lines, medians)
		if rounds > 1 && len(r.Samples) > 1 {
			lines = append(lines, extremes)
		}
	}

	what := "1 round"
	if rounds > 1 {
		what = fmt.Sprintf("median of %d rounds, below it least–greatest", rounds)
	}
	if _, err := fmt.Fprintf(w, "\n%s connections, %s B: %s\n\n", number(float64(t.Conns), 0), number(float64(t.Size), 0), what); err != nil {
		return err
	}
	if err := writeAligned(w, lines); err != nil {
		return err
	}
	for _, r := range t.Rows {
		if r.Error != "" {
			if _, err := fmt.Fprintf(w, "\n%s FAILED: %s\n", r.Peer, r.Error); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeAligned writes the first column flush left and the others flush right.
func writeAligned(w io.Writer, lines [][]string) error {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range lines {
		var b strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}
