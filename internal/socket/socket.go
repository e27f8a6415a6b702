// Package socket is what weir needs of the operating system's sockets, and the
// only user of golang.org/x/sys for it. All descriptors are non-blocking and
// close-on-exec. On systems without them each function answers
// errors.ErrUnsupported.
//
// A call that would block answers ErrAgain; a call that a signal has
// interrupted is repeated. Other errors are *os.SyscallError.
package socket

import "errors"

// ErrAgain: the call would block. Wait for readiness and repeat it.
var ErrAgain = errors.New("socket: would block")

// Options are set on a connection. Zero values leave the system's default,
// except that Nagle's algorithm is off unless Delay is set.
type Options struct {
	Delay       bool // leave Nagle's algorithm on (TCP_NODELAY off)
	KeepAlive   int  // seconds of silence before keep-alive probes, and between them; 0: system default, negative: off
	ReadBuffer  int  // SO_RCVBUF in bytes
	WriteBuffer int  // SO_SNDBUF in bytes
}
