//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// The benchmark controls its children with one JSON object per line: a request
// on their standard input, one reply to each on their standard output. The first
// line of a child is a reply that nobody asked for: it says that it is ready.
// Any other such line is a failure that could not wait.

//
// Moments that several processes share (at_ns) are readings of the system's
// CLOCK_MONOTONIC, in nanoseconds; see monotonic.

type request struct {
	Cmd      string  `json:"cmd"`
	File     string  `json:"file,omitempty"`        // of "profile"
	N        int     `json:"n,omitempty"`           // a number of connections
	Size     int     `json:"size,omitempty"`        // bytes of a broadcast's payload
	Rate     float64 `json:"rate,omitempty"`        // per second, of this process alone
	At       int64   `json:"at_ns,omitempty"`       // when to begin
	Every    int64   `json:"every_ns,omitempty"`    // heartbeat interval
	Duration int64   `json:"duration_ns,omitempty"` // of a phase, or the longest that it may take
	Warmup   int64   `json:"warmup_ns,omitempty"`   // before a phase
}

type reply struct {
	Error   string   `json:"error,omitempty"`
	Addr    string   `json:"addr,omitempty"`    // where a server listens
	Usage   *usage   `json:"usage,omitempty"`   // what a server has used up so far
	Traffic *traffic `json:"traffic,omitempty"` // what a load has measured
	Count   *count   `json:"count,omitempty"`   // what has become of connections
	Cycle   *gcCycle `json:"cycle,omitempty"`   // what a garbage collection costs

	Push  *pushCount       `json:"push,omitempty"`  // what a load of the push benchmark has found
	Stats map[string]int64 `json:"stats,omitempty"` // what a server counts itself
}

// A count is what has become of the connections of one process in one phase.
// Which fields are set depends on the request.
type count struct {
	Open     int    `json:"open"`               // connections open and answered at least once, all in all
	Done     int64  `json:"done,omitempty"`     // what was asked for: opened, delivered, accepted, reopened, answered, closed
	Failures int64  `json:"failures,omitempty"` // attempts that failed, also those that succeeded when repeated
	Lost     int64  `json:"lost,omitempty"`     // connections that ended though nobody wanted it
	Problem  string `json:"problem,omitempty"`  // the first failure or loss, in words
	Sent     int64  `json:"sent,omitempty"`     // messages
	Silent   int64  `json:"silent,omitempty"`   // connections that have sent nothing, on purpose
	Found    int64  `json:"found,omitempty"`    // of those, closed by the server
	First    int64  `json:"first_ns,omitempty"` // monotonic: the first of what was done
	Last     int64  `json:"last_ns,omitempty"`  // monotonic: the last
	// Histogram holds how long each took, in ns.
	Histogram string `json:"histogram,omitempty"`
}

// A gcCycle is the cost of one forced collection of an idle process.
type gcCycle struct {
	CPU   int64 `json:"cpu_ns"`   // of the process
	Wall  int64 `json:"wall_ns"`  // from begin to end
	Pause int64 `json:"pause_ns"` // with the world stopped
}

// serveRequests answers the requests on stdin with handle in the calling
// goroutine. When stdin ends the parent is gone or wants no more, and the whole
// process ends, whatever else it is doing.
func serveRequests(stdin io.Reader, handle func(request) reply) {
	out := json.NewEncoder(os.Stdout)
	for req := range requests(stdin) {
		if err := out.Encode(handle(req)); err != nil {
			os.Exit(1)
		}
	}
}

// requests delivers the requests on stdin and ends the process after them.
//
// A read of standard input must not block in the kernel: with one core there is
// one P, the read would keep it, and until the runtime's monitor notices, up to
// 10 ms later, nothing else would run in the very process that is measured.
func requests(stdin io.Reader) <-chan request {
	if f, ok := stdin.(*os.File); ok && syscall.SetNonblock(int(f.Fd()), true) == nil {
		stdin = os.NewFile(f.Fd(), f.Name()) // which the runtime's poller now waits for
	}
	// An interrupt from the terminal goes to every process on it. The parent
	// handles it and ends its children in its own time.
	signal.Ignore(syscall.SIGINT)

	ch := make(chan request)
	go func() {
		for lines := bufio.NewScanner(stdin); lines.Scan(); {
			var req request
			if err := json.Unmarshal(lines.Bytes(), &req); err != nil {
				req.Cmd = "not JSON: " + lines.Text()
			}
			ch <- req
		}
		os.Exit(0)
	}()
	return ch
}
