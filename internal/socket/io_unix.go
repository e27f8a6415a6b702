//go:build unix && !linux

package socket

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Read reads into p. 0 and no error is the end of the stream.
func Read(fd int, p []byte) (int, error) { return retry("read", fd, p, unix.Read) }

// Write writes as much of p as the socket takes.
func Write(fd int, p []byte) (int, error) { return retry("write", fd, p, unix.Write) }

func retry(name string, fd int, p []byte, call func(int, []byte) (int, error)) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, err := call(fd, p)
		switch err {
		case nil:
			return n, nil
		case unix.EAGAIN:
			return 0, ErrAgain
		case unix.EINTR:
		default:
			return 0, os.NewSyscallError(name, err)
		}
	}
}

// Writev writes the slices of p until the socket takes no more. There is no
// portable writev here; the first short write ends the call.
func Writev(fd int, p [][]byte) (int, error) {
	total := 0
	for _, b := range p {
		n, err := Write(fd, b)
		total += n
		if err != nil {
			if total > 0 {
				return total, nil // the next call meets the error
			}
			return 0, err
		}
		if n < len(b) {
			break
		}
	}
	return total, nil
}

func accept(fd int) (int, unix.Sockaddr, error) {
	// Without accept4 a fork between the two calls could inherit the
	// descriptor; the lock keeps forks out.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	nfd, sa, err := unix.Accept(fd)
	if err != nil {
		return -1, nil, err
	}
	unix.CloseOnExec(nfd)
	if err := unix.SetNonblock(nfd, true); err != nil {
		unix.Close(nfd)
		return -1, nil, err
	}
	return nfd, sa, nil
}

// Unsent returns the number of bytes written that the peer's system has not
// acknowledged; false if the system cannot tell.
func Unsent(fd int) (int, bool) { return 0, false }

func setKeepAliveTimes(fd, seconds int) error { return nil }
