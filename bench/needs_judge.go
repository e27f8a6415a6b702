//go:build unix

package main

import (
	"cmp"
	"fmt"
	"math"
	"sort"
	"strings"
)

type judgement struct {
	plan
	readings
}

// processes returns how many processes each side needs. No limit is applied to
// their number; 0 says that no number would do.
func (j judgement) processes(conns int) (servers, loads int) {
	room := j.FilesHard - spareFiles
	if j.FilesHard == 0 {
		room = anyConns
	}
	servers, loads = j.Servers, j.Loads
	if servers == 0 {
		servers = serversFor(conns, room)
	}
	if j.Ports > 0 {
		room = min(room, j.Ports)
	}
	if loads == 0 && room > 0 {
		loads = int((int64(conns) + room - 1) / room)
	}
	return servers, min(loads, conns) // a load without a connection has nothing to do
}

// serversFor returns the smallest number of servers whose fullest one is still
// within room. SO_REUSEPORT deals connections by a hash, so a server gets its
// share more or less, and five standard deviations more in one of a million cases.
func serversFor(conns int, room int64) int {
	switch {
	case int64(conns) <= room:
		return 1
	case room < 6: // not even a share of one connection
		return 0
	}
	return 1 + sort.Search(conns, func(s int) bool { return fullest(conns, s+1) <= room })
}

// fullest returns how many connections the fullest of s servers must expect.
func fullest(conns, s int) int64 {
	if s == 1 {
		return int64(conns)
	}
	share := float64(conns) / float64(s)
	return int64(math.Ceil(share + 5*math.Sqrt(share)))
}

// limits returns all of them, those that are unknown without a name. Some that
// are often named are not among them. What exceeds tcp_max_orphans or
// tcp_max_tw_buckets is only forgotten sooner, vm.max_map_count has nothing to do
// with sockets, and tcp_rmem and tcp_wmem bound what a socket may hold, not what
// it does.
func (j judgement) limits() []limit {
	all := []limit{j.files(), j.nrOpen(), j.fileMax(), j.threads(), j.pids(), j.userThreads(), j.cgroupTasks(), j.ports(),
		j.acceptQueue(), j.synQueue(), j.tcpMem(), j.conntrack()}
	for _, m := range j.Modes {
		all = append(all, j.memory(m))
	}
	return all
}

// weigh fills in what follows from the need of a number of connections, which
// must not fall as that grows.
func (j judgement) weigh(l limit, have int64, need func(conns int) int64) limit {
	if have <= 0 {
		return limit{}
	}
	l.Have, l.Need = have, need(j.Conns)
	l.Possible = sort.Search(anyConns, func(n int) bool { return need(n+1) > have })
	return l
}

// short tells whether the limit is too low for the plan.
func (l limit) short() bool { return l.Need > l.Have }

func (l limit) tuned(name string, values ...int64) limit {
	value := strings.Trim(fmt.Sprint(values), "[]")
	l.Tunable = append(l.Tunable, sysctl{name, value})
	if len(values) > 1 {
		value = "'" + value + "'"
	}
	l.Advice = fmt.Sprintf("sysctl -w %s=%s, or -tune", name, value) + l.Advice
	return l
}

// ample is a need with something to spare, to set a limit to.
func ample(need int64) int64 { return need + need/10 }

