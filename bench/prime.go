//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// prime exchanges a message with the server on each of a few connections that are
// closed again, before its memory is measured for the first time: what a server
// allocates once is then not taken for the cost of a connection. It waits for the
// server to close too, so that the connections are really gone.
func prime(o loadOptions) error {
	o.conns = min(o.conns, 16)
	l, err := newLoad(o)
	if err != nil {
		return err
	}
	defer l.close()
	if err := l.open(); err != nil {
		return err
	}
	for i := range l.conns {
		if err := l.conns[i].hangUp(l.timeout); err != nil {
			return fmt.Errorf("the server has not closed a connection after its peer did: %w", err)
		}
	}
	return nil
}

// close closes everything.
func (l *load) close() {
	for i := range l.conns {
		if fd := l.conns[i].fd; fd > 0 {
			unix.Close(fd)
		}
	}
	l.waiter.close()
}

// hangUp ends the connection's sending half and waits for the end of the other.
// What comes before that is a farewell, as that of a WebSocket server.
func (c *loadConn) hangUp(timeout time.Duration) error {
	if err := unix.SetNonblock(c.fd, false); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	tv := unix.NsecToTimeval(int64(timeout))
	if err := unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Shutdown(c.fd, unix.SHUT_WR); err != nil {
		return os.NewSyscallError("shutdown", err)
	}
	farewell := make([]byte, 1024)
	for n := 0; n < len(farewell); {
		k, err := unix.Read(c.fd, farewell[n:])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return os.NewSyscallError("read", err)
		case k == 0:
			return nil
		default:
			n += k
		}
	}
	return fmt.Errorf("it goes on talking: %w", io.ErrShortBuffer)
}
