//go:build unix

package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
)

// A page is all results in the form in which people see them.
type page struct {
	Results []*pageResult

	// What of the method is to be explained.
	Million, Push, Tables, Echo, HTTP, WS, Rate, Noise bool
}

// A pageResult is one file.
type pageResult struct {
	ID       string
	Title    string
	Facts    []fact
	Short    []string // what fell short
	Sections []*section
	Limits   *sheet
	Rounds   int

	million *millionReport
}

// Million tells whether it is one of million, scale or push.
func (r *pageResult) Million() bool { return r.million != nil }

// A fact tells where figures come from.
type fact struct{ Name, Value string }

// A section has tables and plots that belong together.
type section struct {
	Title  string
	Folded bool // until somebody wants to see it
	Sheets []sheet
	Plots  []*drawing
}

func newPage(results []*result) (*page, error) {
	p := &page{}
	colors := &palette{}
	for _, r := range results {
		for _, name := range r.names() {
			colors.add(name)
		}
	}
	taken := make(map[string]bool)
	for _, r := range results {
		name := slug(r.name())
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", slug(r.name()), n)
		}
		taken[name] = true
		var shown *pageResult
		var err error
		if r.million != nil {
			shown, err = p.million(r.million, name, colors)
		} else {
			shown, err = p.tables(r.tables, name, colors)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.file, err)
		}
		p.Results = append(p.Results, shown)
	}
	return p, nil
}

// names returns the peers or modes of a result.
func (r *result) names() (names []string) {
	if r.million != nil {
		return modesOf(r.million.Groups)
	}
	for _, t := range r.tables.Tables {
		for _, row := range t.Rows {
			names = append(names, row.Peer)
		}
	}
	return names
}

// million shows a result of million, scale or push.
func (p *page) million(m *millionReport, name string, colors *palette) (*pageResult, error) {
	if m.Settings.Push != nil {
		p.Push = true
	} else {
		p.Million, p.Rate = true, true
	}
	groups := slices.SortedStableFunc(slices.Values(m.Groups), func(a, b *millionGroup) int { return a.Conns - b.Conns })
	r := &pageResult{ID: name, Title: millionTitle(m, groups), Rounds: m.Settings.Rounds, million: m, Short: millionShortfalls(m)}
	r.Facts = append(machineFacts(m.Machine, m.Time, m.Command), millionFacts(m)...)
	if m.Needs != nil && len(m.Needs.Limits) > 0 {
		limits := limitsSheet(m.Needs)
		r.Limits = &limits
	}
	add := func(s *section, plot string, d *drawing) {
		if d != nil {
			d.Name = name + "-" + plot
			s.Plots = append(s.Plots, d)
		}
	}

	if m.grows() {
		s := &section{Title: "How it grows with the number of connections", Sheets: []sheet{growthSheet(groups)}}
		add(s, "growth-memory", growthPlot(userMemory, groups, colors))
		add(s, "growth-cpu", growthPlot(activeCPU, groups, colors))
		add(s, "growth-p99", growthPlot(activeP99, groups, colors))
		add(s, "growth-gc", growthPlot(gcCycleCPU, groups, colors))
		r.Sections = append(r.Sections, s)
	}
	// The largest number is what it is about; it comes first.
	for i, g := range slices.Backward(groups) {
		s := &section{Title: g.title(), Folded: i < len(groups)-1}
		prefix := ""
		if len(groups) > 1 {
			prefix = fmt.Sprintf("%d-", g.Conns)
			if g.Topics > 0 {
				prefix += fmt.Sprintf("%d-", g.Topics)
			}
		}
		add(s, prefix+"memory", memoryPlot(g, colors))
		for _, c := range phaseCurves() {
			curves, err := millionCurves(g, c.histogram)
			if err != nil {
				return nil, err
			}
			add(s, prefix+c.name, percentilePlot(c.title, curves, colors))
		}
		delivery, err := deliveryPlot(g, colors)
		if err != nil {
			return nil, err
		}
		add(s, prefix+"broadcast", delivery)
		if len(s.Plots) > 0 {
			r.Sections = append(r.Sections, s)
		}
		for _, mode := range g.Modes {
			p.Noise = p.Noise || mode.Again
		}
	}
	figures := &section{Title: "All figures", Sheets: millionSheets(groups)}
	at := slices.IndexFunc(r.Sections, func(s *section) bool { return s.Folded })
	if at < 0 {
		at = len(r.Sections)
	}
	r.Sections = slices.Insert(r.Sections, at, figures)
	return r, nil
}

