package push

import (
	"time"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// Stats is a snapshot of a Server's counters, from the start on unless a figure says
// "now".
type Stats struct {
	Sessions int            `json:"sessions"` // now, with HELLO accepted
	Attached int            `json:"attached"` // connections now
	Waiting  int            `json:"waiting"`  // HELLO waiting for admission now
	Detached int            `json:"detached"` // sessions remembered without a connection now
	Topics   int            `json:"topics"`   // subscribed to or being fanned out now
	Subs     int            `json:"subs"`     // subscriptions now
	Behind   int            `json:"behind"`   // sessions that catch up, or wait to be writable, now
	Formats  map[string]int `json:"formats"`  // connections now, by Format.Name

	Opened uint64 `json:"opened"` // connections attached
	Closed uint64 `json:"closed"`

	Published  uint64 `json:"published"`  // messages accepted
	Delivered  uint64 `json:"delivered"`  // MSG sent
	BytesIn    uint64 `json:"bytes_in"`   // of data published
	BytesOut   uint64 `json:"bytes_out"`  // of frames sent, MSG and others
	FramesIn   uint64 `json:"frames_in"`  // received
	Duplicates uint64 `json:"duplicates"` // publications that were in the log already
	Expired    uint64 `json:"expired"`    // messages of QoS 0 that waited for longer than their TTL

	AppendFailed uint64 `json:"append_failed"` // messages of QoS 1 that the log could not store

	Dropped map[string]uint64 `json:"dropped"` // messages of QoS 0 not delivered, by "oldest", "latest", "disconnect", "end"

	Resumed   uint64 `json:"resumed"`   // subscriptions with a cursor that was recovered
	Lost      uint64 `json:"lost"`      // and that was not
	CaughtUp  uint64 `json:"caught_up"` // times that a session which was behind no longer is
	Gaps      uint64 `json:"gaps"`      // announced to those who read too slowly for the log's retention
	Deferred  uint64 `json:"deferred"`  // HELLO that had to wait for admission
	SentAway  uint64 `json:"sent_away"` // by GOAWAY
	TakenOver uint64 `json:"taken_over"`

	Refused map[protocol.Code]uint64 `json:"refused"` // ERR sent, by code

	Append    Histogram    `json:"-"` // seconds for a group to be appended
	FanOut    Histogram    `json:"-"` // seconds from a message being in the log to its last receiver
	Latency   Histogram    `json:"-"` // seconds from PUB or Publish to the last receiver
	Group     Histogram    `json:"-"` // messages appended together
	Log       msglog.Stats `json:"log"`
	Pending   int64        `json:"pending"` // bytes of messages that wait to be appended or fanned out now
	StartedAt time.Time    `json:"started_at"`
}

// Histogram is a snapshot of one: Counts[i] is the number of values not larger than
// Bounds[i], and larger than the bound before; one more at the end for those that are
// larger than all.
type Histogram struct {
	Bounds []float64
	Counts []uint64
	Sum    float64
}

// Report is what $weir/stats carries each second, as JSON.
type Report struct {
	Time        int64         `json:"time"` // Unix, milliseconds
	Stats       Stats         `json:"stats"`
	PublishRate float64       `json:"publish_rate"` // per second, in the last second
	DeliverRate float64       `json:"deliver_rate"`
	BytesRate   float64       `json:"bytes_rate"`
	FanOutP99   float64       `json:"fan_out_p99"` // seconds, in the last second
	LoopLag     float64       `json:"loop_lag"`    // seconds; of the transport, see Server.SetGauges
	Memory      uint64        `json:"memory"`      // bytes that the process takes
	TopTopics   []TopicStats  `json:"top_topics"`  // by deliveries in the last second
	Slowest     []ClientStats `json:"slowest"`
}
