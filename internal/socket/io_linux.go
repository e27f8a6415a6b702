package socket

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls here never sleep, because the sockets are non-blocking, so the
// scheduler need not hear of them: RawSyscall saves a third of an echo's cost
// against Syscall. See "How the loop sleeps" in ARCHITECTURE.md.

// Read reads into p. 0 and no error is the end of the stream.
func Read(fd int, p []byte) (int, error) {
	return call(syscall.SYS_READ, "read", fd, unsafe.Pointer(unsafe.SliceData(p)), len(p))
}

// Write writes as much of p as the socket takes.
func Write(fd int, p []byte) (int, error) {
	return call(syscall.SYS_WRITE, "write", fd, unsafe.Pointer(unsafe.SliceData(p)), len(p))
}

// call makes a system call that takes a descriptor, an address, and a number of
// things there, of which there may be none.
func call(trap uintptr, name string, fd int, p unsafe.Pointer, n int) (int, error) {
	if n == 0 {
		return 0, nil
	}
	for {
		r, _, e := syscall.RawSyscall(trap, uintptr(fd), uintptr(p), uintptr(n))
		switch e {
		case 0:
			return int(r), nil
		case syscall.EAGAIN:
			return 0, ErrAgain
		case syscall.EINTR:
		default:
			return 0, os.NewSyscallError(name, e)
		}
	}
}

// maxIovecs is UIO_MAXIOV: more in one call are EINVAL.
const maxIovecs = 1024

// Writev writes as much of the slices of p, one after the other, as the socket
// takes. Slices past the first 1,024 wait for the next call.
func Writev(fd int, p [][]byte) (int, error) {
	var stack [64]unix.Iovec
	iov := stack[:0]
	if len(p) > len(stack) {
		iov = make([]unix.Iovec, 0, min(len(p), maxIovecs))
	}
	for _, b := range p {
		if len(iov) == maxIovecs {
			break
		}
		if len(b) > 0 {
			v := unix.Iovec{Base: unsafe.SliceData(b)}
			v.SetLen(len(b))
			iov = append(iov, v)
		}
	}
	return call(syscall.SYS_WRITEV, "writev", fd, unsafe.Pointer(unsafe.SliceData(iov)), len(iov))
}

func accept(fd int) (int, unix.Sockaddr, error) {
	return unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
}

// Unsent returns the number of bytes written that the peer's system has not
// acknowledged; false if the system cannot tell.
func Unsent(fd int) (int, bool) {
	n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	return n, err == nil
}

func setKeepAliveTimes(fd, seconds int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds))
}