func millionTitle(m *millionReport, groups []*millionGroup) string {
	n := func(g *millionGroup) string { return count3(g.Conns) }
	modes := strings.Join(modesOf(groups), ", ")
	if m.Settings.Push != nil {
		return fmt.Sprintf("Push, %s subscribers: %s", n(groups[len(groups)-1]), modes)
	}
	if len(groups) == 1 {
		return fmt.Sprintf("%s connections: %s", n(groups[0]), modes)
	}
	return fmt.Sprintf("%s to %s connections: %s", n(groups[0]), n(groups[len(groups)-1]), modes)
}

// millionCurves merges the latencies of the rounds of each mode.
func millionCurves(g *millionGroup, histogram func(*millionRun) string) (curves []curve, err error) {
	for _, r := range g.Modes {
		var texts []string
		for _, run := range r.Runs {
			texts = append(texts, histogram(run))
		}
		h, err := mergeHistograms(texts)
		if err != nil {
			return nil, err
		}
		if h != nil && !r.Again {
			curves = append(curves, curve{r.Mode, h})
		}
	}
	return curves, nil
}

// tables shows a result of echo, http or ws.
func (p *page) tables(r *report, name string, colors *palette) (*pageResult, error) {
	p.Tables = true
	p.Echo = p.Echo || r.Benchmark == "echo"
	p.HTTP = p.HTTP || r.Benchmark == "http"
	p.WS = p.WS || r.Benchmark == "ws"
	titles := map[string]string{"echo": "Echo", "http": "HTTP", "ws": "WebSocket"}
	shown := &pageResult{ID: name, Title: titles[r.Benchmark], Rounds: r.Settings.Rounds, Short: tableShortfalls(r)}
	if shown.Title == "" {
		shown.Title = r.Benchmark
	}
	if r.Settings.Work != "" {
		shown.Title += ", handlers: " + r.Settings.Work
	}
	if len(r.Tables) > 0 && r.Tables[0].Rate > 0 {
		shown.Title += ", constant rate"
	}
	shown.Facts = append(machineFacts(r.Machine, r.Time, r.Command), tableFacts(r.Settings)...)
	for i, t := range r.Tables {
		s := &section{Title: t.title()}
		prefix := name
		if len(r.Tables) > 1 {
			prefix = fmt.Sprintf("%s-%d", name, i+1)
		}
		var curves []curve
		for _, row := range t.Rows {
			h, err := mergeHistograms([]string{row.Merged})
			if err != nil {
				return nil, err
			}
			if h != nil && !row.Again {
				curves = append(curves, curve{row.Peer, h})
			}
		}
		latency := "Latency at full load, closed loop"
		if t.Rate > 0 {
			latency = "Latency at a constant rate"
		}
		if d := cpuPlot(t, colors); d != nil {
			d.Name = prefix + "-cpu"
			s.Plots = append(s.Plots, d)
		}
		if d := percentilePlot(latency, curves, colors); d != nil {
			d.Name = prefix + "-latency"
			s.Plots = append(s.Plots, d)
		}
		s.Sheets = append(s.Sheets, tableSheet(t))
		shown.Sections = append(shown.Sections, s)
		p.Rate = p.Rate || t.Rate > 0
		p.Noise = p.Noise || t.Noise != nil
	}
	return shown, nil
}

func machineFacts(m machine, when string, command []string) []fact {
	facts := []fact{{"machine", fmt.Sprintf("%s, %d cores", m.CPU, m.Cores)}}
	if m.Memory > 0 {
		facts[0].Value += ", " + inBytes.format(float64(m.Memory))
	}
	facts = append(facts, fact{"kernel", m.Kernel}, fact{"Go", m.Go})
	if m.Commit != "" {
		facts = append(facts, fact{"weir", commitName(m)})
	}
	if m.Files > 0 {
		facts = append(facts, fact{"RLIMIT_NOFILE", number(float64(m.Files), 0) + " per process"})
	}
	if t, err := time.Parse(time.RFC3339, when); err == nil {
		when = t.UTC().Format("2 January 2006, 15:04 UTC")
	}
	facts = append(facts, fact{"measured", when})
	if len(command) > 0 {
		facts = append(facts, fact{"command", "go run ./" + strings.Join(command, " ")})
	}
	return facts
}

