package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// allowedCPUs lists the cores that this process may run on.
func allowedCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// startPinned starts cmd on the given cores, or anywhere if there are none.
//
// A child inherits the affinity of the thread that forks it. It is narrowed for
// that moment on a thread of its own, and not in the child after its start,
// because the Go runtime of the child counts its cores when it comes up and
// makes GOMAXPROCS of them.
func startPinned(cmd *exec.Cmd, cpus []int) error {
	if len(cpus) == 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, narrow unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return os.NewSyscallError("sched_getaffinity", err)
	}
	for _, cpu := range cpus {
		narrow.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &narrow); err != nil {
		return fmt.Errorf("pin to cores %v: %w", cpus, os.NewSyscallError("sched_setaffinity", err))
	}
	startErr := cmd.Start()
	if err := unix.SchedSetaffinity(0, &before); err != nil {
		// The thread would go on with a part of the cores, unnoticed.
		panic(os.NewSyscallError("sched_setaffinity", err))
	}
	return startErr
}

// endWithParent has the kernel kill the child when this process dies without
// having had a word in it. The end of standard input tells a child too, but only
// if it still listens.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
