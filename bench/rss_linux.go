package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
)

// rssAnon returns the private memory of this process that is in RAM: heap,
// stacks and the runtime's own, but not the executable, and nothing of what the
// kernel holds for its sockets. Before Linux 6.16 the kernel lets the figure lag
// by up to some hundred KiB, which is much when divided by few connections.
func rssAnon() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "RssAnon: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, errors.New("/proc/self/status has no RssAnon")
}