// millionFacts tells the settings of the phases that there have been.
func millionFacts(m *millionReport) []fact {
	s := m.Settings
	reached := func(phase func(*millionRun) bool) bool {
		return slices.ContainsFunc(m.Groups, func(g *millionGroup) bool {
			return slices.ContainsFunc(g.Modes, func(r *millionRow) bool { return slices.ContainsFunc(r.Runs, phase) })
		})
	}
	facts := []fact{
		{"modes", strings.Join(s.Modes, ", ")},
		{"rounds", count3(s.Rounds)},
	}
	facts = append(facts, pushFacts(s)...)
	if reached(func(r *millionRun) bool { return r.Idle != nil }) {
		facts = append(facts, fact{"at rest", seconds(s.IdleSeconds).String()})
	}
	if reached(func(r *millionRun) bool { return r.Active != nil }) {
		facts = append(facts, fact{"messages", fmt.Sprintf("%s B, %s over %g%% of the connections, for %v after %v of warm-up",
			count3(s.Size), inRates.format(s.Rate), s.ActivePercent, seconds(s.ActiveSeconds), seconds(s.WarmupSeconds))})
	}
	if reached(func(r *millionRun) bool { return r.Churn != nil }) {
		facts = append(facts, fact{"churn", fmt.Sprintf("%s for %v", inRates.format(s.ChurnRate), seconds(s.ChurnSeconds))})
	}
	if reached(func(r *millionRun) bool { return r.Heartbeat != nil }) {
		facts = append(facts, fact{"heartbeat", fmt.Sprintf("each connection every %v, %g%% of them silent", seconds(s.HeartbeatSeconds), s.SilentPercent)})
	}
	if s.Work != "" {
		facts = append(facts, fact{"work of a handler", s.Work})
	}
	facts = append(facts, fact{"cores", cores(s.ServerCPUs, s.LoadCPUs)})
	switch k := s.KeepAliveSeconds; {
	case k > 0:
		facts = append(facts, fact{"TCP keep-alive", "every " + seconds(k).String()})
	case k < 0:
		facts = append(facts, fact{"TCP keep-alive", "none"})
	}
	if len(s.Tuned) > 0 {
		facts = append(facts, fact{"set for the run", strings.Join(s.Tuned, "; ")})
	}
	return facts
}

func tableFacts(s settings) []fact {
	facts := []fact{
		{"rounds", fmt.Sprintf("%s of %v after %v of warm-up", count3(s.Rounds), seconds(s.DurationSeconds), seconds(s.WarmupSeconds))},
	}
	if s.Request != "" {
		facts = append(facts, fact{"request", s.Request})
	}
	if s.Work != "" {
		facts = append(facts, fact{"work of a handler", s.Work})
	}
	return append(facts, fact{"cores", cores(s.ServerCPUs, s.LoadCPUs)})
}

func cores(server, load []int) string {
	if len(server) == 0 || len(load) == 0 {
		return "not pinned"
	}
	text := fmt.Sprintf("server on %s, load on %s", joinInts(server), joinInts(load))
	if slices.Contains(server, load[0]) {
		text += " (shared)"
	}
	return text
}

// slug makes a name that fits into an id and the name of a file.
func slug(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, name)
	if name = strings.Trim(name, "-"); name == "" || name[0] <= '9' {
		name = "result-" + name
	}
	return strings.TrimRight(name, "-")
}

// drawings returns all plots of the page.
func (p *page) drawings() (all []*drawing) {
	for _, r := range p.Results {
		for _, s := range r.Sections {
			all = append(all, s.Plots...)
		}
	}
	return all
}

// sheets counts the tables of the page.
func (p *page) sheets() (n int) {
	for _, r := range p.Results {
		for _, s := range r.Sections {
			n += len(s.Sheets)
		}
		if r.Limits != nil {
			n++
		}
	}
	return n
}

//go:embed page.html
var pageTemplate string

// html makes the page.
func (p *page) html() ([]byte, error) {
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, p)
	return b.Bytes(), err
}
