package metrics

import (
	"bytes"
	"os"
	"runtime/metrics"
	"strconv"
)

// memory knows what the process took before there were connections.
type memory struct{ start uint64 }

// usage is what a process takes.
type usage struct {
	start, now  uint64 // bytes
	connections int
}

func newMemory() *memory { return &memory{resident()} }

func (m *memory) read(connections int) usage { return usage{m.start, resident(), connections} }

// memoryFamilies are what usage has.
var memoryFamilies = []family[usage]{
	gauge("memory_bytes", "Memory of the process now: resident, or, but on Linux, what the Go runtime has of the system.", func(u *usage) uint64 { return u.now }),
	gauge("memory_at_start_bytes", "The same before there were connections.", func(u *usage) uint64 { return u.start }),
	gauge("memory_per_connection_bytes", "What has come to that since, divided by the connections; 0 without any.", func(u *usage) float64 {
		if u.connections <= 0 || u.now <= u.start {
			return 0
		}
		return float64(u.now-u.start) / float64(u.connections)
	}),
}

// resident returns the resident memory of the process, or what comes next to it.
func resident() uint64 {
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := bytes.Fields(b); len(fields) > 1 {
			if pages, err := strconv.ParseUint(string(fields[1]), 10, 64); err == nil {
				return pages * uint64(os.Getpagesize())
			}
		}
	}
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}
