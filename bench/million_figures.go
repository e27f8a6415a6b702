//go:build unix

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
)

// A millionFigure is one line of the table.
type millionFigure struct {
	key    string // in JSON
	title  string
	digits int
	ratio  bool // worth comparing with the other mode
	value  func(*millionRun) (float64, bool)
}

// figure makes one of a phase that a run may not have reached.
func figure[P any](key, title string, digits int, ratio bool, phase func(*millionRun) *P, value func(*P) float64) millionFigure {
	return millionFigure{key, title, digits, ratio, func(r *millionRun) (float64, bool) {
		p := phase(r)
		if p == nil {
			return 0, false
		}
		return value(p), true
	}}
}

// minConnsForKernel is where the memory that the kernel takes for connections
// begins to stand out from what it takes and gives back for other reasons.
const minConnsForKernel = 10_000

func kernelFigure(key, title string, value func(*idlePhase) float64) millionFigure {
	return millionFigure{key, title, 0, false, func(r *millionRun) (float64, bool) {
		if r.Idle == nil || r.Reached < minConnsForKernel {
			return 0, false
		}
		return value(r.Idle), true
	}}
}

func millionFigures() []millionFigure {
	whole := func(r *millionRun) *millionRun { return r }
	connect := func(r *millionRun) *connectPhase { return r.Connect }
	idle := func(r *millionRun) *idlePhase { return r.Idle }
	active := func(r *millionRun) *activePhase { return r.Active }
	broadcast := func(r *millionRun) *broadcastPhase { return r.Broadcast }
	churn := func(r *millionRun) *churnPhase { return r.Churn }
	heartbeat := func(r *millionRun) *heartbeatPhase { return r.Heartbeat }
	deliver := func(r *millionRun) *deliverPhase { return r.Deliver }
	herd := func(r *millionRun) *herdPhase { return r.Herd }
	received := func(r *millionRun) *millionRun {
		if r.Deliver == nil && r.Herd == nil {
			return nil
		}
		return r
	}
	teardown := func(r *millionRun) *teardownPhase { return r.Teardown }
	return []millionFigure{
		figure("reached", "connections answered", 0, false, whole, func(r *millionRun) float64 { return float64(r.Reached) }),
		figure("server_processes", "server processes", 0, false, whole, func(r *millionRun) float64 { return float64(r.ServerProcesses) }),

		figure("connect_per_second", "connect: connections/s", 0, false, connect, func(p *connectPhase) float64 { return p.PerSecond }),
		figure("connect_failures", "failed attempts", 0, false, connect, func(p *connectPhase) float64 { return float64(p.Failures) }),
		figure("listen_overflows", "listen overflows", 0, false, connect, func(p *connectPhase) float64 { return float64(p.ListenOverflows) }),
		figure("connect_cpu_us", "server CPU us/connection", 1, true, connect, func(p *connectPhase) float64 { return p.ServerMicros }),

		figure("rss_per_connection", "idle: user RSS B/connection", 0, true, idle, func(p *idlePhase) float64 { return p.RSSPer }),
		figure("rss_all_per_connection", "with the processes' own", 0, true, idle, func(p *idlePhase) float64 { return p.RSSAllPer }),
		figure("heap_per_connection", "heap B/connection", 0, true, idle, func(p *idlePhase) float64 { return p.HeapPer }),
		kernelFigure("kernel_per_connection", "kernel B/connection, both ends", func(p *idlePhase) float64 { return p.KernelPer }),
		kernelFigure("slab_per_connection", "of that in slabs", func(p *idlePhase) float64 { return p.SlabPer }),
		figure("goroutines", "goroutines", 0, false, idle, func(p *idlePhase) float64 { return float64(p.Goroutines) }),
		figure("idle_cpu_percent", "CPU at rest, % of a core", 2, false, idle, func(p *idlePhase) float64 { return 100 * p.CPUShare }),
		figure("gc_cycle_cpu_ms", "GC cycle CPU ms, all processes", 1, true, idle, func(p *idlePhase) float64 { return p.GCCPUMillis }),
		figure("gc_pause_us", "GC pause us, the longest", 0, false, idle, func(p *idlePhase) float64 { return p.GCPauseMicros }),

		figure("messages_per_second", "active: msg/s", 0, false, active, func(p *activePhase) float64 { return p.PerSecond }),
		figure("cpu_us_per_message", "server CPU us/msg", 2, true, active, func(p *activePhase) float64 { return p.UserMicros + p.SysMicros }),
		figure("p50_us", "p50 us", 0, false, active, func(p *activePhase) float64 { return p.P50Micros }),
		figure("p99_us", "p99 us", 0, true, active, func(p *activePhase) float64 { return p.P99Micros }),
		figure("p999_us", "p99.9 us", 0, true, active, func(p *activePhase) float64 { return p.P999Micros }),
		figure("max_us", "max us", 0, false, active, func(p *activePhase) float64 { return p.MaxMicros }),
		figure("lag_p99_us", "the load's own lag p99 us", 0, false, active, func(p *activePhase) float64 { return p.LagMicros }),

		figure("broadcast_first_ms", "broadcast: first after ms", 1, false, broadcast, func(p *broadcastPhase) float64 { return p.FirstMillis }),
		figure("broadcast_p50_ms", "half after ms", 1, false, broadcast, func(p *broadcastPhase) float64 { return p.P50Millis }),
		figure("broadcast_last_ms", "last after ms", 1, true, broadcast, func(p *broadcastPhase) float64 { return p.LastMillis }),
		figure("deliveries_per_core", "deliveries/s per core", 0, true, broadcast, func(p *broadcastPhase) float64 { return p.PerCore }),

		figure("churn_per_second", "churn: reopened/s", 0, false, churn, func(p *churnPhase) float64 { return p.PerSecond }),
		figure("churn_cpu_us", "server CPU us/connection", 1, true, churn, func(p *churnPhase) float64 { return p.ServerMicros }),
		figure("churn_p99_us", "p99 us to the first answer", 0, false, churn, func(p *churnPhase) float64 { return p.P99Micros }),

		figure("push_per_second", "deliver: deliveries/s", 0, true, deliver, func(p *deliverPhase) float64 { return p.PerSecond }),
		figure("push_per_core", "deliveries/s per core", 0, true, deliver, func(p *deliverPhase) float64 { return p.PerCore }),
		figure("push_cpu_us", "server CPU us/delivery", 2, true, deliver, func(p *deliverPhase) float64 { return p.ServerMicros }),
		figure("publications_per_second", "publications/s", 1, false, deliver, func(p *deliverPhase) float64 { return p.PublishedPerSecond }),
		figure("push_server_percent", "server CPU, % of a core", 0, false, deliver, func(p *deliverPhase) float64 { return 100 * p.ServerShare }),
		figure("push_load_percent", "load CPU, % of a core", 0, false, deliver, func(p *deliverPhase) float64 { return 100 * p.LoadShare }),
		figure("push_p50_us", "p50 us", 0, true, deliver, func(p *deliverPhase) float64 { return p.P50Micros }),
		figure("push_p99_us", "p99 us", 0, true, deliver, func(p *deliverPhase) float64 { return p.P99Micros }),
		figure("push_p999_us", "p99.9 us", 0, true, deliver, func(p *deliverPhase) float64 { return p.P999Micros }),
		figure("push_max_us", "max us", 0, false, deliver, func(p *deliverPhase) float64 { return p.MaxMicros }),
		figure("push_lag_p99_us", "the publisher's own lag p99 us", 0, false, deliver, func(p *deliverPhase) float64 { return p.LagMicros }),

		figure("herd_seconds", "herd: all caught up after s", 2, true, herd, func(p *herdPhase) float64 { return p.Seconds }),
		figure("herd_p50_seconds", "half of them after s", 2, false, herd, func(p *herdPhase) float64 { return p.P50Seconds }),
		figure("herd_p99_seconds", "99% after s", 2, false, herd, func(p *herdPhase) float64 { return p.P99Seconds }),
		figure("herd_per_second", "messages/s", 0, false, herd, func(p *herdPhase) float64 { return p.PerSecond }),
		figure("herd_cpu_us", "server CPU us/client", 0, true, herd, func(p *herdPhase) float64 { return p.ServerMicros }),
		figure("herd_server_percent", "server CPU, % of a core", 0, false, herd, func(p *herdPhase) float64 { return 100 * p.ServerShare }),
		figure("herd_load_percent", "load CPU, % of a core", 0, false, herd, func(p *herdPhase) float64 { return 100 * p.LoadShare }),
		figure("herd_deferred", "waited for admission", 0, false, herd, func(p *herdPhase) float64 { return float64(p.Deferred) }),
		figure("herd_sent_away", "sent away to come later", 0, false, herd, func(p *herdPhase) float64 { return float64(p.SentAway) }),
		figure("herd_failures", "failed attempts to connect", 0, false, herd, func(p *herdPhase) float64 { return float64(p.Failures) }),

		figure("pings", "heartbeat: pings", 0, false, heartbeat, func(p *heartbeatPhase) float64 { return float64(p.Pings) }),
		figure("ping_cpu_us", "server CPU us/ping", 2, true, heartbeat, func(p *heartbeatPhase) float64 { return p.ServerMicros }),
		figure("silent", "silent", 0, false, heartbeat, func(p *heartbeatPhase) float64 { return float64(p.Silent) }),
		figure("found", "of those found and closed", 0, false, heartbeat, func(p *heartbeatPhase) float64 { return float64(p.Found) }),
		figure("found_max_intervals", "at the latest, intervals", 2, false, heartbeat, func(p *heartbeatPhase) float64 { return p.MaxSeconds / p.EverySeconds }),

		figure("lost", "connections or messages lost", 0, false, whole, func(r *millionRun) float64 { return float64(r.lost()) }),
		figure("teardown_seconds", "tear-down: s", 1, false, teardown, func(p *teardownPhase) float64 { return p.Seconds }),
		figure("duplicates", "messages that came twice", 0, false, received, func(r *millionRun) float64 { return float64(r.duplicates()) }),
		figure("left", "sockets left", 0, false, teardown, func(p *teardownPhase) float64 { return float64(p.Left) }),
		figure("rss_left_per_connection", "user RSS B/connection left", 0, false, teardown, func(p *teardownPhase) float64 { return p.RSSLeftPer }),
	}
}

