//go:build unix

package main

import (
	"math"
	"strings"
	"testing"
)

// roomy is a machine on which a million connections meet no limit but the one of
// descriptors per process.
func roomy() readings {
	return readings{
		FilesHard: 20_000, NrOpen: 1 << 20, FileMax: 3_000_000, FilesOpen: 1000,
		ThreadsMax: 100_000, PIDMax: 32_768, ThreadsNow: 100,
		Ports: 28_232, Somaxconn: 4096,
		TCPMem: [3]int64{100_000, 200_000, 300_000}, PageSize: 4096,
		MemAvailable: 24 << 30,
	}
}

func TestAssess(t *testing.T) {
	both := []modePlan{{Name: "weir"}, {Name: "net"}}
	tests := []struct {
		name    string
		conns   int
		change  func(*readings, *plan)
		fits    bool
		short   string // names of the limits that are too low
		tunable string
		says    []string
	}{
		{name: "enough of everything", conns: 1_000_000, fits: true,
			says: []string{"1,000,000 connections are possible here, with 52 server processes and 51 load processes."}},
		{name: "few connections", conns: 100, fits: true, says: []string{"with 1 server process and 1 load process."}},
		{name: "no connections", conns: 0, fits: true},
		{name: "more loads than connections", conns: 2, fits: true,
			change: func(_ *readings, p *plan) { p.Loads = 5 }, says: []string{"and 2 load processes."}},
		{name: "one process", conns: 1_000_000, fits: true,
			change: func(r *readings, _ *plan) { r.FilesHard, r.NrOpen, r.Ports = 1<<21, 1<<21, 64_512 },
			says:   []string{"with 1 server process and 16 load processes."}},
		{name: "nothing is known", conns: 1_000_000, fits: true, change: func(r *readings, _ *plan) { *r = readings{} }},

		{name: "hardly any descriptors", conns: 100, change: func(r *readings, _ *plan) { r.FilesHard = 64 },
			short: "RLIMIT_NOFILE, per process", says: []string{"Possible: 0 (RLIMIT_NOFILE, per process)", "ulimit -n 70"}},
		{name: "too few for the coordinator", conns: 100_000, change: func(r *readings, _ *plan) { r.FilesHard = 256 },
			short: "RLIMIT_NOFILE, per process", says: []string{"ulimit -n"}},
		{name: "a single server", conns: 1_000_000, change: func(_ *readings, p *plan) { p.Servers, p.AtOnce = 1, 10 },
			short: "RLIMIT_NOFILE, per process", says: []string{"ulimit -n 1000064", "or more processes"}},
		{name: "a single server beyond nr_open", conns: 1_000_000,
			change: func(r *readings, p *plan) { p.Servers, p.AtOnce, r.NrOpen, r.MayRaise = 1, 10, 500_000, true },
			short:  "RLIMIT_NOFILE, per process", says: []string{"sysctl -w fs.nr_open=1000064, then ulimit -n 1000064"}},

		{name: "file-max", conns: 1_000_000, change: func(r *readings, _ *plan) { r.FileMax = 400_000 },
			short: "fs.file-max", tunable: "fs.file-max=2202912",
			says: []string{"Possible: 199,", "sysctl -w fs.file-max=2202912, or -tune"}},
		{name: "file-max without being bound", conns: 1_000_000, fits: true,
			change: func(r *readings, _ *plan) { r.FileMax, r.FilesExempt = 400_000, true },
			short:  "fs.file-max", tunable: "fs.file-max=2202912", says: []string{"CAP_SYS_ADMIN"}},
		{name: "unlimited files", conns: 1_000_000, fits: true,
			change: func(r *readings, _ *plan) { r.FileMax = unlimited }, says: []string{"unlimited"}},

		{name: "threads", conns: 1_000_000, change: func(r *readings, _ *plan) { r.ThreadsMax = 500 },
			short: "kernel.threads-max", says: []string{"fewer processes by a higher ulimit -n, or sysctl -w kernel.threads-max=1016"}},
		{name: "process ids", conns: 1_000_000, change: func(r *readings, _ *plan) { r.PIDMax = 500 },
			short: "kernel.pid_max", says: []string{"kernel.pid_max="}},
		{name: "threads of the user", conns: 1_000_000, change: func(r *readings, _ *plan) { r.UserThreads, r.UserNow = 500, 200 },
			short: "RLIMIT_NPROC", says: []string{"ulimit -u"}},
		{name: "tasks of the cgroup", conns: 1_000_000, change: func(r *readings, _ *plan) { r.CgroupTasks = 100 },
			short: "pids.max of the cgroup, free", says: []string{"--pids-limit"}},

		{name: "few ports", conns: 1_000_000, fits: true, change: func(r *readings, _ *plan) { r.Ports = 10_000 },
			short: "net.ipv4.ip_local_port_range", tunable: "net.ipv4.ip_local_port_range=1024 65535",
			says: []string{"100 load processes", "'1024 65535'"}},
		{name: "few ports, few load processes", conns: 1_000_000,
			change: func(r *readings, p *plan) { r.FilesHard, r.NrOpen, p.Loads = 1<<21, 1<<21, 20 },
			short:  "net.ipv4.ip_local_port_range", tunable: "net.ipv4.ip_local_port_range=1024 65535",
			says: []string{"Possible: 564,640 (net.ipv4.ip_local_port_range)"}},
		{name: "short queues", conns: 1_000_000, fits: true,
			change: func(r *readings, _ *plan) { r.Somaxconn, r.SynBacklog = 128, 128 },
			short:  "net.core.somaxconn; net.ipv4.tcp_max_syn_backlog", tunable: "net.core.somaxconn=4096; net.ipv4.tcp_max_syn_backlog=4096",
			says: []string{"or -tune; without it some connections take a second longer"}},
		{name: "socket memory", conns: 1_000_000, fits: true, change: func(r *readings, _ *plan) { r.TCPMem = [3]int64{1, 2, 50_000} },
			short: "net.ipv4.tcp_mem, pages", tunable: "net.ipv4.tcp_mem=55000 82500 110000",
			says: []string{"or -tune; without it much traffic at once is slow"}},
		{name: "everybody busy", conns: 1_000_000, fits: true, change: func(_ *readings, p *plan) { p.Busy = 1_000_000 },
			short: "net.ipv4.tcp_mem, pages", tunable: "net.ipv4.tcp_mem=550000 825000 1100000"},
		{name: "conntrack", conns: 1_000_000, change: func(r *readings, _ *plan) { r.Conntrack, r.ConntrackNow = 262_144, 144 },
			short: "net.netfilter.nf_conntrack_max", tunable: "net.netfilter.nf_conntrack_max=1100158",
			says: []string{"Possible: 262,000 (net.netfilter.nf_conntrack_max)", "does not track loopback"}},

		{name: "memory for one mode", conns: 2_000_000, change: func(r *readings, _ *plan) { r.FileMax = 5_000_000 },
			short: "memory, net", says: []string{"weir all of them, net about 1,", "larger machine"}},
		{name: "memory of the cgroup", conns: 1_000_000, change: func(r *readings, _ *plan) { r.CgroupMemory = 2 << 30 },
			short: "memory, weir; memory, net", says: []string{"memory limit of the cgroup", "2.00 GiB"}},
		{name: "bytes that are known", conns: 1_000_000, change: func(_ *readings, p *plan) { p.Modes[0].Bytes = 1 << 20 },
			short: "memory, weir"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, p := roomy(), plan{Conns: test.conns, Modes: append([]modePlan(nil), both...)}
			if test.change != nil {
				test.change(&r, &p)
			}
			n := judge(p, r)
			var short, tunable []string
			for _, l := range n.Limits {
				if l.short() {
					short = append(short, l.Name)
				}
				if l.short() != (l.Advice != "") {
					t.Errorf("%s: have %d, need %d, advice %q", l.Name, l.Have, l.Need, l.Advice)
				}
			}
			for _, s := range n.tunables() {
				tunable = append(tunable, s.Name+"="+s.Value)
			}
			var text strings.Builder
			if err := n.writeText(&text); err != nil {
				t.Fatal(err)
			}
			t.Log("\n" + text.String())
			if got := strings.Join(short, "; "); got != test.short {
				t.Errorf("too low: %q, want %q", got, test.short)
			}
			if got := strings.Join(tunable, "; "); got != test.tunable {
				t.Errorf("to be set: %q, want %q", got, test.tunable)
			}
			if got := n.possible() >= test.conns; got != test.fits {
				t.Errorf("%d are possible of %d", n.possible(), test.conns)
			}
			for _, want := range test.says {
				if !strings.Contains(text.String(), want) {
					t.Errorf("it does not say %q", want)
				}
			}
		})
	}
}

