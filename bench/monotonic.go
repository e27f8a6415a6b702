//go:build unix

package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonic is a clock that all processes of the machine share: it tells when a
// message that one process has sent is received by another.
func monotonic() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return int64(time.Since(processStart)) // no system without it is known
	}
	return ts.Nano()
}
