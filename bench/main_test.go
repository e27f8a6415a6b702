//go:build unix

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for bench, as its own children and as
// the parent of them, and gives them peers that misbehave.
//
// Whatever is not a flag of the testing package is a command line of bench. The
// variable in the environment makes sure of the rest: a process that tests have
// started never runs tests, which would start processes without end.
func TestMain(m *testing.M) {
	const inTest = "BENCH_STARTED_BY_TEST"
	echoPeers = append(echoPeers, brokenPeers...)
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		main()
	}
	if os.Getenv(inTest) != "" {
		fmt.Fprintf(os.Stderr, "a test has started the tests: %q\n", os.Args)
		os.Exit(2)
	}
	if err := os.Setenv(inTest, "1"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// Servers that do what no server should, each after it has worked for a while.
var brokenPeers = []peer{
	{name: "broken-answer", start: breakAfter(50, func(_ net.Conn, b []byte) { b[0]++ })},
	{name: "broken-close", start: breakAfter(50, func(c net.Conn, _ []byte) { c.Close() })},
	{name: "broken-exit", start: breakAfter(50, func(net.Conn, []byte) { os.Exit(3) })},
	{name: "broken-stall", start: breakAfter(50, func(net.Conn, []byte) { select {} })},
	{name: "broken-pause", start: breakAt(100, func(net.Conn, []byte) { time.Sleep(pause) })},
	{name: "broken-from-the-start", start: func(*stage) (string, error) { return "", errors.New("no luck") }},
}

// pause is how long the server pauses that does.
const pause = 300 * time.Millisecond

// breakAfter is an echo server that calls harm from the n-th message of a
// connection on.
func breakAfter(n int, harm func(c net.Conn, b []byte)) func(*stage) (string, error) {
	return breakIf(func(i int) bool { return i >= n }, harm)
}

// breakAt is an echo server that calls harm at the n-th message of a connection.
func breakAt(n int, harm func(c net.Conn, b []byte)) func(*stage) (string, error) {
	return breakIf(func(i int) bool { return i == n }, harm)
}

func breakIf(now func(i int) bool, harm func(c net.Conn, b []byte)) func(*stage) (string, error) {
	return func(s *stage) (string, error) {
		ln, err := s.listen()
		if err != nil {
			return "", err
		}
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					buf := make([]byte, 4096)
					for i := 0; ; i++ {
						k, err := c.Read(buf)
						if err != nil {
							return
						}
						if now(i) {
							harm(c, buf[:k])
						}
						if _, err := c.Write(buf[:k]); err != nil {
							return
						}
					}
				}()
			}
		}()
		return ln.Addr().String(), nil
	}
}

func TestCommandLine(t *testing.T) {
	tests := []struct {
		args   string
		status int
		says   string // in either stream
	}{
		{"", 2, "Subcommands:"},
		{"-h", 0, "Subcommands:"},
		{"help", 0, "echo "},
		{"help echo", 0, "-pipeline number"},
		{"ecoh", 2, `unknown subcommand "ecoh"`},
		{"echo -h", 0, "goroutine and a 4 KiB buffer"},
		{"echo -con 1", 2, "-con"},
		{"echo more", 2, `unexpected argument "more"`},
		{"echo -conns x", 2, `"x" is not a number`},
		{"echo -conns 1,", 2, `"" is not a number`},
		{"echo -conns 0", 2, "-conns 0 is not between"},
		{"echo -conns 1000000000", 2, "the hard limit is"},
		{"echo -size 0", 2, "-size 0 is not between"},
		{"echo -size 99999999", 2, "-size 99999999 is not between"},
		{"echo -duration 1ms", 2, "-duration 1ms is too short"},
		{"echo -duration 5", 2, "-duration"},
		{"echo -warmup -1s", 2, "-warmup -1s is negative"},
		{"echo -timeout 1ms", 2, "-timeout 1ms is too short"},
		{"echo -rounds 0", 2, "-rounds 0 is not between"},
		{"echo -pipeline 0", 2, "-pipeline 0 is not between"},
		{"echo -server-cores 0", 2, "-server-cores 0 is not between"},
		{"echo -peers nginx", 2, `unknown peer "nginx"; the peers are`},
		{"echo -rate -1", 2, "-rate -1 is not between"},
		{"echo -rate x", 2, "-rate"},
		{"echo -rate 0%", 2, "0% is not between 0% and 100%"},
		{"echo -rate 101%", 2, "101% is not between"},
		{"echo -rate NaN%", 2, "NaN% is not between"},
		{"echo -peers net -rate 50% -cpuprofile x", 2, "-cpuprofile needs a -rate"},
		{"echo -work dance", 2, `-work "dance" is neither`},
		{"echo -work dance:1s", 2, "is neither cpu:DURATION nor sleep:DURATION"},
		{"http -work sleep:1", 2, `-work "sleep:1"`},
		{"ws -work cpu:1h", 2, "not between 1us and 1s"},
		{"echo -work cpu:1us -pipeline 1,2", 2, "-pipeline 1, and -size up to 4096"},
		{"echo -work cpu:1us -size 4097", 2, "-pipeline 1, and -size up to 4096"},
		{"serve -peer net -work 1us", 2, `-work "1us" is neither`},
		{"echo -request wrk", 2, "-request"},
		{"http -h", 0, "requests and buffers reused"},
		{"http -size 1", 2, "-size"},
		{"http -request get", 2, `unknown request "get"; there are wrk,browser`},
		{"http -pipeline 1,0", 2, "-pipeline 0 is not between"},
		{"http -peers net/http -cpuprofile x", 2, "-cpuprofile is for one peer and one table"},
		{"http -peers net", 2, `unknown peer "net"; the peers are net/http,`},
		{"ws -h", 0, "gorilla/websocket, a goroutine"},
		{"ws -size 2000000", 2, "-size 2000000 is not between"},
		{"ws -request wrk", 2, "-request"},
		{"load -bench smtp -addr 127.0.0.1:1", 2, `unknown benchmark "smtp"`},
		{"serve -bench smtp", 2, `unknown benchmark "smtp"`},
		{"echo -peers net,net -cpuprofile x", 2, "-cpuprofile is for one peer"},
		{"echo -peers net -json /nonexistent/x", 1, "/nonexistent/x"},
		{"load -addr nowhere", 2, "nowhere"},
		{"million -h", 0, "weir as it comes"},
		{"scale -h", 0, "more and more connections"},
		{"million -mode nginx", 2, `unknown mode "nginx"; the modes are weir,`},
		{"million -conns 0", 2, "-conns 0 is not between"},
		{"million -active 0", 2, "-active 0 is not above 0"},
		{"million -rate -1", 2, "-rate -1 is not between"},
		{"million -churn x", 2, "-churn"},
		{"million -work cpu", 2, "-work"},
		{"million -heartbeat 1ms", 2, "-heartbeat 1ms is too short"},
		{"million -heartbeat 1s -mode floor", 2, "floor, which has no timers"},
		{"million -keep-free 1", 2, "-keep-free 1 is not between"},
		{"million -conns 90000000", 1, "90,000,000 connections cannot be had here"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			var stdout, stderr strings.Builder
			status := run(t.Context(), strings.Fields(test.args), &stdout, &stderr)
			if all := stdout.String() + stderr.String(); status != test.status || !strings.Contains(all, test.says) {
				t.Errorf("status %d, want %d with %q in:\n%s", status, test.status, test.says, all)
			}
			if status == 2 && !strings.Contains(stderr.String(), "for help") && test.args != "" {
				t.Errorf("no hint at the help: %q", stderr.String())
			}
		})
	}
}
