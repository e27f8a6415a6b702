//go:build !unix

// Command bench is not available on this platform: its load generator and its
// accounting of CPU time rest on Unix system calls.
package main

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	fmt.Fprintf(os.Stderr, "bench: %s is not supported: the load generator and the CPU accounting need a Unix system; "+
		"the published figures are taken on Linux\n", runtime.GOOS)
	os.Exit(2)
}
