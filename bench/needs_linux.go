package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// readMachine reads what Linux has. A file that is missing makes no limit: an
// older kernel, a container and a module that is not loaded are all without some.
func readMachine() (readings, error) {
	var r readings
	files, err := raiseFileLimit()
	if err != nil {
		return r, err
	}
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return r, err
	}
	kernel, err := readKernelFrom(fs)
	if err != nil {
		return r, err
	}
	allowed, err := readPrivileges()
	if err != nil {
		return r, err
	}

	// A descriptor above fs.nr_open is refused, whatever the limit of the process.
	r.FilesHard, r.NrOpen = int64(files), readNumber("fs.nr_open")
	if r.NrOpen > 0 {
		r.FilesHard = min(r.FilesHard, r.NrOpen)
	}
	r.FilesOpen, r.FileMax, err = filesOpen()
	if err != nil {
		return r, err
	}
	r.FilesExempt, r.MayRaise = allowed.admin, allowed.resource

	r.ThreadsMax, r.PIDMax = readNumber("kernel.threads-max"), readNumber("kernel.pid_max")
	if r.ThreadsNow, err = threadsNow(); err != nil {
		return r, err
	}
	if r.UserThreads, err = userThreads(allowed); err != nil {
		return r, err
	}
	if r.UserThreads > 0 {
		r.UserNow = threadsOfUser(fs, uint64(os.Getuid()))
	}

	r.Ports = portsPerAddress()
	r.Somaxconn = readNumber("net.core.somaxconn")
	if cookies, err := readNumbers("net.ipv4.tcp_syncookies"); err == nil && cookies[0] == 0 {
		r.SynBacklog = readNumber("net.ipv4.tcp_max_syn_backlog") // not looked at with cookies
	}
	r.PageSize = int64(os.Getpagesize())
	if mem, err := readNumbers("net.ipv4.tcp_mem"); err == nil && len(mem) == 3 {
		r.TCPMem, r.TCPMemUsed = [3]int64(mem), kernel.SocketMem/r.PageSize
	}
	if r.ConntrackNow = tracked(); r.ConntrackNow > 0 {
		r.Conntrack = readNumber("net.netfilter.nf_conntrack_max")
	}

	r.MemAvailable = kernel.MemAvailable
	r.CgroupMemory, r.CgroupTasks = cgroupRoom(fs)
	return r, nil
}

func readNumbers(name string) ([]int64, error) {
	text, err := os.ReadFile(sysctlPath(sysctlRoot, name))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(text))
	if len(fields) == 0 {
		return nil, fmt.Errorf("sysctl %s is empty", name)
	}
	var numbers []int64
	for _, field := range fields {
		// Some may be as large as an unsigned number gets.
		v, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("sysctl %s: %w", name, err)
		}
		numbers = append(numbers, int64(min(v, unlimited)))
	}
	return numbers, nil
}

// readNumber returns 0 if there is no such sysctl here.
func readNumber(name string) int64 {
	numbers, err := readNumbers(name)
	if err != nil {
		return 0
	}
	return numbers[0]
}

// privileges are those that lift limits.
type privileges struct {
	root     bool
	admin    bool // CAP_SYS_ADMIN: fs.file-max and RLIMIT_NPROC are not for it
	resource bool // CAP_SYS_RESOURCE: raises hard limits, and RLIMIT_NPROC is not for it
}

// readPrivileges finds out what the kernel would let this process do. The limits
// ask for capabilities in the initial user namespace; the root of another one,
// as of a container without root, has all of them there and none that count.
func readPrivileges() (privileges, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return privileges{}, os.NewSyscallError("capget", err)
	}
	ids, err := os.ReadFile("/proc/self/uid_map")
	if err == nil && strings.Join(strings.Fields(string(ids)), " ") != "0 0 4294967295" {
		return privileges{}, nil
	}
	has := func(capability int) bool { return data[capability/32].Effective>>(capability%32)&1 == 1 }
	return privileges{os.Getuid() == 0, has(unix.CAP_SYS_ADMIN), has(unix.CAP_SYS_RESOURCE)}, nil
}

// userThreads returns RLIMIT_NPROC if it binds this process.
func userThreads(allowed privileges) (int64, error) {
	if allowed.root || allowed.admin || allowed.resource {
		return 0, nil
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &limit); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	return int64(min(uint64(limit.Cur), unlimited)), nil
}

// threadsNow returns how many threads there are on the machine: in /proc/loadavg,
// behind the slash.
func threadsNow() (int64, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "/")
	threads, _, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseInt(threads, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("/proc/loadavg: %w", err)
	}
	return n, nil
}

// threadsOfUser counts what it can see. Processes come and go meanwhile.
func threadsOfUser(fs procfs.FS, uid uint64) (threads int64) {
	processes, err := fs.AllProcs()
	if err != nil {
		return 0
	}
	for _, p := range processes {
		status, err := p.NewStatus()
		if err != nil || status.UIDs[0] != uid {
			continue
		}
		if stat, err := p.Stat(); err == nil {
			threads += int64(stat.NumThreads)
		}
	}
	return threads
}

// portsPerAddress returns how many ports the kernel has to choose from, for
// connections of one source address to one server.
func portsPerAddress() int64 {
	bounds, err := readNumbers("net.ipv4.ip_local_port_range")
	if err != nil || len(bounds) != 2 {
		return 0
	}
	ports := bounds[1] - bounds[0] + 1
	reserved, err := os.ReadFile(sysctlPath(sysctlRoot, "net.ipv4.ip_local_reserved_ports"))
	if err != nil {
		return ports
	}
	return ports - overlap(string(reserved), bounds[0], bounds[1])
}

// overlap counts the ports of a list such as 8080,9000-9100 between two others.
func overlap(list string, low, high int64) (n int64) {
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, err := strconv.ParseInt(from, 10, 64)
		if err != nil {
			continue // the list is empty
		}
		last, err := strconv.ParseInt(to, 10, 64)
		if err != nil {
			continue
		}
		n += max(0, min(last, high)-max(first, low)+1)
	}
	return n
}

// tracked returns how many connections netfilter tracks while there is one more
// over loopback. With the module loaded and no rule that asks for it, that is 0.
func tracked() int64 {
	if _, err := readNumbers("net.netfilter.nf_conntrack_max"); err != nil {
		return 0
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		return 0
	}
	defer c.Close()
	return readNumber("net.netfilter.nf_conntrack_count")
}
