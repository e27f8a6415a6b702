package main

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A waiter tells which of many sockets are ready, level-triggered, by the index
// under which they were added.
type waiter struct {
	ep     int
	events [1024]unix.EpollEvent
}

func newWaiter() (*waiter, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &waiter{ep: ep}, nil
}

func (w *waiter) close() { unix.Close(w.ep) }

// add begins to watch fd for reading and, if out is set, for writing.
func (w *waiter) add(fd, index int, out bool) error {
	return w.control(unix.EPOLL_CTL_ADD, fd, index, out)
}

// modify changes whether fd is watched for writing.
func (w *waiter) modify(fd, index int, out bool) error {
	return w.control(unix.EPOLL_CTL_MOD, fd, index, out)
}

func (w *waiter) control(op, fd, index int, out bool) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(index)}
	if out {
		ev.Events |= unix.EPOLLOUT
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(w.ep, op, fd, &ev))
}

// wait sleeps until something is ready, at most timeout milliseconds, and
// returns how many events there are to be read with event.
func (w *waiter) wait(timeout int) (int, error) {
	n, interrupted, err := epollWait(w.ep, w.events[:], timeout)
	if err != nil {
		return 0, os.NewSyscallError("epoll_wait", err)
	}
	if interrupted {
		runtime.Gosched()
	}
	return n, nil
}

// event returns the i-th event of the last wait. Errors and hang-ups count as
// readable, so that they are met by reading.
func (w *waiter) event(i int) (index int, readable, writable bool) {
	ev := &w.events[i]
	return int(ev.Fd), ev.Events&^unix.EPOLLOUT != 0, ev.Events&unix.EPOLLOUT != 0
}
