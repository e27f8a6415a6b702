package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// cpuOf returns the CPU time that the processes have used so far, in ns, without
// waking them: it is how they are observed at rest.
func cpuOf(processes []*child) (total int64, err error) {
	for _, c := range processes {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", c.cmd.Process.Pid))
		if err != nil {
			return 0, err
		}
		if len(threads) == 0 {
			return 0, fmt.Errorf("the %s is gone", c.name)
		}
		for _, thread := range threads {
			text, err := os.ReadFile(thread)
			if errors.Is(err, os.ErrNotExist) {
				continue // it has ended since
			}
			if err != nil {
				return 0, err
			}
			var ran int64
			if _, err := fmt.Sscan(string(text), &ran); err != nil {
				return 0, fmt.Errorf("%s: %w", thread, err)
			}
			total += ran
		}
	}
	return total, nil
}
