//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// small are flags of million that take it through all phases in a moment, with
// several processes on either side although one would do.
func small(more ...string) []string {
	return append([]string{"-aa=false", "-servers", "2", "-loads", "3", "-rate", "500", "-duration", "200ms", "-warmup", "50ms",
		"-idle", "50ms", "-churn", "100", "-timeout", "20s", "-keep-free", "64", "-json", "-"}, more...)
}

func millionResult(t *testing.T, command string, args ...string) *millionReport {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), append([]string{command}, args...), &stdout, &stderr)
	r := new(millionReport)
	if err := json.Unmarshal(stdout.Bytes(), r); err != nil {
		t.Fatalf("status %d, %v in %s\n%s", status, err, stdout.String(), stderr.String())
	}
	if status != 0 {
		t.Fatalf("status %d: %s\n%s", status, strings.Join(r.Notes, "\n"), stderr.String())
	}
	return r
}

// Whatever the server, everything is opened, answered, delivered and closed, and
// nothing is lost.
func TestMillion(t *testing.T) {
	for _, m := range millionModes() {
		if strings.HasPrefix(m.name, "broken-") {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			conns := 100
			if m.name == "weir" || m.name == "net" {
				conns = 2000
			}
			args := small("-conns", fmt.Sprint(conns), "-mode", m.name)
			r := millionResult(t, "million", args...)
			if len(r.Groups) != 1 || len(r.Groups[0].Modes) != 1 || len(r.Groups[0].Modes[0].Runs) != 1 {
				t.Fatalf("not one run: %+v", r)
			}
			run := r.Groups[0].Modes[0].Runs[0]
			if run.Reached != conns || run.ServerProcesses != 2 || run.LoadProcesses != 3 || run.lost() != 0 {
				t.Errorf("%d connections to %d servers from %d loads, %d lost", run.Reached, run.ServerProcesses, run.LoadProcesses, run.lost())
			}
			if c := run.Connect; c == nil || c.Failures != 0 || c.PerSecond <= 0 || c.Histogram == "" {
				t.Errorf("connect: %+v", c)
			}
			if i := run.Idle; i == nil || i.Goroutines < 2 {
				t.Errorf("idle: %+v", i)
			}
			if a := run.Active; a == nil || a.Answered == 0 || a.Unanswered != 0 || a.P999Micros < a.P50Micros {
				t.Errorf("active: %+v", a)
			}
			switch b := run.Broadcast; {
			case m.bench.name == "http":
				if b != nil {
					t.Errorf("a broadcast over HTTP: %+v", b)
				}
			case b == nil || b.Accepted != b.Delivered || b.Delivered != int64(b.Times*conns) || b.LastMillis < b.FirstMillis:
				t.Errorf("broadcast: %+v", b)
			}
			if c := run.Churn; c == nil || c.PerSecond <= 0 || c.Failures != 0 {
				t.Errorf("churn: %+v", c)
			}
			if d := run.Teardown; d == nil || d.Left != 0 {
				t.Errorf("tear-down: %+v", d)
			}
		})
	}
}

// Every server finds the connections that are silent, and no other.
func TestMillionHeartbeat(t *testing.T) {
	for _, mode := range []string{"weir-inline", "weir-pool", "net", "weir-ws"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r := millionResult(t, "million", small("-conns", "200", "-mode", mode, "-heartbeat", "2s", "-silent", "10")...)
			run := r.Groups[0].Modes[0].Runs[0]
			if h := run.Heartbeat; h == nil || h.Silent < 18 || h.Found != h.Silent || h.Pings == 0 || h.Answered != h.Pings || h.Lost != 0 {
				t.Errorf("heartbeat: %+v", h)
			}
			if d := run.Teardown; d == nil || d.Left != 0 || run.Idle != nil {
				t.Errorf("tear-down: %+v", d)
			}
		})
	}
}

// With scale there is a group for each number; a mode that comes twice is the
// measure of noise.
func TestScale(t *testing.T) {
	r := millionResult(t, "scale", small("-conns", "20,60", "-mode", "weir,net", "-aa", "-rounds", "2", "-churn", "0", "-broadcast", "0")...)
	if r.Benchmark != "scale" || len(r.Groups) != 2 || r.Groups[1].Conns != 60 {
		t.Fatalf("%+v", r)
	}
	var growth strings.Builder
	if err := r.writeGrowth(&growth); err != nil || strings.Count(growth.String(), "net (again)") != len(growing) {
		t.Errorf("%v\n%s", err, growth.String())
	}
	for _, g := range r.Groups {
		if len(g.Modes) != 3 || g.Modes[1].Again || !g.Modes[2].Again || len(g.Modes[2].Runs) != 2 {
			t.Errorf("%d connections: %+v", g.Conns, g.Modes)
		}
		if _, ok := g.noise("cpu_us_per_message"); !ok {
			t.Error("no noise is known")
		}
		var text strings.Builder
		if err := g.writeText(&text, 2); err != nil || !strings.Contains(text.String(), "net (again)") || !strings.Contains(text.String(), "±") {
			t.Errorf("%v\n%s", err, text.String())
		}
	}
}

// A server that fails is reported with what was found until then; an interrupted
// run leaves no file.
func TestMillionFails(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "result.json")
	var stdout, stderr bytes.Buffer
	args := append([]string{"million"}, small("-conns", "20", "-mode", "broken-exit", "-rate", "5000", "-timeout", "2s", "-json", file)...)
	if status := run(t.Context(), args, &stdout, &stderr); status != 1 || !strings.Contains(stderr.String(), "broken-exit") {
		t.Errorf("status %d: %s", status, stderr.String())
	}
	if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), `"reached": 20`) {
		t.Errorf("%v: %s", err, text)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	stderr.Reset()
	args = append([]string{"million"}, small("-conns", "20", "-mode", "net", "-duration", "1m", "-json", file)...)
	if status := run(ctx, args, &stdout, &stderr); status != 1 || !strings.Contains(stderr.String(), "interrupted") {
		t.Errorf("status %d: %s", status, stderr.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
