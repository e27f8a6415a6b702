//go:build unix

package main

import (
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// spareFiles is what a process needs beside its connections: standard streams,
// the poller, the listener, the runtime's own.
const spareFiles = 64

// raiseFileLimit sets the soft limit on file descriptors to the hard one and
// returns it.
func raiseFileLimit() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return 0, os.NewSyscallError("setrlimit", err)
		}
	}
	// "Unlimited" stands as a huge number; no process here needs more than this.
	return int(min(uint64(limit.Cur), math.MaxInt32)), nil
}

// checkConns refuses a number of connections that the server and the load, each
// a process with its own limit, cannot hold.
func checkConns(conns int) error {
	limit, err := raiseFileLimit()
	if err != nil {
		return err
	}
	if conns > limit-spareFiles {
		return fmt.Errorf("%d connections need %d file descriptors in each process, the hard limit is %d (ulimit -Hn): at most %d connections",
			conns, conns+spareFiles, limit, limit-spareFiles)
	}
	return nil
}
