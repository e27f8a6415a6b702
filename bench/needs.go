//go:build unix

package main

import (
	"math"
	"slices"
	"strings"
)

// A plan is what somebody wants to do with the machine.
type plan struct {
	Conns   int
	Modes   []modePlan
	AtOnce  int // connections that one load process opens at a time; 0: 100
	Busy    int // connections with a message under way at a time, at most; 0: one in ten
	Servers int // number of server processes; 0: as few as the limits allow
	Loads   int // number of load processes; 0: as few as the limits allow
}

type modePlan struct {
	Name  string
	Bytes int64 // user memory of the server per connection; 0: by userBytes
}

// needs tells what a number of connections asks of the machine, and what it has.
type needs struct {
	Conns   int     `json:"conns"`
	Servers int     `json:"server_processes"`
	Loads   int     `json:"load_processes"`
	Limits  []limit `json:"limits"`
}

// A limit is one thing that there is only so much of.
type limit struct {
	Name     string   `json:"name"`
	Mode     string   `json:"mode,omitempty"` // "": the same for every mode
	Unit     string   `json:"unit,omitempty"` // "bytes", or "" for a number
	Have     int64    `json:"have"`
	Need     int64    `json:"need"`
	Possible int      `json:"possible"` // connections that it allows
	Advice   string   `json:"advice,omitempty"`
	Hard     bool     `json:"hard"` // nothing can be done without; otherwise a guess
	Tunable  []sysctl `json:"tunable,omitempty"`
}

// A sysctl is a setting of the kernel, such as fs.file-max.
type sysctl struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// readings is what the machine says about itself. What is 0 is not known, and no
// limit is made of it.
type readings struct {
	FilesHard   int64 // RLIMIT_NOFILE, and not more than NrOpen
	NrOpen      int64
	FileMax     int64
	FilesOpen   int64
	FilesExempt bool // from FileMax
	MayRaise    bool // the hard limit on files

	ThreadsMax   int64
	PIDMax       int64
	ThreadsNow   int64 // of the machine
	UserThreads  int64 // RLIMIT_NPROC; 0 where it does not bind
	UserNow      int64 // threads of this user
	CgroupTasks  int64 // free, of pids.max
	Ports        int64 // per source address, without the reserved ones
	Somaxconn    int64
	SynBacklog   int64 // 0 where it does not bind
	TCPMem       [3]int64
	TCPMemUsed   int64 // pages
	PageSize     int64
	Conntrack    int64 // nf_conntrack_max; 0 where nobody counts
	ConntrackNow int64

	MemAvailable int64
	CgroupMemory int64 // free, of the memory limit of the cgroup; 0: no limit
}

const (
	// anyConns is what a limit allows that does not matter.
	anyConns = 1 << 30
	// unlimited is what Linux and others mean by the largest values.
	unlimited = math.MaxInt64 >> 2

	threadsPerProcess = 8
	filesOfProcess    = 16 // open at rest: streams, poller, listener
	// pipesPerChild are what the coordinator holds for a child: both ends of its
	// talk, and a spare for standard error.
	pipesPerChild = 3

	memoryOfProcess = 8 << 20
	// kernelPerConn has been measured with a million: 8 to 9 GB for both ends of
	// all of them, idle.
	kernelPerConn = 8800
	loadPerConn   = 120
)

// userBytes is a guess at the user memory of a server per idle connection, good
// enough to warn before memory is used up.
func userBytes(mode string) int64 {
	switch {
	case strings.HasPrefix(mode, "weir"), mode == "floor":
		return 256
	case mode == "net-lean":
		return 3 << 10
	case mode == "net":
		return 7800
	}
	return 16 << 10
}

// assess reads what the machine has and holds it against the plan.
func assess(p plan) (*needs, error) {
	r, err := readMachine()
	if err != nil {
		return nil, err
	}
	return judge(p, r), nil
}

// judge is assess with the readings given.
func judge(p plan, r readings) *needs {
	j := judgement{plan: p, readings: r}
	n := &needs{Conns: p.Conns}
	n.Servers, n.Loads = j.processes(p.Conns)
	n.Limits = slices.DeleteFunc(j.limits(), func(l limit) bool { return l.Name == "" })
	return n
}

// possible returns how many connections can be had in every mode.
func (n *needs) possible() int {
	least := anyConns
	for _, mode := range n.modes() {
		least = min(least, n.possibleIn(mode))
	}
	return least
}

// possibleIn returns how many connections can be had in one mode.
func (n *needs) possibleIn(mode string) int { return n.narrowest(mode).Possible }

// possibleForSure returns how many connections no hard limit forbids. That there
// will be as many is not said: memory, for one, is a guess.
func (n *needs) possibleForSure() int {
	least := anyConns
	for _, l := range n.Limits {
		if l.Hard {
			least = min(least, l.Possible)
		}
	}
	return least
}

// modes returns those that have limits of their own, or "" if there are none.
func (n *needs) modes() (modes []string) {
	for _, l := range n.Limits {
		if l.Mode != "" && !slices.Contains(modes, l.Mode) {
			modes = append(modes, l.Mode)
		}
	}
	if modes == nil {
		modes = []string{""}
	}
	return modes
}

// narrowest returns the limit that allows a mode the least connections.
func (n *needs) narrowest(mode string) limit {
	narrowest := limit{Possible: anyConns}
	for _, l := range n.Limits {
		if (l.Mode == "" || l.Mode == mode) && l.Possible < narrowest.Possible {
			narrowest = l
		}
	}
	return narrowest
}

// tunables returns what -tune would set.
func (n *needs) tunables() []sysctl {
	var all []sysctl
	for _, l := range n.Limits {
		all = append(all, l.Tunable...)
	}
	return all
}
