package metrics_test

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/api"
	"github.com/weir-go/weir/push/auth"
	"github.com/weir-go/weir/push/metrics"
	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// fake is a Server with given figures.
type fake struct {
	mu      sync.Mutex
	stats   push.Stats
	clients []push.ClientStats
}

func (f *fake) Stats() push.Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stats
}

func (f *fake) Clients(limit int) []push.ClientStats { return f.clients[:min(limit, len(f.clients))] }

func someStats() push.Stats {
	return push.Stats{
		Sessions: 2, Attached: 3, Formats: map[string]int{"ws json": 1, "tcp": 2}, Published: 7,
		Dropped:   map[string]uint64{"oldest": 4, "latest": 0},
		Refused:   map[protocol.Code]uint64{protocol.CodeForbidden: 5, 399: 1},
		Resumed:   6,
		Lost:      1,
		Append:    push.Histogram{Bounds: []float64{0.001, 0.01}, Counts: []uint64{5, 3, 2}, Sum: 0.5},
		Log:       msglog.Stats{Hits: 8, Misses: 9, Bytes: 1 << 40},
		StartedAt: time.UnixMilli(1_500_000_000_500),
	}
}

func TestValues(t *testing.T) {
	f := &fake{stats: someStats(), clients: []push.ClientStats{{Lag: 10, Buffered: 5}, {Lag: 4, Buffered: 7}}}
	c := metrics.New(f, map[string]func() weir.Stats{
		"tcp": func() weir.Stats { return weir.Stats{Conns: 2, RejectedPerIP: 3, MaxLag: 1500 * time.Millisecond} },
		"web": func() weir.Stats { return weir.Stats{Conns: 1} },
	})
	want := `
# HELP weir_push_append_duration_seconds Time for a group of messages to be appended to the log.
# TYPE weir_push_append_duration_seconds histogram
weir_push_append_duration_seconds_bucket{le="0.001"} 5
weir_push_append_duration_seconds_bucket{le="0.01"} 8
weir_push_append_duration_seconds_bucket{le="+Inf"} 10
weir_push_append_duration_seconds_sum 0.5
weir_push_append_duration_seconds_count 10
# HELP weir_push_fan_out_duration_seconds Time from a message being in the log to its last receiver.
# TYPE weir_push_fan_out_duration_seconds histogram
weir_push_fan_out_duration_seconds_bucket{le="+Inf"} 0
weir_push_fan_out_duration_seconds_sum 0
weir_push_fan_out_duration_seconds_count 0
# HELP weir_push_connections Connections now, by format.
# TYPE weir_push_connections gauge
weir_push_connections{format="tcp"} 2
weir_push_connections{format="ws json"} 1
# HELP weir_push_log_bytes Bytes of data in the log now, in memory or on disk.
# TYPE weir_push_log_bytes gauge
weir_push_log_bytes 1.099511627776e+12
# HELP weir_push_log_reads_total Reads of the log: hit, from memory, or miss, from the disk.
# TYPE weir_push_log_reads_total counter
weir_push_log_reads_total{result="hit"} 8
weir_push_log_reads_total{result="miss"} 9
# HELP weir_push_messages_dropped_total Messages of QoS 0 not delivered, by why.
# TYPE weir_push_messages_dropped_total counter
weir_push_messages_dropped_total{policy="latest"} 0
weir_push_messages_dropped_total{policy="oldest"} 4
# HELP weir_push_messages_published_total Messages accepted.
# TYPE weir_push_messages_published_total counter
weir_push_messages_published_total 7
# HELP weir_push_slow_clients_buffered_bytes All bytes that wait in the connection, of the 100 sessions that lag most.
# TYPE weir_push_slow_clients_buffered_bytes gauge
weir_push_slow_clients_buffered_bytes 12
# HELP weir_push_slowest_client_lag_messages The most messages of QoS 1 in the log and not sent yet, of the 100 sessions that lag most.
# TYPE weir_push_slowest_client_lag_messages gauge
weir_push_slowest_client_lag_messages 10
# HELP weir_push_start_time_seconds Unix time when the server was started.
# TYPE weir_push_start_time_seconds gauge
weir_push_start_time_seconds 1.5000000005e+09
# HELP weir_push_transport_connections Connections open now.
# TYPE weir_push_transport_connections gauge
weir_push_transport_connections{transport="tcp"} 2
weir_push_transport_connections{transport="web"} 1
# HELP weir_push_transport_connections_rejected_total Connections refused, by limit.
# TYPE weir_push_transport_connections_rejected_total counter
weir_push_transport_connections_rejected_total{limit="descriptors",transport="tcp"} 0
weir_push_transport_connections_rejected_total{limit="descriptors",transport="web"} 0
weir_push_transport_connections_rejected_total{limit="max_conns",transport="tcp"} 0
weir_push_transport_connections_rejected_total{limit="max_conns",transport="web"} 0
weir_push_transport_connections_rejected_total{limit="max_conns_per_ip",transport="tcp"} 3
weir_push_transport_connections_rejected_total{limit="max_conns_per_ip",transport="web"} 0
weir_push_transport_connections_rejected_total{limit="poller",transport="tcp"} 0
weir_push_transport_connections_rejected_total{limit="poller",transport="web"} 0
# HELP weir_push_transport_loop_max_lag_seconds The longest iteration of an event loop since the start.
# TYPE weir_push_transport_loop_max_lag_seconds gauge
weir_push_transport_loop_max_lag_seconds{transport="tcp"} 1.5
weir_push_transport_loop_max_lag_seconds{transport="web"} 0
`
	var names []string
	for line := range strings.Lines(want) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			names = append(names, name)
		}
	}
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
	// Codes that have not come yet are there as well, and those that nobody knows.
	if n := testutil.CollectAndCount(c, "weir_push_errors_sent_total"); n != len(protocol.Codes())+1 {
		t.Errorf("%d codes", n)
	}
}

func TestConventions(t *testing.T) {
	r := prometheus.NewPedanticRegistry() // checks that what is collected was described
	tokens, err := auth.New(auth.Options{Secret: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	transports := map[string]func() weir.Stats{"a": (&weir.Server{}).Stats, "b": (&weir.Server{}).Stats}
	r.MustRegister(metrics.New(&fake{stats: someStats()}, transports), metrics.API(api.New(nil, api.Options{})), metrics.Auth(tokens))
	problems, err := testutil.GatherAndLint(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestHandler scrapes a real server, several at a time, while it works.
func TestHandler(t *testing.T) {
	s, err := push.New(push.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := metrics.Handler(s, map[string]func() weir.Stats{"web": (&weir.Server{}).Stats}, metrics.API(api.New(s, api.Options{})))
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 10 {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
				body, err := io.ReadAll(w.Body)
				if w.Code != 200 || err != nil {
					t.Errorf("%d %s, %v", w.Code, body, err)
				}
				for _, part := range []string{"\nweir_push_sessions 0\n", "\ngo_goroutines ", "\nweir_push_api_requests_total 0\n", "\nweir_push_memory_per_connection_bytes 0\n"} {
					if !strings.Contains(string(body), part) {
						t.Errorf("%q is missing", part)
					}
				}
			}
		})
	}
	for range 100 {
		if _, err := s.Publish(t.Context(), push.Publication{Topic: "a", QoS: protocol.AtLeastOnce}); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(w.Body.String(), "\nweir_push_messages_published_total 100\n") {
		t.Error("not all messages were counted")
	}
}
