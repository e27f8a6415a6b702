package main

import (
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A waiter tells which of many sockets are ready, level-triggered, by the index
// under which they were added.
type waiter struct {
	ep      int
	coarse  bool // the kernel, or a sandbox, has no epoll_pwait2
	timeout kernelTime
	events  [1024]unix.EpollEvent
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

// remove ends it, before the socket is closed.
func (w *waiter) remove(int) {} // the kernel does it when the socket is closed

func (w *waiter) control(op, fd, index int, out bool) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(index)}
	if out {
		ev.Events |= unix.EPOLLOUT
	}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(w.ep, op, fd, &ev))
}

// longSleep is when it pays to tell the Go scheduler of a sleep. Not knowing of it,
// the scheduler wakes every 10 ms and interrupts the sleep; but if it knows, the
// end of the sleep costs it some us. Fifty processes with a thousand messages per
// second together took 7 to 8 % of a core like this, 7 to 12 % with 1 ms, and 11
// to 14 % not telling it at all.
const longSleep = 10 * time.Millisecond

// wait sleeps until something is ready, but not for longer than timeout, and
// returns how many events there are to be read with event. In a process that is
// to be modest a long sleep costs nothing.
func (w *waiter) wait(timeout time.Duration, modest bool) (int, error) {
	// The kernel ends a sleep up to a thousandth late if that saves it a
	// wake-up. So ask for less: it is then in time, or a little early.
	timeout -= timeout >> 10
	if !w.coarse {
		w.timeout = kernelTime{int64(timeout / time.Second), int64(timeout % time.Second)}
		n, interrupted, err := epollWait2(w.ep, w.events[:], &w.timeout, modest && timeout > longSleep)
		if err != unix.ENOSYS && err != unix.EPERM { // as some sandboxes put it
			return waited(n, interrupted, err)
		}
		w.coarse = true
	}
	ms := int((timeout + time.Millisecond - 1) / time.Millisecond)
	if modest && ms > 1 {
		n, err := unix.EpollWait(w.ep, w.events[:], ms)
		if err == unix.EINTR {
			return 0, nil
		}
		return waited(n, false, err)
	}
	return waited(epollWait(w.ep, w.events[:], ms))
}

func waited(n int, interrupted bool, err error) (int, error) {
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

// sharpenSleep has the sleeps of the calling thread end when they should. The
// kernel gives itself 50 us by default.
func sharpenSleep() {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // without, they are late
}
