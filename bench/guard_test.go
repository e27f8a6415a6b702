//go:build unix

package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeSysctls makes a directory that looks like /proc/sys, as much as is needed.
func fakeSysctls(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, value := range untuned {
		file := sysctlPath(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// The values of the fakes, spaced as the kernel does it.
var untuned = map[string]string{
	"fs.file-max":                  "1000",
	"net.core.somaxconn":           "4096",
	"net.ipv4.ip_local_port_range": "32768\t60999",
}

var wanted = []sysctl{
	{"fs.file-max", "2000"},
	{"net.ipv4.ip_local_port_range", "1024 65535"},
}

func wantSysctl(t *testing.T, root, name, want string) {
	t.Helper()
	if got, err := readSysctl(root, name); err != nil || got != want {
		t.Errorf("%s is %q, want %q (%v)", name, got, want, err)
	}
}

func wantTuned(t *testing.T, root string) {
	t.Helper()
	for _, s := range wanted {
		wantSysctl(t, root, s.Name, s.Value)
	}
}

func wantUntuned(t *testing.T, root string) {
	t.Helper()
	files := 0
	for name, value := range untuned {
		wantSysctl(t, root, name, strings.Join(strings.Fields(value), " "))
	}
	if err := filepath.WalkDir(root, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if files != len(untuned) {
		t.Errorf("%d files are left, there were %d", files, len(untuned))
	}
}

// talk runs a guard in this process.
func talk(t *testing.T, root string) (ask func(...sysctl) guardReply, end func() error) {
	t.Helper()
	requests, in := io.Pipe()
	out, replies := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := guard(root, requests, replies)
		replies.Close()
		ended <- err
	}()
	answers := json.NewDecoder(out)
	ask = func(settings ...sysctl) (r guardReply) {
		t.Helper()
		if err := json.NewEncoder(in).Encode(guardRequest{settings}); err != nil {
			t.Fatal(err)
		}
		if err := answers.Decode(&r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	return ask, func() error { in.Close(); return <-ended }
}

func TestGuard(t *testing.T) {
	root := fakeSysctls(t)
	ask, end := talk(t, root)
	r := ask(wanted...)
	if r.Error != "" || len(r.Changes) != 2 {
		t.Fatalf("%+v", r)
	}
	if got, want := r.Changes[1].String(), "net.ipv4.ip_local_port_range 32768 60999 -> 1024 65535"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	wantTuned(t, root)
	// The same one again: the first value is what counts in the end.
	if r := ask(sysctl{"fs.file-max", "3000"}); r.Error != "" {
		t.Fatal(r.Error)
	}
	wantSysctl(t, root, "fs.file-max", "3000")
	if err := end(); err != nil {
		t.Error(err)
	}
	wantUntuned(t, root)
}

func TestGuardSetsAllOrNothing(t *testing.T) {
	root := fakeSysctls(t)
	ask, end := talk(t, root)
	r := ask(append(wanted, sysctl{"net.ipv4.no_such", "1"})...)
	if !strings.Contains(r.Error, "net.ipv4.no_such") || len(r.Changes) != 0 {
		t.Errorf("%+v", r)
	}
	wantUntuned(t, root)
	if err := end(); err != nil {
		t.Error(err)
	}
	wantUntuned(t, root)
}

func TestGuardLeavesWhatOthersSet(t *testing.T) {
	root := fakeSysctls(t)
	ask, end := talk(t, root)
	if r := ask(wanted...); r.Error != "" {
		t.Fatal(r.Error)
	}
	if err := writeSysctl(root, "fs.file-max", "5000"); err != nil {
		t.Fatal(err)
	}
	if err := end(); err == nil || !strings.Contains(err.Error(), "5000, which somebody else has set") {
		t.Errorf("%v", err)
	}
	wantSysctl(t, root, "fs.file-max", "5000")
	wantSysctl(t, root, "net.ipv4.ip_local_port_range", "32768 60999")
}

func TestGuardMeetsNonsense(t *testing.T) {
	root := fakeSysctls(t)
	set, err := json.Marshal(guardRequest{wanted})
	if err != nil {
		t.Fatal(err)
	}
	if err := guard(root, strings.NewReader(string(set)+"\nnonsense\n"), io.Discard); err == nil {
		t.Error("no error")
	}
	wantUntuned(t, root)
}
