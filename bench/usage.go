//go:build unix

package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
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
	Goroutines int    `json:"goroutines"`
	GC         int64  `json:"gc_cpu_ns"` // of User and System, as the runtime estimates it, up to the last collection

	// 0 where they were not asked for or are not known.
	RSSAnon     int64 `json:"rss_anon_bytes"`
	PSS         int64 `json:"pss_bytes"`             // with this process' share of what several have, such as the executable
	Descriptors int   `json:"descriptors,omitempty"` // open ones, the process' own among them
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
		GC:         gcTime(),
	}, nil
}

func gcTime() int64 {
	samples := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(samples)
	if samples[0].Value.Kind() != metrics.KindFloat64 {
		return 0 // a runtime that does not tell
	}
	return int64(samples[0].Value.Float64() * 1e9)
}

// measureCycle collects garbage once. If the process does nothing else, that is
// what it pays for being there: how long it takes depends on what is alive.
func measureCycle() (*gcCycle, error) {
	var before, after unix.Rusage
	var pausesBefore, pausesAfter debug.GCStats
	debug.ReadGCStats(&pausesBefore)
	if err := unix.Getrusage(unix.RUSAGE_SELF, &before); err != nil {
		return nil, os.NewSyscallError("getrusage", err)
	}
	began := time.Now()
	runtime.GC()
	wall := time.Since(began)
	if err := unix.Getrusage(unix.RUSAGE_SELF, &after); err != nil {
		return nil, os.NewSyscallError("getrusage", err)
	}
	debug.ReadGCStats(&pausesAfter)
	return &gcCycle{
		CPU:   after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano(),
		Wall:  int64(wall),
		Pause: int64(pausesAfter.PauseTotal - pausesBefore.PauseTotal),
	}, nil
}
