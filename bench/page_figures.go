//go:build unix

package main

// A pageFigure is how a figure of million and scale is shown to people.
type pageFigure struct {
	key   string // of a millionFigure
	title string
	quantity
	times float64 // what makes the quantity out of the figure
}

// A pagePhase is what stands in one table.
type pagePhase struct {
	title   string
	figures []pageFigure
}

// Those that plots and the table of growth show, too.
var (
	userMemory   = pageFigure{"rss_per_connection", "user memory per connection", inBytes, 1}
	kernelMemory = pageFigure{"kernel_per_connection", "kernel memory per connection", inBytes, 1}
	gcCycleCPU   = pageFigure{"gc_cycle_cpu_ms", "CPU of a GC cycle", inMicros, 1e3}
	activeCPU    = pageFigure{"cpu_us_per_message", "CPU per message", inMicros, 1}
	activeP99    = pageFigure{"p99_us", "p99", inMicros, 1}
)

// pagePhases returns the tables of million and scale.
func pagePhases() []pagePhase {
	return []pagePhase{
		{"Connecting", []pageFigure{
			{"reached", "connections reached", inCounts, 1},
			{"server_processes", "server processes", inCounts, 1},
			{"connect_per_second", "connect rate", inRates, 1},
			{"connect_cpu_us", "CPU per connection", inMicros, 1},
			{"connect_failures", "failed attempts", inCounts, 1},
			{"listen_overflows", "ListenOverflows", inCounts, 1},
			{"lost", "lost in all phases", inCounts, 1},
		}},
		{"At rest: memory per connection, and the garbage collector", []pageFigure{
			userMemory,
			{"rss_all_per_connection", "with that of the processes", inBytes, 1},
			{"heap_per_connection", "Go heap", inBytes, 1},
			kernelMemory,
			{"slab_per_connection", "of that in slabs", inBytes, 1},
			{"goroutines", "goroutines", inCounts, 1},
			{"idle_cpu_percent", "CPU at rest", inPercent, 0.01},
			gcCycleCPU,
			{"gc_pause_us", "longest GC pause", inMicros, 1},
		}},
		{"Messages at a constant rate", []pageFigure{
			{"messages_per_second", "message rate", inRates, 1},
			activeCPU,
			{"p50_us", "p50", inMicros, 1},
			activeP99,
			{"p999_us", "p99.9", inMicros, 1},
			{"max_us", "max", inMicros, 1},
			{"lag_p99_us", "load late, p99", inMicros, 1},
		}},
		{"One message to all: broadcast", []pageFigure{
			{"broadcast_first_ms", "first", inMicros, 1e3},
			{"broadcast_p50_ms", "half of them", inMicros, 1e3},
			{"broadcast_last_ms", "last", inMicros, 1e3},
			{"deliveries_per_core", "deliveries per core", inRates, 1},
		}},
		{"Churn: connections closed and opened while the rest stay", []pageFigure{
			{"churn_per_second", "churn rate", inRates, 1},
			{"churn_cpu_us", "CPU per connection", inMicros, 1},
			{"churn_p99_us", "to the first answer, p99", inMicros, 1},
		}},
		{"Publications to subscribers", []pageFigure{
			{"push_per_second", "deliveries", inRates, 1},
			{"push_per_core", "deliveries per core", inRates, 1},
			{"push_cpu_us", "CPU per delivery", inMicros, 1},
			{"publications_per_second", "publications", inRates, 1},
			{"push_server_percent", "server CPU", inPercent, 0.01},
			{"push_load_percent", "load CPU", inPercent, 0.01},
			{"push_p50_us", "p50", inMicros, 1},
			{"push_p99_us", "p99", inMicros, 1},
			{"push_p999_us", "p99.9", inMicros, 1},
			{"push_max_us", "max", inMicros, 1},
			{"push_lag_p99_us", "publisher late, p99", inMicros, 1},
			{"duplicates", "came twice", inCounts, 1},
		}},
		{"A herd that comes back", []pageFigure{
			{"herd_seconds", "all caught up after", inMicros, 1e6},
			{"herd_p50_seconds", "half of them", inMicros, 1e6},
			{"herd_p99_seconds", "99%", inMicros, 1e6},
			{"herd_per_second", "messages", inRates, 1},
			{"herd_cpu_us", "CPU per client", inMicros, 1},
			{"herd_server_percent", "server CPU", inPercent, 0.01},
			{"herd_load_percent", "load CPU", inPercent, 0.01},
			{"herd_deferred", "waited for admission", inCounts, 1},
			{"herd_sent_away", "sent away", inCounts, 1},
			{"herd_failures", "failed attempts", inCounts, 1},
		}},
		{"Heartbeat: pings, and silent connections found", []pageFigure{
			{"pings", "pings", inCounts, 1},
			{"ping_cpu_us", "CPU per ping", inMicros, 1},
			{"silent", "silent", inCounts, 1},
			{"found", "of them found and closed", inCounts, 1},
			{"found_max_intervals", "at the latest after", inIntervals, 1},
		}},
		{"Tear-down", []pageFigure{
			{"teardown_seconds", "until all is closed", inMicros, 1e6},
			{"left", "sockets left", inCounts, 1},
			{"rss_left_per_connection", "user memory left, per connection", inBytes, 1},
		}},
	}
}

// spread is what the rounds of a mode have to say about a figure.
func (f pageFigure) spread(r *millionRow) (spread, bool) {
	sp, ok := r.Summary[f.key]
	return spread{sp.Median * f.times, sp.Min * f.times, sp.Max * f.times}, ok
}

// found tells whether there is any such figure. A phase that was left out would
// be a table of dashes.
func (f pageFigure) found(groups []*millionGroup) bool {
	for _, g := range groups {
		for _, r := range g.Modes {
			if _, ok := r.Summary[f.key]; ok {
				return true
			}
		}
	}
	return false
}

// cell shows the figure of a mode.
func (f pageFigure) cell(g *millionGroup, r *millionRow) cell {
	sp, ok := f.spread(r)
	if !ok {
		return noCell
	}
	c := cell{Value: f.format(sp.Median)}
	if len(r.Runs) > 1 && sp.Min != sp.Max {
		c.Range = f.span(sp.Min, sp.Max)
	}
	if ratio, ok := r.Summary[ratioPrefix+f.key]; ok {
		c.Ratio = ratioText(ratio.Median) + "× " + g.base().Mode
		if noise, ok := g.noise(f.key); ok && !r.Again {
			c.Ratio += " " + noiseText(noise)
		}
	}
	return c
}
