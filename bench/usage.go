//go:build unix

package main

import (
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// usage is what a server process has used up since its start, and what it holds.
// Differences between two of them are the cost of what happened in between.
type usage struct {
	At         int64  `json:"at_ns"` // time since the process started
	User       int64  `json:"user_ns"`
	System     int64  `json:"system_ns"`
	Mallocs    uint64 `json:"mallocs"` // heap objects ever allocated
	HeapAlloc  uint64 `json:"heap_alloc_bytes"`
	RSSAnon    int64  `json:"rss_anon_bytes"` // 0 where it was not asked for or is not known
	Goroutines int    `json:"goroutines"`
}

var processStart = time.Now()

func readUsage() (*usage, error) {
	// The order is the same each time, so a difference between two of these
	// holds the cost of one of them: some 50 us and a dozen objects.
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
		return nil, os.NewSyscallError("getrusage", err)
	}
	return &usage{
		At:         int64(time.Since(processStart)),
		User:       ru.Utime.Nano(),
		System:     ru.Stime.Nano(),
		Mallocs:    mem.Mallocs,
		HeapAlloc:  mem.HeapAlloc,
		Goroutines: runtime.NumGoroutine(),
	}, nil
}