// files is the limit on descriptors, which each process has for itself: with a
// low one there are more processes. Only the coordinator cannot be divided.
func (j judgement) files() limit {
	l := j.weigh(limit{Name: "RLIMIT_NOFILE, per process", Hard: true}, j.FilesHard, func(conns int) int64 {
		servers, loads := j.processes(conns)
		if servers == 0 || loads == 0 {
			return math.MaxInt64
		}
		coordinator := int64(spareFiles + pipesPerChild*(servers+loads))
		if conns == 0 {
			return coordinator
		}
		server := spareFiles + fullest(conns, servers)
		load := spareFiles + int64((conns+loads-1)/loads)
		return max(coordinator, server, load)
	})
	if l.Need == math.MaxInt64 {
		l.Need = spareFiles + 6
	}
	if l.short() {
		l.Advice = fmt.Sprintf("ulimit -n %d", l.Need)
		if j.NrOpen > 0 && l.Need > j.NrOpen {
			l.Advice = fmt.Sprintf("sysctl -w fs.nr_open=%d, then %s", l.Need, l.Advice)
		}
		if !j.MayRaise {
			l.Advice += ", by somebody with CAP_SYS_RESOURCE"
		}
		if j.Servers > 0 || j.Loads > 0 {
			l.Advice += "; or more processes"
		}
	}
	return l
}

// nrOpen is what RLIMIT_NOFILE can be raised to. It is held against what there
// is, for what there is suffices or files says more.
func (j judgement) nrOpen() limit {
	return j.weigh(limit{Name: "fs.nr_open"}, j.NrOpen, func(int) int64 { return j.FilesHard })
}

func (j judgement) fileMax() limit {
	l := j.weigh(limit{Name: "fs.file-max", Hard: true}, j.FileMax, func(conns int) int64 {
		servers, loads := j.processes(conns)
		return j.FilesOpen + 2*int64(conns) + filesOfProcess*int64(servers+loads)
	})
	switch {
	case l.short() && j.FilesExempt:
		// The kernel asks for CAP_SYS_ADMIN, and then counts no further. Others
		// on the machine would run out of files, so -tune raises it all the same.
		l = l.tuned("fs.file-max", ample(l.Need))
		l.Advice = "not in force for this user (CAP_SYS_ADMIN), but for others on the machine: " + l.Advice
		l.Possible, l.Hard = anyConns, false
	case l.short():
		l = l.tuned("fs.file-max", ample(l.Need))
	case j.FilesExempt:
		l.Possible = anyConns
	}
	return l
}

func (j judgement) newThreads(conns int) int64 {
	servers, loads := j.processes(conns)
	return threadsPerProcess * int64(servers+loads)
}

func (j judgement) threads() limit {
	l := j.weigh(limit{Name: "kernel.threads-max", Hard: true}, j.ThreadsMax, func(conns int) int64 {
		return j.ThreadsNow + j.newThreads(conns)
	})
	return l.fewerProcesses(fmt.Sprintf("sysctl -w kernel.threads-max=%d", ample(l.Need)))
}

func (j judgement) pids() limit {
	l := j.weigh(limit{Name: "kernel.pid_max", Hard: true}, j.PIDMax, func(conns int) int64 {
		return j.ThreadsNow + j.newThreads(conns)
	})
	return l.fewerProcesses(fmt.Sprintf("sysctl -w kernel.pid_max=%d", ample(l.Need)))
}

func (j judgement) userThreads() limit {
	l := j.weigh(limit{Name: "RLIMIT_NPROC", Hard: true}, j.UserThreads, func(conns int) int64 {
		return j.UserNow + j.newThreads(conns)
	})
	return l.fewerProcesses(fmt.Sprintf("ulimit -u %d", ample(l.Need)))
}

func (j judgement) cgroupTasks() limit {
	l := j.weigh(limit{Name: "pids.max of the cgroup, free", Hard: true}, j.CgroupTasks, j.newThreads)
	return l.fewerProcesses("a higher pids.max (docker run --pids-limit)")
}

// fewerProcesses is the advice where processes are what there are too many of.
func (l limit) fewerProcesses(or string) limit {
	if l.short() {
		l.Advice = "fewer processes by a higher ulimit -n, or " + or
	}
	return l
}

