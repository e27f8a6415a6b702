//go:build unix

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"testing"
)

func TestMachine(t *testing.T) {
	m := thisMachine()
	if m.CPU == "" || m.Cores < 1 || m.Go != runtime.Version() || m.Files < 1 {
		t.Errorf("%+v", m)
	}
	if runtime.GOOS == "linux" && m.Memory < 1<<20 {
		t.Errorf("%d bytes of memory", m.Memory)
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", text)
	if _, err := os.Stat("../.git"); err != nil {
		t.Skip("not in the repository")
	}
	if _, err := exec.LookPath("git"); err == nil && m.Commit == "" {
		t.Error("no commit")
	}
}
