package push_test

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain checks that no server has left a goroutine behind. Started by TestSoak, it is
// a server.
func TestMain(m *testing.M) {
	if dir := os.Getenv(soakDir); dir != "" {
		soakChild(dir)
	}
	code := m.Run()
	if code == 0 {
		code = leaks()
	}
	os.Exit(code)
}

func leaks() int {
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		all := string(buf[:runtime.Stack(buf, true)])
		n := 0
		for g := range strings.SplitSeq(all, "\n\n") {
			if strings.Contains(g, "push.(*") {
				n++
			}
		}
		if n == 0 {
			return 0
		}
		if time.Now().After(deadline) {
			os.Stderr.WriteString("goroutines are left:\n" + all)
			return 1
		}
	}
}
