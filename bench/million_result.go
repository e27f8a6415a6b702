//go:build unix

package main

// The result of million and scale, as -json writes it and report reads it. Of
// each figure it keeps every round; summaries are made from them.

// A millionReport is everything that one run of million or scale has found.
type millionReport struct {
	Benchmark string          `json:"benchmark"` // million, scale or push
	Time      string          `json:"time"`      // RFC 3339
	Command   []string        `json:"command"`
	Machine   machine         `json:"machine"`
	Settings  millionSettings `json:"settings"`
	Needs     *needs          `json:"needs,omitempty"` // what the machine has for it
	Groups    []*millionGroup `json:"groups"`          // by number of connections
	Notes     []string        `json:"notes,omitempty"` // what fell short, in words
}

type millionSettings struct {
	Modes            []string `json:"modes"`
	Rounds           int      `json:"rounds"`
	Size             int      `json:"size_bytes"` // of a message
	Work             string   `json:"work,omitempty"`
	Rate             float64  `json:"rate_per_second"` // of the active phase
	ActivePercent    float64  `json:"active_percent"`  // of the connections that take part in it
	ActiveSeconds    float64  `json:"active_seconds"`
	WarmupSeconds    float64  `json:"warmup_seconds"`
	IdleSeconds      float64  `json:"idle_seconds"`
	ChurnRate        float64  `json:"churn_per_second"`
	ChurnSeconds     float64  `json:"churn_seconds"`
	HeartbeatSeconds float64  `json:"heartbeat_seconds,omitempty"`
	SilentPercent    float64  `json:"silent_percent,omitempty"`
	KeepAliveSeconds float64  `json:"keepalive_seconds"` // 0: what each server does by default, negative: none
	ServerCPUs       []int    `json:"server_cpus"`       // empty: not pinned
	LoadCPUs         []int    `json:"load_cpus"`
	Tuned            []string `json:"tuned,omitempty"` // sysctls that -tune has set

	Push *pushSettings `json:"push,omitempty"` // of push, which has no others but modes, rounds, size, times and cores
}

// A millionGroup compares the modes at one number of connections.
type millionGroup struct {
	Conns int           `json:"conns"`
	Modes []*millionRow `json:"modes"`

	// Of push only.
	Topics int    `json:"topics,omitempty"`
	Base   string `json:"base,omitempty"` // the mode that the others are compared with
}

// A millionRow is one mode. Of a mode that is measured twice in a round to tell
// noise (A/A), the second row has Again set.
type millionRow struct {
	Mode    string            `json:"mode"`
	Again   bool              `json:"again,omitempty"`
	Summary map[string]spread `json:"summary"` // by the key of a millionFigure
	Runs    []*millionRun     `json:"rounds"`
}

// A millionRun is one mode in one round. A phase that was not reached is nil.
type millionRun struct {
	Round           int    `json:"round"`
	Reached         int    `json:"reached"`         // connections established and answered
	Limit           string `json:"limit,omitempty"` // what has kept it from more, in words
	Error           string `json:"error,omitempty"` // what has ended the run
	ServerProcesses int    `json:"server_processes"`
	LoadProcesses   int    `json:"load_processes"`
	BaseRSS         int64  `json:"base_rss_anon_bytes"` // of all server processes, before the first connection

	lostBy string // how the first loss came about

	Connect   *connectPhase   `json:"connect,omitempty"`
	Idle      *idlePhase      `json:"idle,omitempty"`
	Active    *activePhase    `json:"active,omitempty"`
	Broadcast *broadcastPhase `json:"broadcast,omitempty"`
	Churn     *churnPhase     `json:"churn,omitempty"`
	Deliver   *deliverPhase   `json:"deliver,omitempty"`
	Herd      *herdPhase      `json:"herd,omitempty"`
	Heartbeat *heartbeatPhase `json:"heartbeat,omitempty"`
	Teardown  *teardownPhase  `json:"teardown,omitempty"`
}

// A connection counts as connected when its first message has been answered.
type connectPhase struct {
	Seconds         float64 `json:"seconds"`
	PerSecond       float64 `json:"per_second"`
	Failures        int64   `json:"failures"`
	Problem         string  `json:"problem,omitempty"`
	ListenOverflows int64   `json:"listen_overflows"`
	ListenDrops     int64   `json:"listen_drops"`
	ServerMicros    float64 `json:"server_cpu_us_per_connection"`
	P50Micros       float64 `json:"p50_us"` // from connect to the first answer
	P99Micros       float64 `json:"p99_us"`
	MaxMicros       float64 `json:"max_us"`
	Histogram       string  `json:"histogram"`
}

