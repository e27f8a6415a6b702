//go:build unix && !linux

package main

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A waiter tells which of many sockets are ready, by the index under which they
// were added. Here it is poll, which every Unix has: the load generator then
// works but is slow with many connections.
type waiter struct {
	fds   []unix.PollFd // by index
	ready []int
}

func newWaiter() (*waiter, error) { return &waiter{}, nil }

func (w *waiter) close() {}

func (w *waiter) add(fd, index int, out bool) error {
	for len(w.fds) <= index {
		w.fds = append(w.fds, unix.PollFd{Fd: -1}) // poll skips those
	}
	return w.modify(fd, index, out)
}

func (w *waiter) modify(fd, index int, out bool) error {
	p := unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	if out {
		p.Events |= unix.POLLOUT
	}
	w.fds[index] = p
	return nil
}

func (w *waiter) remove(index int) {
	if index < len(w.fds) {
		w.fds[index] = unix.PollFd{Fd: -1}
	}
}

func (w *waiter) wait(timeout time.Duration, _ bool) (int, error) {
	w.ready = w.ready[:0]
	ms := int((timeout + time.Millisecond - 1) / time.Millisecond)
	if _, err := unix.Poll(w.fds, ms); err != nil {
		if err == unix.EINTR {
			return 0, nil
		}
		return 0, os.NewSyscallError("poll", err)
	}
	for i := range w.fds {
		if w.fds[i].Revents != 0 {
			w.ready = append(w.ready, i)
		}
	}
	return len(w.ready), nil
}

func (w *waiter) event(i int) (index int, readable, writable bool) {
	index = w.ready[i]
	revents := w.fds[index].Revents
	return index, revents&^unix.POLLOUT != 0, revents&unix.POLLOUT != 0
}

func sharpenSleep() {}
