//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// rounds measures the peers of tables, in turn, round after round. A peer that
// fails is left out of what follows; the others are still worth reporting.
type rounds struct {
	options    options
	benchmark  string
	serverCPUs []int
	loadCPUs   []int
	stderr     io.Writer
	progress   *progress
	failed     int // trials
}

// calibrate finds out what the slowest peer of a table answers in a closed loop,
// and plans the table's share of it for all of them.
func (m *rounds) calibrate(ctx context.Context, t *table) error {
	for _, r := range t.Rows {
		if r.Again {
			continue
		}
		s, err := m.trial(ctx, t, r, "calibration", 0)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		if t.Capacity == 0 || s.PerSecond < t.Capacity {
			t.Capacity, t.Slowest = s.PerSecond, r.Peer
		}
	}
	t.Rate = m.options.rate.of(t.Capacity)
	if t.Capacity > 0 {
		m.progress.clear()
		fmt.Fprintf(m.stderr, "bench: %s\n", t.title())
	}
	return nil
}

func (m *rounds) measure(ctx context.Context, t *table) error {
	for round := 1; round <= m.options.rounds; round++ {
		for _, r := range t.Rows {
			s, err := m.trial(ctx, t, r, fmt.Sprintf("round %d", round), t.Rate)
			if err != nil {
				return err
			}
			if s != nil {
				s.Round = round
				r.Samples = append(r.Samples, s)
			}
		}
	}
	return nil
}

// trial measures one peer, once. It returns nothing if the peer fails, or has
// failed before.
func (m *rounds) trial(ctx context.Context, t *table, r *row, what string, rate float64) (*sample, error) {
	m.progress.next(fmt.Sprintf("%s, %s, %s", t.title(), what, r.name()))
	if t.broken(r.Peer) {
		return nil, nil
	}
	o := &m.options
	s, err := trial{
		benchmark: m.benchmark, peer: r.Peer, request: o.request, work: o.work,
		conns: t.Conns, size: t.Size, pipeline: t.Pipeline, rate: rate,
		warmup: o.warmup, duration: o.duration, timeout: o.timeout,
		serverCPUs: m.serverCPUs, loadCPUs: m.loadCPUs, profile: o.cpuprofile,
	}.measure(ctx, m.stderr)
	if ctx.Err() != nil {
		m.progress.clear()
		return nil, errors.New("interrupted")
	}
	if err != nil {
		m.progress.clear()
		fmt.Fprintf(m.stderr, "bench: %s: %v\n", r.name(), err)
		r.Error = err.Error()
		m.failed++
		return nil, nil
	}
	return &s, nil
}

// A pace is what is planned: messages per second, or a share of what the slowest
// peer answers when nothing is planned.
type pace struct {
	perSecond float64
	percent   float64
}

func (p *pace) String() string {
	if p.percent > 0 {
		return strconv.FormatFloat(p.percent, 'g', -1, 64) + "%"
	}
	return strconv.FormatFloat(p.perSecond, 'g', -1, 64)
}

func (p *pace) Set(s string) error {
	number, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil:
		return fmt.Errorf("%q is neither a number nor a percentage", s)
	case percent:
		*p = pace{percent: v}
		if !(v > 0 && v <= 100) {
			return fmt.Errorf("%s is not between 0%% and 100%%", s)
		}
	default:
		*p = pace{perSecond: v}
	}
	return nil
}

// of returns the messages per second, where capacity is what the slowest peer
// answers.
func (p *pace) of(capacity float64) float64 {
	if p.percent > 0 {
		return capacity * p.percent / 100
	}
	return p.perSecond
}
