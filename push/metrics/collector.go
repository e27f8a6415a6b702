package metrics

import (
	"maps"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/api"
	"github.com/weir-go/weir/push/auth"
)

// Server is what is used of a *push.Server.
type Server interface {
	Stats() push.Stats
	Clients(limit int) []push.ClientStats
}

var _ Server = (*push.Server)(nil)

// New returns the metrics of a server, and of the transports that it is reached by,
// under names that become the label transport. Each collection looks at all sessions
// once. What the process takes now counts as what it takes without connections: call it
// before the first one.
func New(p Server, transports map[string]func() weir.Stats) prometheus.Collector {
	c := &collector{server: p, transports: maps.Clone(transports), memory: newMemory()}
	c.names = slices.Sorted(maps.Keys(c.transports))
	return c
}

// API returns the metrics of the HTTP API.
func API(h interface{ Stats() api.Stats }) prometheus.Collector {
	return source[api.Stats]{h.Stats, apiFamilies}
}

// Auth returns the metrics of what checks tokens.
func Auth(j interface{ Stats() auth.Stats }) prometheus.Collector {
	return source[auth.Stats]{j.Stats, authFamilies}
}

// Handler serves the metrics of New, of more collectors, and of the Go runtime and the
// process. It asks for no token: let only Prometheus reach it.
func Handler(p Server, transports map[string]func() weir.Stats, more ...prometheus.Collector) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(New(p, transports), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	r.MustRegister(more...)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// slowest is how many sessions are looked at for the figures of the slowest clients.
const slowest = 100

type collector struct {
	server     Server
	transports map[string]func() weir.Stats
	names      []string // of transports, in order
	memory     *memory
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	describe(out, serverFamilies)
	describe(out, clientFamilies)
	describe(out, transportFamilies)
	describe(out, memoryFamilies)
	for _, h := range histograms {
		out <- h.desc
	}
}

// Collect implements prometheus.Collector. It may be called at any time, also by several
// goroutines.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.server.Stats()
	collect(out, serverFamilies, &s)
	for _, h := range histograms {
		out <- h.metric(h.of(&s))
	}
	clients := c.server.Clients(slowest)
	collect(out, clientFamilies, &clients)
	m := c.memory.read(s.Attached)
	collect(out, memoryFamilies, &m)
	for _, name := range c.names {
		t := c.transports[name]()
		collect(out, transportFamilies, &t, name)
	}
}

// source is a Collector for one kind of Stats.
type source[S any] struct {
	stats    func() S
	families []family[S]
}

func (s source[S]) Describe(out chan<- *prometheus.Desc) { describe(out, s.families) }

func (s source[S]) Collect(out chan<- prometheus.Metric) {
	v := s.stats()
	collect(out, s.families, &v)
}
