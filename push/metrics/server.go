package metrics

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

// serverFamilies are what push.Stats has.
var serverFamilies = []family[push.Stats]{
	several(prometheus.GaugeValue, "connections", "Connections now, by format.", []string{"format"},
		func(s *push.Stats, add func(float64, ...string)) {
			for _, name := range slices.Sorted(maps.Keys(s.Formats)) {
				add(float64(s.Formats[name]), name)
			}
		}),
	counter("connections_opened_total", "Connections attached.", func(s *push.Stats) uint64 { return s.Opened }),
	counter("connections_closed_total", "Connections ended.", func(s *push.Stats) uint64 { return s.Closed }),

	gauge("sessions", "Sessions now, with HELLO accepted.", func(s *push.Stats) int { return s.Sessions }),
	gauge("sessions_waiting", "HELLO that wait for admission now.", func(s *push.Stats) int { return s.Waiting }),
	gauge("sessions_detached", "Sessions remembered without a connection now.", func(s *push.Stats) int { return s.Detached }),
	gauge("sessions_behind", "Sessions that catch up from the log, or wait to be writable, now.", func(s *push.Stats) int { return s.Behind }),
	counter("sessions_caught_up_total", "Times that a session which was behind no longer is.", func(s *push.Stats) uint64 { return s.CaughtUp }),
	counter("sessions_deferred_total", "HELLO that had to wait for admission.", func(s *push.Stats) uint64 { return s.Deferred }),
	counter("sessions_sent_away_total", "Sessions ended by GOAWAY.", func(s *push.Stats) uint64 { return s.SentAway }),
	counter("sessions_taken_over_total", "Sessions ended because another connection has them.", func(s *push.Stats) uint64 { return s.TakenOver }),

	gauge("topics", "Topics subscribed to by name now.", func(s *push.Stats) int { return s.Topics }),
	gauge("subscriptions", "Subscriptions now.", func(s *push.Stats) int { return s.Subs }),
	several(prometheus.CounterValue, "subscriptions_resumed_total", "Subscriptions with a cursor: hit, all messages since were there, or miss, some were lost.", []string{"result"},
		func(s *push.Stats, add func(float64, ...string)) {
			add(float64(s.Resumed), "hit")
			add(float64(s.Lost), "miss")
		}),
	counter("gaps_total", "Gaps announced to those who read too slowly for the log's retention.", func(s *push.Stats) uint64 { return s.Gaps }),

	counter("messages_published_total", "Messages accepted.", func(s *push.Stats) uint64 { return s.Published }),
	counter("messages_delivered_total", "MSG sent.", func(s *push.Stats) uint64 { return s.Delivered }),
	counter("messages_duplicate_total", "Publications that were in the log already.", func(s *push.Stats) uint64 { return s.Duplicates }),
	counter("messages_expired_total", "Messages of QoS 0 that waited for longer than their TTL.", func(s *push.Stats) uint64 { return s.Expired }),
	counter("messages_not_stored_total", "Messages of QoS 1 refused because the log could not store them.", func(s *push.Stats) uint64 { return s.AppendFailed }),
	several(prometheus.CounterValue, "messages_dropped_total", "Messages of QoS 0 not delivered, by why.", []string{"policy"},
		func(s *push.Stats, add func(float64, ...string)) {
			for _, name := range slices.Sorted(maps.Keys(s.Dropped)) {
				add(float64(s.Dropped[name]), name)
			}
		}),
	several(prometheus.CounterValue, "errors_sent_total", "ERR sent, by code.", []string{"code", "name"},
		func(s *push.Stats, add func(float64, ...string)) {
			known := protocol.Codes() // also those that have not come yet, so that rates see the first
			for code := range s.Refused {
				if !slices.Contains(known, code) {
					known = append(known, code)
				}
			}
			for _, code := range known {
				add(float64(s.Refused[code]), strconv.Itoa(int(code)), code.String())
			}
		}),

	counter("published_bytes_total", "Bytes of data published.", func(s *push.Stats) uint64 { return s.BytesIn }),
	counter("sent_bytes_total", "Bytes of frames sent.", func(s *push.Stats) uint64 { return s.BytesOut }),
	counter("received_frames_total", "Frames received.", func(s *push.Stats) uint64 { return s.FramesIn }),
	gauge("pending_bytes", "Bytes of messages that wait to be appended or fanned out now.", func(s *push.Stats) int64 { return s.Pending }),

	gauge("log_topics", "Topics in the log now.", func(s *push.Stats) int { return s.Log.Topics }),
	gauge("log_messages", "Messages in the log now.", func(s *push.Stats) int64 { return s.Log.Messages }),
	gauge("log_bytes", "Bytes of data in the log now, in memory or on disk.", func(s *push.Stats) int64 { return s.Log.Bytes }),
	counter("log_appended_total", "Messages appended to the log.", func(s *push.Stats) uint64 { return s.Log.Appended }),
	counter("log_duplicates_total", "Messages that the log had already.", func(s *push.Stats) uint64 { return s.Log.Duplicates }),
	counter("log_failed_total", "Messages that the log could not store.", func(s *push.Stats) uint64 { return s.Log.Failed }),
	counter("log_trimmed_total", "Messages removed by count, bytes or age.", func(s *push.Stats) uint64 { return s.Log.Trimmed }),
	counter("log_expired_total", "Messages removed by their TTL.", func(s *push.Stats) uint64 { return s.Log.Expired }),
	counter("log_syncs_total", "Group commits that were waited for.", func(s *push.Stats) uint64 { return s.Log.Syncs }),
	several(prometheus.CounterValue, "log_reads_total", "Reads of the log: hit, from memory, or miss, from the disk.", []string{"result"},
		func(s *push.Stats, add func(float64, ...string)) {
			add(float64(s.Log.Hits), "hit")
			add(float64(s.Log.Misses), "miss")
		}),

	gauge("start_time_seconds", "Unix time when the server was started.", func(s *push.Stats) float64 {
		return float64(s.StartedAt.UnixNano()) / float64(time.Second)
	}),
}

