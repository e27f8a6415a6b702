//go:build unix && !linux

package main

import "os/exec"

// No cores to choose from: the system places the processes.
func allowedCPUs() ([]int, error) { return nil, nil }

func startPinned(cmd *exec.Cmd, _ []int) error { return cmd.Start() }

func endWithParent(*exec.Cmd) {}
