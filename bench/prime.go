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
func (l *load) prime() error {
	if _, err := l.open(min(16, len(l.conns)), 0); err != nil {
		return err
	}
	for i := range l.conns {
		if c := &l.conns[i]; c.fd != 0 {
			if err := c.hangUp(l.timeout); err != nil {
				return fmt.Errorf("the server has not closed a connection after its peer did: %w", err)
			}
		}
	}
	_, err := l.close()
	return err
}

// hangUp ends the connection's sending half and waits for the end of the other.
// What comes before that is a farewell, as that of a WebSocket server.
func (c *loadConn) hangUp(timeout time.Duration) error {
	fd := int(c.fd)
	if err := unix.SetNonblock(fd, false); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	tv := unix.NsecToTimeval(int64(timeout))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Shutdown(fd, unix.SHUT_WR); err != nil {
		return os.NewSyscallError("shutdown", err)
	}
	farewell := make([]byte, 1024)
	for n := 0; n < len(farewell); {
		k, err := unix.Read(fd, farewell[n:])
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
