package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/weir-go/weir"
)

// transportFamilies are what weir.Stats has.
var transportFamilies = []family[weir.Stats]{
	transport(gauge, "connections", "Connections open now.", func(s *weir.Stats) int { return s.Conns }),
	transport(counter, "connections_accepted_total", "Connections accepted.", func(s *weir.Stats) uint64 { return s.Accepted }),
	transport(counter, "connections_closed_total", "Connections ended.", func(s *weir.Stats) uint64 { return s.Closed }),
	causes("connections_rejected_total", "Connections refused, by limit.", "limit",
		func(s *weir.Stats, add func(float64, ...string)) {
			add(float64(s.RejectedMaxConns), "max_conns")
			add(float64(s.RejectedPerIP), "max_conns_per_ip")
			add(float64(s.RejectedNoFD), "descriptors")
			add(float64(s.RejectedPoller), "poller")
		}),
	transport(counter, "accepting_paused_total", "Times that the accept rate, or want of descriptors, has stopped the accepting for a while.", func(s *weir.Stats) uint64 { return s.AcceptPaused }),

	transport(counter, "received_bytes_total", "Bytes received.", func(s *weir.Stats) uint64 { return s.BytesIn }),
	transport(counter, "sent_bytes_total", "Bytes taken by the sockets.", func(s *weir.Stats) uint64 { return s.BytesOut }),
	transport(counter, "received_frames_total", "Frames delivered to handlers.", func(s *weir.Stats) uint64 { return s.FramesIn }),
	transport(gauge, "buffered_bytes", "Bytes in buffers now: unfinished and waiting frames, backlog.", func(s *weir.Stats) int64 { return s.Buffered }),

	transport(counter, "panics_total", "Panics of handlers caught.", func(s *weir.Stats) uint64 { return s.Panics }),
	transport(counter, "timeouts_total", "Connections ended by a timeout.", func(s *weir.Stats) uint64 { return s.Timeouts }),
	transport(gauge, "queued_tasks", "Turns and functions that wait for a worker now.", func(s *weir.Stats) int { return s.PoolQueue }),
	transport(gauge, "workers", "Workers now.", func(s *weir.Stats) int { return s.Workers }),

	transport(counter, "reading_paused_total", "Times that the reading of a connection has stopped because too much waited for its handler.", func(s *weir.Stats) uint64 { return s.PausedPending }),
	transport(counter, "high_watermarks_total", "Times that a backlog rose above its high watermark.", func(s *weir.Stats) uint64 { return s.HighWatermarks }),
	transport(counter, "slow_consumers_total", "Connections closed because their peer reads too slowly.", func(s *weir.Stats) uint64 { return s.SlowConsumers }),
	causes("writes_refused_total", "Writes refused, by limit; budget: connections closed, too.", "limit",
		func(s *weir.Stats, add func(float64, ...string)) {
			add(float64(s.Dropped), "watermark")
			add(float64(s.Backlog), "backlog")
			add(float64(s.OverBudget), "budget")
		}),

	transport(counter, "loop_iterations_total", "Times that the event loops have gone round.", func(s *weir.Stats) uint64 { return s.Iterations }),
	transport(counter, "loop_wakeups_total", "Times that an event loop was woken by another goroutine.", func(s *weir.Stats) uint64 { return s.Wakeups }),
	transport(gauge, "loop_lag_seconds", "The longest of the event loops' latest iterations: what an event may have to wait.", func(s *weir.Stats) float64 { return s.Lag.Seconds() }),
	transport(gauge, "loop_max_lag_seconds", "The longest iteration of an event loop since the start.", func(s *weir.Stats) float64 { return s.MaxLag.Seconds() }),
}

// transport makes a family with the label transport.
func transport[N number](
	kind func(name, help string, value func(s *weir.Stats) N, labels ...string) family[weir.Stats],
	name, help string, value func(s *weir.Stats) N,
) family[weir.Stats] {
	return kind("transport_"+name, help, value, "transport")
}

// causes makes a family of counters with the label transport and another one.
func causes(name, help, label string, each func(s *weir.Stats, add func(float64, ...string))) family[weir.Stats] {
	return several(prometheus.CounterValue, "transport_"+name, help, []string{"transport", label}, each)
}