// lost is what should have been there and was not, in all phases.
func (r *millionRun) lost() (n int64) {
	if r.Idle != nil {
		n += r.Idle.Lost
	}
	if r.Active != nil {
		n += r.Active.Lost
	}
	if r.Broadcast != nil {
		n += r.Broadcast.Lost
	}
	if r.Churn != nil {
		n += r.Churn.Lost
	}
	if r.Heartbeat != nil {
		n += r.Heartbeat.Lost
	}
	if r.Deliver != nil {
		n += r.Deliver.Lost
	}
	if r.Herd != nil {
		n += r.Herd.Lost
	}
	return n
}

func newGroup(conns int, modes []millionMode) *millionGroup {
	g := &millionGroup{Conns: conns}
	for i, m := range modes {
		again := slices.ContainsFunc(modes[:i], func(earlier millionMode) bool { return earlier.name == m.name })
		g.Modes = append(g.Modes, &millionRow{Mode: m.name, Again: again})
	}
	return g
}

func (m *millionRow) title() string {
	if m.Again {
		return m.Mode + " (again)"
	}
	return m.Mode
}

// ratioPrefix is that of the keys of ratios in a summary.
const ratioPrefix = "to_base_"

// base is the mode that the others are compared with: goroutine-per-connection
// where it takes part, or the last one.
func (g *millionGroup) base() *millionRow {
	for _, m := range g.Modes {
		if m.Mode == g.Base || g.Base == "" && m.Mode == "net" {
			return m
		}
	}
	for _, m := range g.Modes {
		if m.Again { // what is measured twice is what is compared with
			return g.first(m.Mode)
		}
	}
	return g.Modes[len(g.Modes)-1]
}

