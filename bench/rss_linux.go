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
	return memoryField("/proc/self/status", "RssAnon")
}

// pss returns the memory of this process in RAM where what several processes
// have is divided among them. The kernel looks at every page for it.
func pss() (int64, error) {
	n, err := memoryField("/proc/self/smaps_rollup", "Pss")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil // Linux before 4.14
	}
	return n, err
}

func memoryField(file, field string) (int64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), field+": %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, field)
}

// openDescriptors returns how many descriptors this process has open, 0 if that
// cannot be had.
func openDescriptors() int {
	const dir = "/proc/self/fd"
	if info, err := os.Stat(dir); err == nil && info.Size() > 0 {
		return int(info.Size()) // from Linux 6.2 on
	}
	d, err := os.Open(dir)
	if err != nil {
		return 0
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return len(names) - 1 // without that of the directory
}
