//go:build unix && !linux

package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Only Linux promises that a system call may be made directly.

func sysRead(fd int, p []byte) (int, syscall.Errno) {
	n, err := unix.Read(fd, p)
	return n, asErrno(err)
}

func sysWrite(fd int, p []byte) (int, syscall.Errno) {
	n, err := unix.Write(fd, p)
	return n, asErrno(err)
}

func asErrno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	if errno, ok := err.(syscall.Errno); ok {
		return errno
	}
	return syscall.EIO
}
