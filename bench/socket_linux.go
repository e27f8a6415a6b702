package main

import (
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

// epollWait may sleep for timeout milliseconds, and keeps the processor (the
// runtime's P) while it does. With EINTR it returns no events and no error; the
// caller must then call runtime.Gosched: the interruption is most likely the
// runtime asking for a pause, and inside a raw call it cannot take one.
//
// It is epoll_pwait without a mask because arm64 has no epoll_wait.
func epollWait(ep int, events []unix.EpollEvent, timeout int) (n int, interrupted bool, err error) {
	r, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep),
		uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(timeout), 0, 0)
	switch errno {
	case 0:
		return int(r), false, nil
	case unix.EINTR:
		return 0, true, nil
	}
	return 0, false, errno
}
