//go:build unix

package main

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A stage is what a server process gives the peer that it serves, and takes from
// it.
type stage struct {
	addr      string        // where to listen
	reusePort bool          // several processes share the port
	idle      time.Duration // after so much silence a connection is closed; 0: what the peer does by default
	keepAlive time.Duration // interval of TCP's probes; 0: what the peer does by default, negative: none
	dir       string        // for files; who has started the process removes it
	work      func()        // what a handler does with a message before it answers; never nil

	// broadcast is set by a peer that can send one message on all of its
	// connections. It returns on how many that was accepted, when the kernel or
	// the peer's own queues have it, and does not change payload.
	broadcast func(payload []byte) (accepted int, err error)

	// stats is set by a peer that counts what it does.
	stats func() map[string]int64
}

// listen is net.Listen as the stage wants it.
func (s *stage) listen() (net.Listener, error) {
	config := net.ListenConfig{KeepAlive: s.keepAlive}
	if s.reusePort {
		config.Control = func(_, _ string, c syscall.RawConn) error {
			var err error
			return errors.Join(c.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			}), err)
		}
	}
	return config.Listen(context.Background(), "tcp4", s.addr)
}
