package main

import (
	"fmt"
	"os"

	"github.com/prometheus/procfs"
)

// readKernel reads what the kernel holds. It costs well below a millisecond.
func readKernel() (kernelUsage, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return kernelUsage{}, err
	}
	return readKernelFrom(fs)
}

func readKernelFrom(fs procfs.FS) (kernelUsage, error) {
	var u kernelUsage
	mem, err := fs.Meminfo()
	if err != nil {
		return u, err
	}
	u.MemTotal, u.MemAvailable, u.MemFree = value(mem.MemTotalBytes), value(mem.MemAvailableBytes), value(mem.MemFreeBytes)
	u.FileCache = value(mem.BuffersBytes) + value(mem.CachedBytes) - value(mem.ShmemBytes)
	u.Slab, u.PageTables = value(mem.SlabBytes), value(mem.PageTablesBytes)
	u.Kernel = u.MemTotal - u.MemFree - value(mem.BuffersBytes) - value(mem.CachedBytes) - value(mem.SwapCachedBytes) -
		value(mem.AnonPagesBytes)

	sockets, err := fs.NetSockstat()
	if err != nil {
		return u, err
	}
	for _, p := range sockets.Protocols {
		if p.Protocol == "TCP" {
			u.TCPInUse = int64(p.InUse)
			u.TCPAlloc, u.TCPTimeWait, u.TCPOrphan = value(p.Alloc), value(p.TW), value(p.Orphan)
			u.SocketMem = value(p.Mem) * int64(os.Getpagesize())
		}
	}

	self, err := fs.Self()
	if err != nil {
		return u, err
	}
	counters, err := self.Netstat()
	if err != nil {
		return u, err
	}
	u.ListenOverflows, u.ListenDrops = value(counters.ListenOverflows), value(counters.ListenDrops)

	u.FilesOpen, _, err = filesOpen()
	return u, err
}

// value is what a counter shows, 0 if there is no such counter here.
func value[T int | uint64 | float64](v *T) int64 {
	if v == nil {
		return 0
	}
	return int64(*v)
}

// filesOpen returns how many files are open on the machine, and how many may be.
func filesOpen() (open, most int64, err error) {
	line, err := os.ReadFile("/proc/sys/fs/file-nr")
	if err != nil {
		return 0, 0, err
	}
	var unused uint64
	var limit uint64
	if _, err := fmt.Sscan(string(line), &open, &unused, &limit); err != nil {
		return 0, 0, fmt.Errorf("/proc/sys/fs/file-nr: %w", err)
	}
	return open, int64(min(limit, unlimited)), nil
}

// readSlabs returns the bytes of each slab cache that is not empty. Only root may
// read them. Caches of objects alike may be merged and stand under one name.
func readSlabs() (map[string]int64, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, err
	}
	info, err := fs.SlabInfo()
	if err != nil {
		return nil, err
	}
	bytes := make(map[string]int64)
	for _, s := range info.Slabs {
		if n := s.SlabNum * s.PagesPerSlab * int64(os.Getpagesize()); n > 0 {
			bytes[s.Name] += n
		}
	}
	return bytes, nil
}
