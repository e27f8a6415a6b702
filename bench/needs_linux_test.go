package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/procfs"
)

func TestNeedsReservedPorts(t *testing.T) {
	for list, want := range map[string]int64{
		"": 0, "\n": 0, "80\n": 0, "2000": 1, "1000,3000": 2, "1-5000": 2001, "2000-2009,80,2999-4000": 12, "x,2000": 1,
	} {
		if got := overlap(list, 1000, 3000); got != want {
			t.Errorf("%q: %d, want %d", list, got, want)
		}
	}
}

func TestNeedsGroupDirs(t *testing.T) {
	v1 := &procfs.MountInfo{FSType: "cgroup", Root: "/", MountPoint: "/sys/fs/cgroup/memory", SuperOptions: map[string]string{"rw": "", "memory": ""}}
	v2 := &procfs.MountInfo{FSType: "cgroup2", Root: "/", MountPoint: "/sys/fs/cgroup"}
	inside := &procfs.MountInfo{FSType: "cgroup2", Root: "/docker/abc", MountPoint: "/sys/fs/cgroup"}
	all := []*procfs.MountInfo{v1, v2}
	for _, test := range []struct {
		mounts           []*procfs.MountInfo
		kind, controller string
		group            string
		want             []string
	}{
		{all, "cgroup2", "", "/", []string{"/sys/fs/cgroup"}},
		{all, "cgroup2", "", "/user/me", []string{"/sys/fs/cgroup/user/me", "/sys/fs/cgroup/user", "/sys/fs/cgroup"}},
		{all, "cgroup", "memory", "/a", []string{"/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/memory"}},
		{all, "cgroup", "pids", "/a", nil},
		{[]*procfs.MountInfo{inside}, "cgroup2", "", "/docker/abc/x", []string{"/sys/fs/cgroup/x", "/sys/fs/cgroup"}},
		{[]*procfs.MountInfo{inside}, "cgroup2", "", "/../other", []string{"/sys/fs/cgroup"}},
	} {
		if got := groupDirs(test.mounts, test.kind, test.controller, test.group); !slices.Equal(got, test.want) {
			t.Errorf("%s %s: %q, want %q", test.kind, test.group, got, test.want)
		}
	}
}

func TestNeedsGroupRoom(t *testing.T) {
	for _, test := range []struct {
		most, now, stat string
		want            int64
	}{
		{"max\n", "100\n", "", 0},
		{"9223372036854771712\n", "100\n", "", 0},
		{"1000\n", "400\n", "anon 50\ninactive_file 100\n", 700},
		{"1000\n", "2000\n", "", 1},
		{"1000\n", "", "", 1000},
		{"", "", "", 0},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"most": test.most, "now": test.now, "memory.stat": test.stat} {
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := groupRoom(dir, "most", "now", "inactive_file"); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}