var histograms = []histogram{
	newHistogram("append_duration_seconds", "Time for a group of messages to be appended to the log.", func(s *push.Stats) push.Histogram { return s.Append }),
	newHistogram("fan_out_duration_seconds", "Time from a message being in the log to its last receiver.", func(s *push.Stats) push.Histogram { return s.FanOut }),
	newHistogram("delivery_duration_seconds", "Time from PUB, or its like, to the last receiver.", func(s *push.Stats) push.Histogram { return s.Latency }),
	newHistogram("append_group_messages", "Messages appended together.", func(s *push.Stats) push.Histogram { return s.Group }),
}

// clientFamilies are what the sessions that lag most come to.
var clientFamilies = slices.Concat(
	lag("lag_messages", "messages of QoS 1 in the log and not sent yet", func(c *push.ClientStats) uint64 { return c.Lag }),
	lag("unacknowledged_messages", "messages of QoS 1 sent and not acknowledged", func(c *push.ClientStats) uint64 { return c.Unacked }),
	lag("buffered_bytes", "bytes that wait in the connection", func(c *push.ClientStats) int { return c.Buffered }),
	lag("queued_bytes", "bytes of messages of QoS 0 that wait", func(c *push.ClientStats) int { return c.Queued }),
	lag("dropped_messages", "messages of QoS 0 not delivered to those who are there", func(c *push.ClientStats) uint64 { return c.Dropped }),
)

// lag makes two families of a figure: the largest, and the sum.
func lag[N number](name, help string, value func(c *push.ClientStats) N) []family[[]push.ClientStats] {
	of := ", of the " + strconv.Itoa(slowest) + " sessions that lag most."
	return []family[[]push.ClientStats]{
		gauge("slowest_client_"+name, "The most "+help+of, func(all *[]push.ClientStats) (most N) {
			for i := range *all {
				most = max(most, value(&(*all)[i]))
			}
			return most
		}),
		gauge("slow_clients_"+name, "All "+help+of, func(all *[]push.ClientStats) (sum N) {
			for i := range *all {
				sum += value(&(*all)[i])
			}
			return sum
		}),
	}
}
