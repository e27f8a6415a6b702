package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Ctrl-C leaves no process and no file behind.
func TestPushInterrupted(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.Command(exe, smallPush("-duration", "1m", "-peers", "push", "-json", filepath.Join(dir, "result.json"))...)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	var stderr lockedBuffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill() // in case the test gives up early
		cmd.Wait()
	}()
	eventually(t, "end of the idle phase", func() bool { return strings.Contains(stderr.String(), "of user memory") })
	children := childrenOf(t, cmd.Process.Pid)
	if len(children) != 3 {
		t.Errorf("%d children, want a server and two loads", len(children))
	}
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
}

// The masks of a browser are taken off, those of the load cost nothing.
func TestCutMasked(t *testing.T) {
	key := []byte{1, 2, 3, 4}
	masked := []byte("hello")
	for i := range masked {
		masked[i] ^= key[i%4]
	}
	wire := append(append(appendWSHeader(nil, wsBinary, 0x80, 5), key...), masked...)
	for n := range wire {
		if _, _, _, ok := cutMasked(wire[:n]); ok {
			t.Errorf("%d bytes are a frame", n)
		}
	}
	if first, p, rest, ok := cutMasked(append(wire, 'x')); !ok || first != wsBinary || string(p) != "hello" || string(rest) != "x" {
		t.Errorf("%x %q %q %v", first, p, rest, ok)
	}
}
