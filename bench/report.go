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
	Command   []string `json:"command"`
	Time      string   `json:"time"` // RFC 3339
	Machine   machine  `json:"machine"`
	Settings  settings `json:"settings"`
	Tables    []*table `json:"tables"`
}

type settings struct {
	Rounds          int     `json:"rounds"`
	WarmupSeconds   float64 `json:"warmup_seconds"`
	DurationSeconds float64 `json:"duration_seconds"`
	Request         string  `json:"request,omitempty"`
	Work            string  `json:"work,omitempty"` // of a handler, for each message
	ServerCPUs      []int   `json:"server_cpus"`    // empty: not pinned
	LoadCPUs        []int   `json:"load_cpus"`
}

// A table compares the peers under one load.
type table struct {
	Conns    int     `json:"conns"`
	Size     int64   `json:"size_bytes,omitempty"`
	Pipeline int     `json:"pipeline"`
	Rate     float64 `json:"planned_per_second,omitempty"` // 0: closed loop

	// With a rate that is a percentage only.
	Percent  float64 `json:"planned_percent,omitempty"`
	Capacity float64 `json:"capacity_per_second,omitempty"` // what the slowest peer answers in a closed loop
	Slowest  string  `json:"slowest_peer,omitempty"`

	Rows []*row `json:"peers"`
	// Noise is how far the two figures of the peer that was measured again were
	// apart in the worst round, by the key of the column: 0.03 is three per cent.
	Noise map[string]float64 `json:"noise,omitempty"`

	unit  string
	bases []base
}

// title tells what the load is.
func (t *table) title() string {
	s := number(float64(t.Conns), 0) + " connections"
	if t.Size > 0 {
		s += fmt.Sprintf(", %s B", number(float64(t.Size), 0))
	}
	s += fmt.Sprintf(", pipeline %d", t.Pipeline)
	if t.Rate > 0 {
		s += fmt.Sprintf(", %s %s/s planned", number(t.Rate, 0), t.unit)
	}
	if t.Rate > 0 && t.Capacity > 0 {
		s += fmt.Sprintf(" (%g%% of %s's %s)", t.Percent, t.Slowest, number(t.Capacity, 0))
	}
	return s
}

// A row is one peer. A peer that has failed takes no part in later rounds.
type row struct {
	Peer    string            `json:"peer"`
	Again   bool              `json:"again,omitempty"` // measured to tell noise only
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

// finder returns the samples of a round.
func (t *table) finder(round int) finder {
	return func(peer string) *sample {
		for _, r := range t.Rows {
			if r.Peer == peer && !r.Again {
				return r.sample(round)
			}
		}
		return nil
	}
}

// broken tells whether a peer has failed.
func (t *table) broken(peer string) bool {
	return slices.ContainsFunc(t.Rows, func(r *row) bool { return r.Peer == peer && r.Error != "" })
}

// summarize fills in what follows from the samples. Ratios are taken pair by
// pair within a round, for the machine's mood changes from round to round.
func (t *table) summarize() error {
	for _, r := range t.Rows {
		r.Summary = make(map[string]spread)
		for _, c := range t.columns() {
			var values []float64
			for _, s := range r.Samples {
				if v, ok := c.value(s, t.finder(s.Round)); ok {
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
	t.Noise = t.noise()
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
	header := fmt.Sprintf("%v; %s; TCP loopback, rounds of %v after %v",
		r.Machine, placed, seconds(s.DurationSeconds), seconds(s.WarmupSeconds))
	if s.Work != "" {
		header += "; a handler's work is " + s.Work
	}
	return header
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func joinInts(list []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(list), " ", ","), "[]")
}

// writeText writes the table: for each peer a line of medians and below it, if
// there was more than one round, a line with the least and the greatest value.
func (t *table) writeText(w io.Writer, rounds int) error {
	cols := t.columns()
	lines := [][]string{{"peer"}}
	for _, c := range cols {
		lines[0] = append(lines[0], c.title)
	}
	for _, r := range t.Rows {
		medians, extremes := []string{r.name()}, []string{""}
		for _, c := range cols {
			sp, ok := r.Summary[c.key]
			if !ok {
				medians, extremes = append(medians, "-"), append(extremes, "")
				continue
			}
			medians = append(medians, number(sp.Median, c.digits)+t.margin(c, r))
			extremes = append(extremes, number(sp.Min, c.digits)+"–"+number(sp.Max, c.digits)+t.margin(c, nil))
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
	if _, err := fmt.Fprintf(w, "\n%s: %s\n\n", t.title(), what); err != nil {
		return err
	}
	if err := writeAligned(w, lines); err != nil {
		return err
	}
	for _, r := range t.Rows {
		if r.Error != "" {
			if _, err := fmt.Fprintf(w, "\n%s FAILED: %s\n", r.name(), r.Error); err != nil {
				return err
			}
		}
		if note := t.note(r); note != "" {
			if _, err := fmt.Fprintf(w, "\n%s\n", note); err != nil {
				return err
			}
		}
	}
	if note := t.saturation(); note != "" {
		if _, err := fmt.Fprintf(w, "\n%s\n", note); err != nil {
			return err
		}
	}
	return nil
}

// busyLoad is the share of the time from which on a load has no more to give.
const busyLoad = 0.95

// saturation tells with which peers a closed loop went as fast as the load, "" if
// with none.
func (t *table) saturation() string {
	var peers []string
	for _, r := range t.Rows {
		if t.Rate == 0 && slices.ContainsFunc(r.Samples, func(s *sample) bool { return s.LoadShare > busyLoad }) {
			peers = append(peers, r.name())
		}
	}
	if len(peers) == 0 {
		return ""
	}
	return fmt.Sprintf("The load was busy all the time with %s: %s/s is the load's pace there, CPU per message still holds.",
		strings.Join(peers, ", "), t.unit)
}

// note says plainly where a constant rate was not kept, and why.
func (t *table) note(r *row) string {
	var worst *sample
	troubled := 0
	for _, s := range r.Samples {
		if s.trouble(t.Rate) == "" {
			continue
		}
		troubled++
		if worst == nil || s.PerSecond < worst.PerSecond {
			worst = s
		}
	}
	if worst == nil {
		return ""
	}
	return fmt.Sprintf("%s, %d of %d rounds: %s (%s of %s %s/s were answered, %s unanswered in the end; the load was busy %.0f%% of the time and %s us late at its p99)",
		r.name(), troubled, len(r.Samples), worst.trouble(t.Rate),
		number(worst.PerSecond, 0), number(t.Rate, 0), t.unit, number(float64(worst.Unanswered), 0),
		100*worst.LoadShare, number(worst.LagMicros, 0))
}

// trouble tells who could not keep up with a planned rate, "" if nobody.
func (s *sample) trouble(rate float64) string {
	switch slow := s.PerSecond < 0.99*rate; {
	case rate == 0:
		return ""
	case slow && s.LoadShare > busyLoad:
		return "THE LOAD could not keep up, the figures say nothing about the server"
	case slow && s.LagMicros > 10_000:
		return "the load was late itself and cannot tell who could not keep up; something else is busy on the machine"
	case slow || s.Unanswered > 0:
		return "the server could not keep up"
	case s.LagMicros > s.P99Micros/2:
		return "the load kept up but was late itself, the latencies are its own"
	}
	return ""
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
