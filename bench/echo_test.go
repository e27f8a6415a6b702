//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// quick is a benchmark with flags that make it short; it proves that things work
// and measures nothing.
func quick(benchmark string, more ...string) []string {
	return append([]string{benchmark, "-rounds", "1", "-duration", "50ms", "-warmup", "10ms"}, more...)
}

func TestEcho(t *testing.T) {
	testPeers(t, "echo", echoPeers,
		"-conns 4",
		"-conns 4 -size 1 -pipeline 7",
		"-conns 2 -size 300000 -pipeline 3", // more than sockets and buffers hold
		"-conns 4 -rate 2000 -work cpu:20us",
	)
}

// testPeers lets each peer work under some loads.
func testPeers(t *testing.T, benchmark string, peers []peer, loads ...string) {
	for _, p := range peers {
		if strings.HasPrefix(p.name, "broken-") {
			continue
		}
		for _, flags := range loads {
			t.Run(p.name+" "+flags, func(t *testing.T) {
				t.Parallel() // they wait more than they work
				s := onlySample(t, quick(benchmark, append(strings.Fields(flags), "-peers", p.name)...))
				switch {
				case s.Messages <= 0, s.Seconds <= 0, s.cpuMicros() <= 0, s.P50Micros <= 0, s.P999Micros < s.P50Micros:
					t.Errorf("implausible: %+v", s)
				case strings.Contains(flags, "-rate") != (s.Planned > 0):
					t.Errorf("%d messages were planned", s.Planned)
				}
			})
		}
	}
}

// A plan may be a share of what the slowest peer answers; and of two peers one is
// measured again.
func TestShareOfCapacity(t *testing.T) {
	var stdout, stderr bytes.Buffer
	args := quick("echo", "-conns", "4", "-rate", "5%", "-peers", "net,weir-inline", "-rounds", "2", "-json", "-")
	if status := run(t.Context(), args, &stdout, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	tab := r.Tables[0]
	if tab.Capacity <= 0 || tab.Rate != tab.Capacity*5/100 || tab.Percent != 5 || tab.Slowest != "net" && tab.Slowest != "weir-inline" {
		t.Errorf("%v of %v of %q are planned", tab.Rate, tab.Capacity, tab.Slowest)
	}
	var rows []string
	for _, r := range tab.Rows {
		rows = append(rows, r.name())
		if len(r.Samples) != 2 || r.Samples[0].Planned == 0 {
			t.Errorf("%s: %d samples", r.name(), len(r.Samples))
		}
	}
	if got := strings.Join(rows, ","); got != "net,weir-inline,net (again)" {
		t.Errorf("the rows are %s", got)
	}
	if _, ok := tab.Noise["cpu_to_net"]; !ok {
		t.Errorf("the noise is %v", tab.Noise)
	}
	for _, want := range []string{"[1/8] 4 connections, 64 B, pipeline 1, calibration, net", "[8/8]", "round 2, net (again)", "(5% of"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("no %q in\n%s", want, stderr.String())
		}
	}
}

// onlySample runs a benchmark with one peer and one table, and returns its only
// sample.
func onlySample(t *testing.T, args []string) *sample {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), append(args, "-json", "-"), &stdout, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%v in %s", err, stdout.String())
	}
	if len(r.Tables) != 1 || len(r.Tables[0].Rows) != 1 || len(r.Tables[0].Rows[0].Samples) != 1 {
		t.Fatalf("not one sample: %s", stdout.String())
	}
	return r.Tables[0].Rows[0].Samples[0]
}

func TestTablesAndFiles(t *testing.T) {
	dir := t.TempDir()
	jsonFile, profile := filepath.Join(dir, "echo.json"), filepath.Join(dir, "cpu.prof")
	var stdout, stderr bytes.Buffer
	args := quick("echo", "-peers", "net", "-conns", "3", "-json", jsonFile, "-cpuprofile", profile)
	if status := run(t.Context(), args, &stdout, &stderr); status != 0 {
		t.Fatalf("status %d: %s", status, stderr.String())
	}
	for _, want := range []string{"3 connections, 64 B, pipeline 1", "CPU us/msg", "\nnet "} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("no %q in\n%s", want, stdout.String())
		}
	}
	if !strings.Contains(stderr.String(), "[1/1] 3 connections") {
		t.Errorf("no progress in %q", stderr.String())
	}
	for _, file := range []string{jsonFile, profile} {
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
}

// A peer that fails is reported, does not hang, and does not keep the others
// from being measured.
func TestBrokenPeers(t *testing.T) {
	tests := []struct{ peer, says string }{
		{"broken-answer", "what has come back is not what was sent"},
		{"broken-close", "has closed connection"},
		{"broken-exit", "the broken-exit server died: exit status 3"},
		{"broken-stall", "the server has stalled"},
		{"broken-from-the-start", "no luck"},
	}
	for _, test := range tests {
		t.Run(test.peer, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			args := quick("echo", "-conns", "2", "-duration", "1s", "-timeout", "200ms", "-peers", test.peer)
			if status := run(t.Context(), args, &stdout, &stderr); status != 1 {
				t.Errorf("status %d, want 1", status)
			}
			if !strings.Contains(stderr.String(), test.says) {
				t.Errorf("no %q in\n%s", test.says, stderr.String())
			}
			if !strings.Contains(stdout.String(), test.peer+" FAILED") {
				t.Errorf("the table does not tell:\n%s", stdout.String())
			}
		})
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	var stdout, stderr bytes.Buffer
	began := time.Now()
	status := run(ctx, quick("echo", "-duration", "1m", "-peers", "net"), &stdout, &stderr)
	if status != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("status %d: %s", status, stderr.String())
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %v to stop", took)
	}
}
