//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A machine is where figures come from; without it they mean nothing.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Memory int64  `json:"memory_bytes,omitempty"` // 0 where it is not known
	Files  int64  `json:"nofile,omitempty"`       // hard limit on descriptors per process

	Commit   string `json:"commit,omitempty"` // of weir, "" if it is not known
	Modified bool   `json:"modified,omitempty"`
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s, %s", m.CPU, m.Cores, m.Kernel, m.Go)
}

func thisMachine() machine {
	m := machine{CPU: cpuModel(), Cores: runtime.NumCPU(), Kernel: runtime.GOOS, Go: runtime.Version()}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		m.Files = int64(min(uint64(limit.Max), unlimited))
	}
	if usage, err := readKernel(); err == nil {
		m.Memory = usage.MemTotal
	}
	m.Commit, m.Modified = commit()
	return m
}

// commit tells what this program was built from. go build notes that in the
// program. go run does not; it is run in the repository, which then knows.
func commit() (revision string, modified bool) {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				modified = s.Value == "true"
			}
		}
	}
	if revision != "" {
		return revision, modified
	}
	top, err := git("rev-parse", "--show-toplevel")
	if err != nil {
		return "", false
	}
	const module = "module github.com/weir-go/weir\n"
	if mod, err := os.ReadFile(top + "/go.mod"); err != nil || !strings.HasPrefix(string(mod), module) {
		return "", false // some other repository
	}
	if revision, err = git("rev-parse", "HEAD"); err != nil {
		return "", false
	}
	changes, err := git("status", "--porcelain")
	return revision, err != nil || changes != ""
}

func git(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	return strings.TrimSpace(string(out)), err
}

func cpuModel() string {
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}
