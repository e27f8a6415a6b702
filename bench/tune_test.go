//go:build unix

package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func tuneFakes(t *testing.T, root string) *tuning {
	t.Helper()
	tuned, err := tuneUnder(t.Context(), root, wanted, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tuned.restore() })
	wantTuned(t, root)
	return tuned
}

func TestTune(t *testing.T) {
	root := fakeSysctls(t)
	tuned := tuneFakes(t, root)
	if got, want := strings.Join(tuned.Changes, "; "),
		"fs.file-max 1000 -> 2000; net.ipv4.ip_local_port_range 32768 60999 -> 1024 65535"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	pid := tuned.guard.Process.Pid
	for range 2 {
		if err := tuned.restore(); err != nil {
			t.Error(err)
		}
		wantUntuned(t, root)
	}
	if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
		t.Errorf("the guard is still there: %v", err)
	}
}

func TestTuneNothing(t *testing.T) {
	tuned, err := tune(t.Context(), &needs{}, os.Stderr)
	if err != nil || len(tuned.Changes) != 0 || tuned.guard != nil {
		t.Errorf("%+v, %v", tuned, err)
	}
	if err := tuned.restore(); err != nil {
		t.Error(err)
	}
	if err := (*tuning)(nil).restore(); err != nil {
		t.Error(err)
	}
}

func TestTuneFails(t *testing.T) {
	root := fakeSysctls(t)
	_, err := tuneUnder(t.Context(), root, append(wanted, sysctl{"fs.none", "1"}), os.Stderr)
	if err == nil || !strings.Contains(err.Error(), "-tune: set sysctl fs.none to 1") {
		t.Errorf("%v", err)
	}
	wantUntuned(t, root)
}

func TestTuneIsInterrupted(t *testing.T) {
	root := fakeSysctls(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if tuned, err := tuneUnder(ctx, root, wanted, os.Stderr); err == nil {
		// The answer was there before anybody looked.
		if err := tuned.restore(); err != nil {
			t.Error(err)
		}
	}
	wantUntuned(t, root)
}

// No signal that is meant for the benchmark, or for everybody, ends the guard.
func TestTuneOutlivesSignals(t *testing.T) {
	root := fakeSysctls(t)
	tuned := tuneFakes(t, root)
	guard := tuned.guard.Process
	if group, err := syscall.Getpgid(guard.Pid); err != nil || group != guard.Pid || group == syscall.Getpgrp() {
		t.Errorf("the guard %d is in process group %d, the test in %d (%v)", guard.Pid, group, syscall.Getpgrp(), err)
	}
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE} {
		if err := guard.Signal(sig); err != nil {
			t.Errorf("%v: %v", sig, err)
		}
	}
	wantTuned(t, root)
	if err := tuned.restore(); err != nil {
		t.Error(err)
	}
	wantUntuned(t, root)
}

// If it is the guard that is killed, its parent does its work.
func TestTuneOutlivesGuard(t *testing.T) {
	root := fakeSysctls(t)
	tuned := tuneFakes(t, root)
	if err := tuned.guard.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := tuned.restore(); err != nil {
		t.Error(err)
	}
	wantUntuned(t, root)
}

// tuneParentRoot names, in the environment, the directory for TestTuneParent.
const tuneParentRoot = "BENCH_TUNE_PARENT_ROOT"

// TestTuneParent is no test but the process that TestTuneEnds ends: it tunes, and
// then stands still without ever putting anything back.
func TestTuneParent(t *testing.T) {
	root := os.Getenv(tuneParentRoot)
	if root == "" {
		t.Skip("only for TestTuneEnds")
	}
	tuned, err := tuneUnder(t.Context(), root, wanted, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("tuned\n")
	defer tuned.restore()      // not reached when the test is ended as it should be
	time.Sleep(time.Minute)    // nobody waits that long
	t.Fatal("nobody ended it") // and no process stays behind
}

// However the benchmark ends, everything is put back: also if it is killed, and
// if an interrupt from the terminal ends all processes in front of it.
func TestTuneEnds(t *testing.T) {
	for _, end := range []struct {
		name  string
		sig   syscall.Signal
		group bool
	}{
		{"killed", syscall.SIGKILL, false},
		{"interrupt to the group", syscall.SIGINT, true},
		{"hang-up of the group", syscall.SIGHUP, true},
		{"the group is killed", syscall.SIGKILL, true},
	} {
		t.Run(end.name, func(t *testing.T) {
			t.Parallel()
			root := fakeSysctls(t)
			cmd := exec.Command(os.Args[0], "-test.run=^TestTuneParent$")
			// TestMain refuses to run tests in a process that a test has started.
			// This one starts no other, so it may.
			for _, v := range os.Environ() {
				if !strings.HasPrefix(v, "BENCH_STARTED_BY_TEST=") {
					cmd.Env = append(cmd.Env, v)
				}
			}
			cmd.Env = append(cmd.Env, tuneParentRoot+"="+root)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			stdout, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			theirs, stderr, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer theirs.Close()
			cmd.Stderr = stderr
			err = cmd.Start()
			stderr.Close()
			if err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill() // in case the test gives up early
			lines := bufio.NewScanner(stdout)
			if !lines.Scan() || lines.Text() != "tuned" {
				t.Fatalf("it says %q", lines.Text())
			}
			wantTuned(t, root)
			pid := cmd.Process.Pid
			if end.group {
				pid = -pid
			}
			if err := syscall.Kill(pid, end.sig); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			// The guard has the same standard error, which ends with the guard.
			if err := theirs.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if said, err := io.ReadAll(theirs); err != nil || len(said) > 0 {
				t.Errorf("the guard says %q (%v)", said, err)
			}
			wantUntuned(t, root)
		})
	}
}
