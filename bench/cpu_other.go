//go:build unix && !linux

package main

import (
	"context"
	"time"
)

// cpuOf returns the CPU time that the processes have used so far, in ns. It has
// to ask them, which costs them a little.
func cpuOf(processes []*child) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	u, err := usageOf(ctx, processes, "usage")
	return u.cpu(), err
}
