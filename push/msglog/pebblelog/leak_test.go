package pebblelog

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// checkLeaks fails the tests of the package if goroutines of a log outlive them.
func checkLeaks(m *testing.M) int {
	code := m.Run()
	if code != 0 {
		return code
	}
	var left string
	for range 200 {
		buffer := make([]byte, 1<<20)
		left = ""
		for _, g := range strings.Split(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
			if strings.Contains(g, "pebble") && !strings.Contains(g, "checkLeaks") {
				left += g + "\n\n"
			}
		}
		if left == "" {
			return 0
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Fprintln(os.Stderr, "goroutines that were left:\n"+left)
	return 1
}