// title tells how many connections there are, and what else sets a group apart.
func (g *millionGroup) title() string {
	switch g.Topics {
	case 0:
		return count3(g.Conns) + " connections"
	case 1:
		return count3(g.Conns) + " subscribers of a topic"
	}
	return fmt.Sprintf("%s subscribers of %s topics", count3(g.Conns), count3(g.Topics))
}

func (g *millionGroup) first(mode string) *millionRow {
	i := slices.IndexFunc(g.Modes, func(m *millionRow) bool { return m.Mode == mode })
	return g.Modes[i]
}

// round returns the run of a round, or nil.
func (m *millionRow) round(n int) *millionRun {
	for _, r := range m.Runs {
		if r.Round == n {
			return r
		}
	}
	return nil
}

// summarize fills in what follows from the runs. Ratios are taken pair by pair
// within a round, for the machine's mood changes from round to round.
func (g *millionGroup) summarize() {
	base := g.base()
	for _, m := range g.Modes {
		m.Summary = make(map[string]spread)
		for _, f := range millionFigures() {
			var values, ratios []float64
			for _, r := range m.Runs {
				v, ok := f.value(r)
				if !ok {
					continue
				}
				values = append(values, v)
				if other := base.round(r.Round); f.ratio && m != base && other != nil && other.Reached == r.Reached {
					if b, ok := f.value(other); ok && b > 0 {
						ratios = append(ratios, v/b)
					}
				}
			}
			if s, ok := spreadOf(values); ok {
				m.Summary[f.key] = s
			}
			if s, ok := spreadOf(ratios); ok {
				m.Summary[ratioPrefix+f.key] = s
			}
		}
	}
}

