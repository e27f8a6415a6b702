package main

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of the hot paths go past the scheduler with RawSyscall. A call on a
// non-blocking socket never sleeps, so the scheduler has nothing to gain from
// hearing of it, and not telling it saves a third of the time.

func sysRead(fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}

func sysWrite(fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), errno
}

// newSocket returns a TCP socket that does not block.
func newSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	return fd, os.NewSyscallError("socket", err)
}

// leavePortToConnect has connect choose the local port, and not bind: it may then
// be one that is in use with another peer.
func leavePortToConnect(fd int) error {
	return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
}

// epollWait may sleep for timeout milliseconds, and keeps the processor (the
// runtime's P) while it does. With EINTR it returns no events and no error; the
// caller must then call runtime.Gosched: the interruption is most likely the
// runtime asking for a pause, and inside a raw call it cannot take one.
//
// It is epoll_pwait without a mask because arm64 has no epoll_wait.
func epollWait(ep int, events []unix.EpollEvent, timeout int) (n int, interrupted bool, err error) {
	r, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(timeout), 0, 0)
	return epollResult(r, errno)
}

// A kernelTime is the kernel's timespec. It has 64 bits on every machine, unlike
// unix.Timespec.
type kernelTime struct{ sec, nsec int64 }

// epollWait2 is epollWait with a timeout to the nanosecond. If it is modest it
// lets the processor go.
func epollWait2(ep int, events []unix.EpollEvent, timeout *kernelTime, modest bool) (n int, interrupted bool, err error) {
	var r uintptr
	var errno syscall.Errno
	if modest {
		r, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(ep),
			uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(unsafe.Pointer(timeout)), 0, 0)
	} else {
		r, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(ep),
			uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(unsafe.Pointer(timeout)), 0, 0)
	}
	return epollResult(r, errno)
}

func epollResult(r uintptr, errno syscall.Errno) (n int, interrupted bool, err error) {
	switch errno {
	case 0:
		return int(r), false, nil
	case unix.EINTR:
		return 0, true, nil
	}
	return 0, false, errno
}
