// Package testutil is what the tests of several packages share.
package testutil

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/weir-go/weir/internal/buffer"
)

// Main runs the tests of a package with released buffers poisoned, and fails if
// goroutines or descriptors are left when they have passed.
func Main(m *testing.M) int {
	buffer.Poison.Store(true)
	fds := OpenFDs()
	code := m.Run()
	if code != 0 {
		return code
	}
	if left := leakedGoroutines(); left != "" {
		fmt.Fprintf(os.Stderr, "goroutines left behind:\n\n%s\n", left)
		return 1
	}
	// The runtime's own poller takes three descriptors when it is first used.
	if n := OpenFDs(); fds > 0 && n > fds+3 {
		fmt.Fprintf(os.Stderr, "descriptors left behind: %d, at the start there were %d\n", n, fds)
		return 1
	}
	return 0
}

// OpenFDs returns the number of open descriptors, or 0 where that is unknown.
func OpenFDs() int {
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		if entries, err := os.ReadDir(dir); err == nil {
			return len(entries)
		}
	}
	return 0
}

// leakedGoroutines waits for goroutines to end and returns the stacks of those
// that do not.
func leakedGoroutines() string {
	var left []string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if left = interesting(); len(left) == 0 {
			return ""
		}
	}
	return strings.Join(left, "\n\n")
}

func interesting() (stacks []string) {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		switch {
		case strings.Contains(g, "testing.Main"), strings.Contains(g, "testing.(*M)"), strings.Contains(g, "testing.runTests"):
		case strings.Contains(g, "os/signal."):
		// ants makes a default pool when it is imported, with two goroutines.
		case strings.Contains(g, "ants/v2.(*poolCommon).purgeStaleWorkers"), strings.Contains(g, "ants/v2.(*poolCommon).ticktock"):
		case strings.Contains(g, "testutil.interesting"):
		case strings.TrimSpace(g) == "":
		default:
			stacks = append(stacks, g)
		}
	}
	return stacks
}
