package main

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// cgroupRoom returns what the control groups of this process still let it have:
// bytes of memory, of which those of the kernel are a part, and tasks. 0 is no
// limit. What cannot be read is no limit either.
func cgroupRoom(fs procfs.FS) (memory, tasks int64) {
	self, err := fs.Self()
	if err != nil {
		return 0, 0
	}
	groups, err := self.Cgroups()
	if err != nil {
		return 0, 0
	}
	mounts, err := fs.GetMounts()
	if err != nil {
		return 0, 0
	}
	room := func(least int64, dirs []string, limit, used string, cache string) int64 {
		for _, dir := range dirs {
			free := groupRoom(dir, limit, used, cache)
			if free > 0 && (least == 0 || free < least) {
				least = free
			}
		}
		return least
	}
	for _, g := range groups {
		if g.HierarchyID == 0 {
			dirs := groupDirs(mounts, "cgroup2", "", g.Path)
			memory = room(memory, dirs, "memory.max", "memory.current", "inactive_file")
			tasks = room(tasks, dirs, "pids.max", "pids.current", "")
		}
		if slices.Contains(g.Controllers, "memory") {
			dirs := groupDirs(mounts, "cgroup", "memory", g.Path)
			memory = room(memory, dirs, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
		}
		if slices.Contains(g.Controllers, "pids") {
			tasks = room(tasks, groupDirs(mounts, "cgroup", "pids", g.Path), "pids.max", "pids.current", "")
		}
	}
	return memory, tasks
}

// groupDirs returns the directories of a group and of all groups that it is in,
// as far as they are mounted here: a limit of each of them counts.
func groupDirs(mounts []*procfs.MountInfo, kind, controller, group string) (dirs []string) {
	for _, m := range mounts {
		if m.FSType != kind {
			continue
		}
		if _, ok := m.SuperOptions[controller]; controller != "" && !ok {
			continue
		}
		// A container may see its own group as the root of what is mounted.
		below, ok := strings.CutPrefix(group, strings.TrimSuffix(m.Root, "/"))
		if !ok {
			below = "/"
		}
		for dir := path.Join(m.MountPoint, below); ; dir = path.Dir(dir) {
			dirs = append(dirs, dir)
			if len(dir) <= len(m.MountPoint) {
				break
			}
		}
		return dirs
	}
	return nil
}

// groupRoom returns the difference of a limit and what is used of it, at least 1,
// or 0 for no limit. File cache is used, but not needed.
func groupRoom(dir, limit, used, cache string) int64 {
	most, ok := readGroupNumber(path.Join(dir, limit))
	if !ok || most >= unlimited {
		return 0
	}
	now, _ := readGroupNumber(path.Join(dir, used))
	if cache != "" {
		now -= groupStat(path.Join(dir, "memory.stat"), cache)
	}
	return max(1, most-now)
}

func readGroupNumber(file string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	v, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return v, err == nil // "max" is no number, and no limit
}

func groupStat(file, key string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name == key {
			v, _ := strconv.ParseInt(value, 10, 64)
			return v
		}
	}
	return 0
}