// Memory is that of all server processes, per connection.
type idlePhase struct {
	Seconds       float64 `json:"seconds"`
	RSSPer        float64 `json:"rss_anon_bytes_per_connection"`       // growth since before the first connection
	RSSAllPer     float64 `json:"rss_anon_total_bytes_per_connection"` // with what the processes themselves take
	PSSPer        float64 `json:"pss_bytes_per_connection"`            // in all, with the executable's share
	HeapPer       float64 `json:"heap_bytes_per_connection"`           // growth
	SlabPer       float64 `json:"kernel_slab_bytes_per_connection"`    // both ends of it
	SocketMemPer  float64 `json:"kernel_socket_memory_bytes_per_connection"`
	KernelPer     float64 `json:"kernel_bytes_per_connection"` // all that the kernel has taken: both ends
	Goroutines    int     `json:"goroutines"`
	CPUShare      float64 `json:"server_cpu_share"` // at rest, of one core
	GCCPUMillis   float64 `json:"gc_cycle_cpu_ms"`  // one cycle in each server process, together
	GCPauseMicros float64 `json:"gc_pause_us"`      // the longest of a process
	Lost          int64   `json:"lost"`             // also while connecting
}

type activePhase struct {
	Seconds    float64 `json:"seconds"`
	Planned    int64   `json:"planned"`
	Answered   int64   `json:"answered"`
	Unanswered int64   `json:"unanswered"`
	PerSecond  float64 `json:"messages_per_second"`
	UserMicros float64 `json:"user_us_per_message"`
	SysMicros  float64 `json:"system_us_per_message"`
	P50Micros  float64 `json:"p50_us"` // from the planned send time
	P99Micros  float64 `json:"p99_us"`
	P999Micros float64 `json:"p999_us"`
	MaxMicros  float64 `json:"max_us"`
	LagMicros  float64 `json:"lag_p99_us"` // of the worst load process
	LoadShare  float64 `json:"load_cpu_share"`
	Trouble    string  `json:"trouble,omitempty"`
	Histogram  string  `json:"histogram"`
	Lost       int64   `json:"lost"`
}

type broadcastPhase struct {
	Size         int     `json:"size_bytes"`
	Times        int     `json:"times"`
	Accepted     int64   `json:"accepted"`
	Delivered    int64   `json:"delivered"`
	FirstMillis  float64 `json:"first_ms"` // since the servers were to begin
	P50Millis    float64 `json:"p50_ms"`
	LastMillis   float64 `json:"last_ms"`
	ServerMicros float64 `json:"server_cpu_us_per_delivery"`
	PerCore      float64 `json:"deliveries_per_second_per_core"` // of server CPU time
	Histogram    string  `json:"histogram"`
	Lost         int64   `json:"lost"`
}

type churnPhase struct {
	Seconds      float64 `json:"seconds"`
	Planned      float64 `json:"planned_per_second"`
	PerSecond    float64 `json:"per_second"` // closed and reopened
	Failures     int64   `json:"failures"`
	Problem      string  `json:"problem,omitempty"`
	ServerMicros float64 `json:"server_cpu_us_per_connection"`
	P50Micros    float64 `json:"p50_us"` // from connect to the first answer
	P99Micros    float64 `json:"p99_us"`
	Histogram    string  `json:"histogram"`
	Lost         int64   `json:"lost"`
}

type heartbeatPhase struct {
	EverySeconds float64 `json:"every_seconds"`
	Seconds      float64 `json:"seconds"`
	Pings        int64   `json:"pings"`
	Answered     int64   `json:"answered"`
	Silent       int64   `json:"silent"`       // connections that did not ping
	Found        int64   `json:"found_silent"` // of those, closed by the server
	P50Seconds   float64 `json:"found_p50_seconds"`
	MaxSeconds   float64 `json:"found_max_seconds"` // of silence, until closed
	ServerMicros float64 `json:"server_cpu_us_per_ping"`
	CPUShare     float64 `json:"server_cpu_share"`
	Lost         int64   `json:"lost"` // closed though they did ping, or while connecting
}

type teardownPhase struct {
	Seconds     float64 `json:"seconds"` // until the servers have closed everything
	Left        int64   `json:"left"`    // sockets still open then
	RSSLeftPer  float64 `json:"rss_anon_bytes_left_per_connection"`
	HeapLeftPer float64 `json:"heap_bytes_left_per_connection"`
}