// What is said to be possible is possible, and one connection more is not.
func TestAssessPossible(t *testing.T) {
	p := plan{Modes: []modePlan{{Name: "weir"}, {Name: "net"}}}
	for _, change := range []func(*readings){
		func(*readings) {},
		func(r *readings) { r.FilesHard = 256 },
		func(r *readings) { r.FileMax = 40_000 },
		func(r *readings) { r.PIDMax = 400 },
		func(r *readings) { r.Conntrack = 100_000 },
		func(r *readings) { r.MemAvailable = 1 << 30 },
	} {
		r := roomy()
		change(&r)
		p.Conns = 1000
		most := judge(p, r).possible()
		p.Conns = most
		if n := judge(p, r); n.possible() < most {
			t.Errorf("%d are possible until one wants %d", n.possible(), most)
		}
		p.Conns = most + 1
		if n := judge(p, r); n.possible() > most {
			t.Errorf("%d are possible when one wants one more than %d", n.possible(), most)
		}
	}
}

func TestAssessWithoutModes(t *testing.T) {
	r := roomy()
	r.FileMax = 40_000
	n := judge(plan{Conns: 100_000}, r)
	if v := n.verdict(); !strings.Contains(v, "Possible: 19,") || n.possible() != n.possibleForSure() {
		t.Errorf("%d, %d for sure: %s", n.possible(), n.possibleForSure(), v)
	}
}

// With as many servers as are planned none is expected to be over its limit, and
// with one less it would be.
func TestAssessProcesses(t *testing.T) {
	for _, room := range []int64{6, 100, 960, 19_936, math.MaxInt32} {
		for _, conns := range []int{0, 1, 5, 99, 101, 1000, 20_000, 1_000_000} {
			s := serversFor(conns, room)
			if s < 1 || fullest(conns, s) > room {
				t.Errorf("%d connections, room for %d: %d servers, %d in the fullest", conns, room, s, fullest(conns, s))
			}
			if s > 1 && fullest(conns, s-1) <= room {
				t.Errorf("%d connections, room for %d: %d servers, though one less would do", conns, room, s)
			}
		}
	}
	if s := serversFor(1000, 5); s != 0 {
		t.Errorf("%d servers without room", s)
	}
}

// The machine that the test runs on has some of everything.
func TestAssessHere(t *testing.T) {
	n, err := assess(plan{Conns: 10, Modes: []modePlan{{Name: "weir"}}})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := n.writeText(&text); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + text.String())
	if n.Servers != 1 || n.Loads != 1 || n.possible() < 10 {
		t.Errorf("%+v", n)
	}
}
