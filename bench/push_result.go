//go:build unix

package main

// What push adds to the results of million; see million_result.go.

type pushSettings struct {
	Topics []int    `json:"topics"`
	Phases []string `json:"phases"`
	QoS    int      `json:"qos"`             // of push and push-tcp; push-data has 1
	Rate   float64  `json:"rate_per_second"` // publications; 0: as many as are delivered
	Window int      `json:"window"`          // publications under way then, at most; 0: as said at windowFor
	Missed int      `json:"missed"`          // messages on each topic while the herd is away
	AtOnce int      `json:"at_once"`         // connections of the herd being opened at a time
}

// A deliverPhase counts what was received in a window. Latencies are those of what
// was planned in it, from the plan on, also of what has come later.
type deliverPhase struct {
	Seconds            float64 `json:"seconds"`
	Window             int     `json:"window,omitempty"` // publications under way at most, in a closed loop
	Published          int64   `json:"published"`        // with what was published before the window
	Unpublished        int64   `json:"unpublished"`      // planned, and not published in time
	Delivered          int64   `json:"delivered"`
	PerSecond          float64 `json:"deliveries_per_second"`
	PublishedPerSecond float64 `json:"publications_per_second"`
	ServerMicros       float64 `json:"server_cpu_us_per_delivery"`
	PerCore            float64 `json:"deliveries_per_second_per_core"` // of server CPU time
	ServerShare        float64 `json:"server_cpu_share"`
	LoadShare          float64 `json:"load_cpu_share"`
	P50Micros          float64 `json:"p50_us"`
	P99Micros          float64 `json:"p99_us"`
	P999Micros         float64 `json:"p999_us"`
	MaxMicros          float64 `json:"max_us"`
	LagMicros          float64 `json:"lag_p99_us"` // of the publisher
	Dropped            int64   `json:"dropped,omitempty"`
	Duplicates         int64   `json:"duplicates"`
	Lost               int64   `json:"lost"` // messages, and connections
	Trouble            string  `json:"trouble,omitempty"`
	Histogram          string  `json:"histogram"`
}

// A herdPhase is the return of all subscribers at once. Times are from the moment
// at which they began, on.
type herdPhase struct {
	Missed       int     `json:"missed"`  // messages that each of them has missed
	Seconds      float64 `json:"seconds"` // until the last one had the last of them
	P50Seconds   float64 `json:"p50_seconds"`
	P99Seconds   float64 `json:"p99_seconds"`
	PerSecond    float64 `json:"messages_per_second"`
	CaughtUp     int64   `json:"caught_up"`
	ServerMicros float64 `json:"server_cpu_us_per_client"`
	ServerShare  float64 `json:"server_cpu_share"`
	LoadShare    float64 `json:"load_cpu_share"`
	Failures     int64   `json:"failures"`  // attempts to connect that were repeated
	SentAway     int64   `json:"sent_away"` // of clients that the server has told to come later
	Deferred     int64   `json:"deferred"`  // had to wait for admission, as the server says
	Unrecovered  int64   `json:"unrecovered"`
	Duplicates   int64   `json:"duplicates"`
	Lost         int64   `json:"lost"`
	Histogram    string  `json:"histogram"`
}

// duplicates is what has come twice, in all phases.
func (r *millionRun) duplicates() (n int64) {
	if r.Deliver != nil {
		n += r.Deliver.Duplicates
	}
	if r.Herd != nil {
		n += r.Herd.Duplicates
	}
	return n
}