// ports are those that a source address has towards one server address. Each
// load process has an address of its own, so few ports make more processes.
func (j judgement) ports() limit {
	const name = "net.ipv4.ip_local_port_range"
	perLoad := min(j.FilesHard-spareFiles, 20_000)
	l := j.weigh(limit{Name: name, Hard: j.Loads > 0}, j.Ports, func(conns int) int64 {
		if j.Loads > 0 {
			perLoad = int64((conns + j.Loads - 1) / j.Loads)
		}
		return min(int64(conns), perLoad)
	})
	if j.Loads == 0 && l.Have > 0 {
		l.Possible = anyConns
	}
	if l.short() {
		l = l.tuned(name, 1024, 65535)
		if j.Loads == 0 {
			l.Advice = "more load processes make up for it; to have fewer of them: " + l.Advice
		}
	}
	return l
}

// queue is how many connections wait for a server at a time: its part of what
// all the load processes open at once, and twice that for the unevenness of it.
func (j judgement) queue(conns int) int64 {
	servers, loads := j.processes(conns)
	if servers == 0 {
		return 0
	}
	return 2 * int64(min(conns, cmp.Or(j.AtOnce, 100)*loads)/servers)
}

// acceptQueue is a guess: a connection that finds no place there is lost at
// first, and repeats itself a second later.
func (j judgement) acceptQueue() limit {
	l := j.weigh(limit{Name: "net.core.somaxconn"}, j.Somaxconn, j.queue)
	return j.lateConns(l)
}

func (j judgement) synQueue() limit {
	l := j.weigh(limit{Name: "net.ipv4.tcp_max_syn_backlog"}, j.SynBacklog, func(conns int) int64 {
		return j.queue(conns) * 4 / 3 // without syncookies a quarter is kept for known hosts
	})
	return j.lateConns(l)
}

func (j judgement) lateConns(l limit) limit {
	if l.Name == "" {
		return l
	}
	l.Possible = anyConns // later, but all of them
	if l.short() {
		l.Advice = "; without it some connections take a second longer"
		l = l.tuned(l.Name, max(4096, ample(l.Need)))
	}
	return l
}

// tcpMem is a guess: an idle socket holds nothing of it, one with a message that
// nobody has read yet holds a page, however short the message.
func (j judgement) tcpMem() limit {
	const name = "net.ipv4.tcp_mem"
	l := j.weigh(limit{Name: name + ", pages"}, j.TCPMem[2], func(conns int) int64 {
		busy := int64(cmp.Or(j.Busy, (conns+9)/10))
		return j.TCPMemUsed + min(int64(conns), busy)
	})
	if l.Name != "" {
		l.Possible = anyConns // idle ones
	}
	if l.short() {
		l.Advice = "; without it much traffic at once is slow"
		high := ample(l.Need)
		l = l.tuned(name, max(j.TCPMem[0], high/2), max(j.TCPMem[1], high/4*3), high)
	}
	return l
}

func (j judgement) conntrack() limit {
	const name = "net.netfilter.nf_conntrack_max"
	l := j.weigh(limit{Name: name, Hard: true}, j.Conntrack, func(conns int) int64 {
		return j.ConntrackNow + int64(conns)
	})
	if l.short() {
		l.Advice = ", or a rule that does not track loopback"
		l = l.tuned(name, ample(l.Need))
	}
	return l
}

// memory is a guess that errs on the side of too much.
func (j judgement) memory(m modePlan) limit {
	have := j.MemAvailable
	what := "use a larger machine"
	if j.CgroupMemory > 0 && j.CgroupMemory < have {
		have = j.CgroupMemory
		what = "raise the memory limit of the cgroup"
	}
	perConn := cmp.Or(m.Bytes, userBytes(m.Name)) + kernelPerConn + loadPerConn
	l := j.weigh(limit{Name: "memory, " + m.Name, Mode: m.Name, Unit: "bytes"}, have, func(conns int) int64 {
		servers, loads := j.processes(conns)
		return int64(conns)*perConn + int64(servers+loads)*memoryOfProcess
	})
	if l.short() {
		l.Advice = "a guess: " + number(float64(perConn)/1024, 1) + " KiB for both ends of a connection; " + what + " or fewer connections"
	}
	return l
}
