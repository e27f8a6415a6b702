//go:build unix

package main

import (
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// The results in testdata are made up. They look like real ones, with some of
// what can go wrong. Made anew:
//
//	go test ./bench -run TestReportFixtures -update
var update = flag.Bool("update", false, "write testdata anew")

func fixtures() map[string]any {
	rnd := rand.New(rand.NewPCG(1, 2))
	return map[string]any{
		"million.json": fakeMillion(rnd),
		"scale.json":   fakeScale(rnd),
		"echo.json":    fakeEcho(rnd),
		"http.json":    fakeHTTP(rnd),
	}
}

func TestReportFixtures(t *testing.T) {
	if !*update {
		for name := range fixtures() {
			if _, err := readResult(filepath.Join("testdata", name)); err != nil {
				t.Errorf("%v\n(have the types of the results changed? -update makes the files anew)", err)
			}
		}
		return
	}
	for name, content := range fixtures() {
		text, err := json.MarshalIndent(content, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("testdata", name), append(text, '\n'), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

var fakeMachine = machine{
	CPU: "Imaginary CPU @ 2.50GHz", Cores: 2, Kernel: "Linux 6.18.0", Go: "go1.26.8",
	Memory: 24 << 30, Files: 20_000, Commit: "0123456789abcdef0123456789abcdef01234567",
}

// A fakeMode is what a mode is made of, for 100,000 connections.
type fakeMode struct {
	name                                string
	user, cpu, p50, tail, gc, broadcast float64
	goroutines                          int
}

var (
	fakeWeir = fakeMode{"weir", 212, 9.4, 210, 1, 900, 0.9, 40}
	fakeNet  = fakeMode{"net", 7810, 14.6, 260, 4, 44_000, 1.6, 100_004}
)

func fakeHistogram(rnd *rand.Rand, n int, median, tail float64) string {
	h := newHistogram()
	for range n {
		v := median * math.Exp(0.25*rnd.NormFloat64())
		if rnd.Float64() < 0.02 {
			v *= 1 + tail*rnd.ExpFloat64()*4
		}
		if err := h.RecordValue(min(maxLatency, int64(v*1e3))); err != nil {
			panic(err)
		}
	}
	text, err := encodeHistogram(h)
	if err != nil {
		panic(err)
	}
	return text
}

func fakeQuantile(histogram string, percentile float64) float64 {
	h, err := decodeHistogram(histogram)
	if err != nil {
		panic(err)
	}
	return float64(h.ValueAtPercentile(percentile)) / 1e3
}

func (m fakeMode) run(rnd *rand.Rand, round, conns int) *millionRun {
	n := float64(conns)
	mood := 1 + 0.03*rnd.Float64()
	growth := 1 + 0.04*math.Log10(n/1e5)
	latency := fakeHistogram(rnd, 400, m.p50*mood*growth, m.tail)
	connect := fakeHistogram(rnd, 100, 2900*mood, 1)
	// The first connections get a broadcast at once, the others one by one.
	h := newHistogram()
	for i := range 60 {
		if err := h.RecordValue(int64(1e6 + m.broadcast*mood*growth*1e3*n*float64(i+1)/60)); err != nil {
			panic(err)
		}
	}
	delivered, err := encodeHistogram(h)
	if err != nil {
		panic(err)
	}
	return &millionRun{
		Round: round, Reached: conns, ServerProcesses: 1 + conns/19_300, LoadProcesses: 1 + conns/19_900, BaseRSS: int64(1+conns/19_300) * 5 << 20,
		Connect: &connectPhase{
			Seconds: n / 31_000 * mood, PerSecond: 31_000 / mood, ServerMicros: 1.2 * m.cpu * mood,
			P50Micros: fakeQuantile(connect, 50), P99Micros: fakeQuantile(connect, 99), MaxMicros: fakeQuantile(connect, 100), Histogram: connect,
		},
		Idle: &idlePhase{
			Seconds: 5, RSSPer: m.user*growth + 4*rnd.Float64(), RSSAllPer: m.user*growth + 90, HeapPer: m.user * 0.6, SlabPer: 7900, KernelPer: 8890 + 30*rnd.Float64(),
			Goroutines: m.goroutines * conns / 100_000, CPUShare: 0.0021 * mood, GCCPUMillis: m.gc / 1e3 * n / 1e5 * mood, GCPauseMicros: 61 * mood,
		},
		Active: &activePhase{
			Seconds: 10, Planned: 200_000, Answered: 200_000, PerSecond: 20_000, UserMicros: m.cpu * 0.3 * mood * growth, SysMicros: m.cpu * 0.7 * mood * growth,
			P50Micros: fakeQuantile(latency, 50), P99Micros: fakeQuantile(latency, 99), P999Micros: fakeQuantile(latency, 99.9), MaxMicros: fakeQuantile(latency, 100),
			LagMicros: 41, LoadShare: 0.48, Histogram: latency,
		},
		Broadcast: &broadcastPhase{
			Size: 64, Accepted: int64(conns), Delivered: int64(conns), FirstMillis: 1, P50Millis: fakeQuantile(delivered, 50) / 1e3, LastMillis: fakeQuantile(delivered, 100) / 1e3,
			ServerMicros: m.broadcast, PerCore: 1e6 / m.broadcast / mood, Histogram: delivered,
		},
		Churn: &churnPhase{
			Seconds: 5, Planned: 1000, PerSecond: 1000, ServerMicros: 2.1 * m.cpu * mood, P50Micros: 240 * mood, P99Micros: 900 * mood, Histogram: connect,
		},
		Teardown: &teardownPhase{Seconds: n / 90_000 * mood, RSSLeftPer: 0.1 * m.user, HeapLeftPer: 3},
	}
}

func (m fakeMode) row(rnd *rand.Rand, rounds, conns int, again bool) *millionRow {
	r := &millionRow{Mode: m.name, Again: again}
	for round := 1; round <= rounds; round++ {
		r.Runs = append(r.Runs, m.run(rnd, round, conns))
	}
	return r
}

func fakeSettings(rounds int) millionSettings {
	return millionSettings{
		Modes: []string{"weir", "net"}, Rounds: rounds, Size: 64, Rate: 20_000, ActivePercent: 10, ActiveSeconds: 10, WarmupSeconds: 2,
		IdleSeconds: 5, ChurnRate: 1000, ChurnSeconds: 5, ServerCPUs: []int{0}, LoadCPUs: []int{1},
	}
}

func fakeMillion(rnd *rand.Rand) *millionReport {
	net := fakeNet.row(rnd, 3, 1_000_000, false)
	bad := net.Runs[1]
	bad.Connect.Failures, bad.Connect.Problem, bad.Connect.ListenOverflows = 12, "connect: connection timed out", 31
	for _, run := range net.Runs {
		run.Active.Trouble = "the server could not keep up"
		run.Active.Unanswered = 214
	}
	weir := fakeWeir.row(rnd, 3, 1_000_000, false)
	for _, run := range weir.Runs {
		run.Heartbeat = &heartbeatPhase{EverySeconds: 30, Seconds: 60, Pings: 1_980_000, Answered: 1_980_000, Silent: 10_000, Found: 10_000,
			P50Seconds: 60.4, MaxSeconds: 61.9, ServerMicros: 8.1, CPUShare: 0.27}
	}
	settings := fakeSettings(3)
	settings.HeartbeatSeconds, settings.SilentPercent = 30, 1
	settings.Tuned = []string{"fs.file-max 1000000 -> 2310000"}
	m := &millionReport{
		Benchmark: "million", Time: "2026-01-02T03:04:05Z", Machine: fakeMachine,
		Command:  []string{"bench", "million", "-conns", "1000000", "-mode", "weir,net", "-rounds", "3", "-tune"},
		Settings: settings,
		Needs: &needs{Conns: 1_000_000, Servers: 53, Loads: 51, Limits: []limit{
			{Name: "RLIMIT_NOFILE, per process", Have: 20_000, Need: 19_600, Possible: 3_900_000, Hard: true},
			{Name: "fs.file-max", Have: 1_000_000, Need: 2_100_000, Possible: 499_000, Hard: true, Advice: "sysctl -w fs.file-max=2310000, or -tune"},
			{Name: "memory, net", Mode: "net", Unit: "bytes", Have: 22 << 30, Need: 17 << 30, Possible: 1_290_000},
		}},
		Groups: []*millionGroup{{Conns: 1_000_000, Modes: []*millionRow{weir, net, fakeNet.row(rnd, 3, 1_000_000, true)}}},
	}
	m.Groups[0].summarize()
	return m
}

func fakeScale(rnd *rand.Rand) *millionReport {
	m := &millionReport{
		Benchmark: "scale", Time: "2026-01-02T05:04:05Z", Machine: fakeMachine,
		Command: []string{"bench", "scale"}, Settings: fakeSettings(1),
		Notes: []string{"net at 1,000,000 connections was left out: 24 GiB do not hold it"},
	}
	lean := fakeMode{"net-lean", 2890, 15.1, 270, 3, 31_000, 1.7, 100_004}
	m.Settings.Modes = []string{"weir", "net", "net-lean"}
	for _, conns := range []int{1_000, 10_000, 100_000, 1_000_000} {
		g := &millionGroup{Conns: conns, Modes: []*millionRow{fakeWeir.row(rnd, 1, conns, false)}}
		if conns < 1_000_000 {
			g.Modes = append(g.Modes, fakeNet.row(rnd, 1, conns, false))
		}
		last := lean.row(rnd, 1, conns, false)
		if conns == 1_000_000 {
			last.Runs[0].Reached, last.Runs[0].Limit = 912_000, "no more memory for the kernel (ENOBUFS)"
			last.Runs[0].Churn, last.Runs[0].Error = nil, "churn: a server has ended: killed"
		}
		g.Modes = append(g.Modes, last)
		g.summarize()
		m.Groups = append(m.Groups, g)
	}
	return m
}

func fakeRow(rnd *rand.Rand, peer string, rounds int, cpu, rss, rate float64) *row {
	r := &row{Peer: peer}
	for round := 1; round <= rounds; round++ {
		c := cpu * (1 + 0.04*rnd.Float64())
		pace, median := 1e6/c, 1000*c
		if rate > 0 {
			pace, median = rate, 10*c
		}
		h := fakeHistogram(rnd, 400, median, 2*rss/1000)
		r.Samples = append(r.Samples, &sample{
			Round: round, Seconds: 5, Messages: int64(5 * pace), Bytes: int64(320 * pace), PerSecond: pace, UserMicros: 0.2 * c, SysMicros: 0.8 * c,
			P50Micros: fakeQuantile(h, 50), P99Micros: fakeQuantile(h, 99), P999Micros: fakeQuantile(h, 99.9), P9999Micros: fakeQuantile(h, 99.99), MaxMicros: fakeQuantile(h, 100),
			BytesPer: rss, IdleRSS: 20 << 20, Goroutines: 5, ServerShare: 0.99, LoadShare: 0.8, Histogram: h, Planned: int64(5 * rate), LagMicros: 7,
		})
	}
	return r
}

func fakeReport(benchmark string, rounds int, tables ...*table) *report {
	b, err := findBenchmark(benchmark)
	if err != nil {
		panic(err)
	}
	for _, t := range tables {
		t.unit, t.bases = b.unit, b.bases
		if err := t.summarize(); err != nil {
			panic(err)
		}
	}
	return &report{
		Benchmark: benchmark, Time: "2026-01-02T03:04:05Z", Machine: fakeMachine,
		Settings: settings{Rounds: rounds, WarmupSeconds: 1, DurationSeconds: 5, ServerCPUs: []int{0}, LoadCPUs: []int{1}},
		Tables:   tables,
	}
}

func fakeEcho(rnd *rand.Rand) *report {
	rows := func(rate float64) []*row {
		again := fakeRow(rnd, "floor", 3, 5.9, 140, rate)
		again.Again = true
		return []*row{
			fakeRow(rnd, "floor", 3, 5.9, 140, rate), fakeRow(rnd, "net", 3, 9.1, 7800, rate), fakeRow(rnd, "net-lean", 3, 9.3, 2900, rate),
			fakeRow(rnd, "weir-inline", 3, 6.1, 170, rate), fakeRow(rnd, "weir-pool", 3, 7.4, 190, rate), again,
		}
	}
	rated := &table{Conns: 10_000, Size: 64, Pipeline: 1, Rate: 50_000, Percent: 50, Capacity: 100_000, Slowest: "net", Rows: rows(50_000)}
	rated.Rows[1].Samples[1].Unanswered = 17
	return fakeReport("echo", 3, &table{Conns: 1000, Size: 64, Pipeline: 1, Rows: rows(0)}, rated)
}

func fakeHTTP(rnd *rand.Rand) *report {
	hertz := &row{Peer: "hertz", Error: "hertz server: it has ended: exit status 2"}
	r := fakeReport("http", 1, &table{Conns: 100, Pipeline: 16, Rows: []*row{
		fakeRow(rnd, "net/http", 1, 9.9, 0, 0), fakeRow(rnd, "fasthttp", 1, 2.4, 0, 0), hertz, fakeRow(rnd, "weir-fast", 1, 1.2, 0, 0), fakeRow(rnd, "weir-nethttp", 1, 6.4, 0, 0),
	}})
	r.Settings.Request = "browser"
	return r
}
