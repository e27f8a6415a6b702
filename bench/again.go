//go:build unix

package main

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// What a difference between two peers is worth is told by a peer that is compared
// with itself (A/A): the first one that others are compared with is measured once
// more in each round, last, and the two should be the same.

// measureAgain adds the row of the peer that is measured again, if any ratio is to
// be made at all.
func (t *table) measureAgain() {
	for _, b := range t.bases {
		for _, r := range t.Rows {
			if r.Peer == b.name {
				t.Rows = append(t.Rows, &row{Peer: r.Peer, Again: true})
				return
			}
		}
	}
}

// name tells the two rows of a peer apart.
func (r *row) name() string {
	if r.Again {
		return r.Peer + " (again)"
	}
	return r.Peer
}

// noise returns, by the key of a column, how far the two figures of the peer that
// was measured again were apart in the worst round: 0.03 is three per cent. It is
// nil if there were no two.
func (t *table) noise() map[string]float64 {
	var first, again *row
	for _, r := range t.Rows {
		if r.Again {
			again = r
		}
	}
	for _, r := range t.Rows {
		if again != nil && first == nil && r.Peer == again.Peer && !r.Again {
			first = r
		}
	}
	if first == nil {
		return nil
	}
	worst := make(map[string]float64)
	for _, c := range t.columns() {
		for _, s := range again.Samples {
			before := first.sample(s.Round)
			if before == nil {
				continue
			}
			a, okA := c.value(before, t.finder(s.Round))
			b, okB := c.value(s, t.finder(s.Round))
			if okA && okB && a != 0 {
				worst[c.key] = max(worst[c.key], math.Abs(b/a-1))
			}
		}
	}
	if len(worst) == 0 {
		return nil
	}
	return worst
}

// margin is what stands behind a ratio: the noise, rounded up. Where there is none
// to tell, because the ratio is that of a peer to itself, it is as much space.
func (t *table) margin(c column, r *row) string {
	noise, ok := t.Noise[c.key]
	if c.base == "" || !ok {
		return ""
	}
	m := fmt.Sprintf(" ±%.0f%%", math.Ceil(100*noise))
	if r == nil || r.Again || r.Peer == c.base {
		m = strings.Repeat(" ", utf8.RuneCountInString(m))
	}
	return m
}