// noise is the largest distance from one of the ratio of the base to itself, false
// where it was measured only once in a round.
func (g *millionGroup) noise(key string) (float64, bool) {
	for _, m := range g.Modes {
		if s, ok := m.Summary[ratioPrefix+key]; ok && m.Again && m.Mode == g.base().Mode {
			return max(math.Abs(s.Min-1), math.Abs(s.Max-1)), true
		}
	}
	return 0, false
}

// writeText writes the table: a line for each figure, a column for each mode.
func (g *millionGroup) writeText(w io.Writer, rounds int) error {
	base := g.base()
	what := "1 round"
	if rounds > 1 {
		what = fmt.Sprintf("medians of %d rounds, in brackets least–greatest", rounds)
	}
	if _, err := fmt.Fprintf(w, "\n%s: %s\n\n", g.title(), what); err != nil {
		return err
	}
	head := []string{""}
	for _, m := range g.Modes {
		head = append(head, m.title())
		if m != base {
			head = append(head, "/"+base.Mode)
		}
	}
	lines := [][]string{head}
	for _, f := range millionFigures() {
		line, any := []string{f.title}, false
		for _, m := range g.Modes {
			s, ok := m.Summary[f.key]
			any = any || ok
			line = append(line, s.text(ok, f.digits, rounds))
			if m != base {
				ratio, ok := m.Summary[ratioPrefix+f.key]
				text := ratio.text(ok, 3, rounds)
				if noise, known := g.noise(f.key); ok && known && !m.Again {
					text += fmt.Sprintf(" ±%.0f%%", math.Ceil(100*noise))
				}
				line = append(line, text)
			}
		}
		if any {
			lines = append(lines, line)
		}
	}
	return writeAligned(w, lines)
}

// text is the median, and with several rounds the extremes.
func (s spread) text(ok bool, digits, rounds int) string {
	if !ok {
		return ""
	}
	text := number(s.Median, digits)
	if rounds > 1 && s.Min != s.Max {
		text += fmt.Sprintf(" (%s–%s)", number(s.Min, digits), number(s.Max, digits))
	}
	return text
}

// header is the line above the tables.
func (r *millionReport) header() string {
	h := &report{Machine: r.Machine, Settings: settings{
		ServerCPUs: r.Settings.ServerCPUs, LoadCPUs: r.Settings.LoadCPUs, Work: r.Settings.Work,
		WarmupSeconds: r.Settings.WarmupSeconds, DurationSeconds: r.Settings.ActiveSeconds,
	}}
	return h.header()
}
