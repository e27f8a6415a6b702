package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Ctrl-C, in whatever phase, leaves no process and no file behind.
func TestMillionInterrupted(t *testing.T) {
	for _, phase := range []string{"start processes", "connect", "idle", "active", "broadcast", "churn"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			exe, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			args := append([]string{"million"}, small("-conns", "100", "-mode", "weir", "-duration", "500ms", "-idle", "500ms", "-json", dir+"/result.json")...)
			cmd := exec.Command(exe, args...)
			var stderr lockedBuffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				cmd.Process.Kill() // in case the test gives up early
				cmd.Wait()
			}()
			// The line of the phase before it tells that it has begun.
			before := map[string]string{
				"start processes": "weir, 100", "connect": "start processes", "idle": "connect",
				"active": "idle", "broadcast": "active", "churn": "broadcast",
			}[phase]
			eventually(t, phase+" phase", func() bool { return strings.Contains(stderr.String(), before) })
			time.Sleep(20 * time.Millisecond) // into the phase
			children := childrenOf(t, cmd.Process.Pid)
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("exit status 0")
			}
			for _, pid := range children {
				eventually(t, "the end of child "+pid, func() bool { return gone(pid) })
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
