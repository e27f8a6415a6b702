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

type request struct {
	Cmd  string `json:"cmd"`
	File string `json:"file,omitempty"` // of "profile"
}

type reply struct {
	Error   string   `json:"error,omitempty"`
	Addr    string   `json:"addr,omitempty"`    // where a server listens
	Usage   *usage   `json:"usage,omitempty"`   // what a server has used up so far
	Traffic *traffic `json:"traffic,omitempty"` // what a load has measured
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
func requests(stdin io.Reader) <-chan request {
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
