package weir

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/weir-go/weir/reactor"
)

// epoll is the reactor.Poller over epoll(7), level-triggered.
//
// A token travels in the 64 bits of user data of an epoll_event, which
// unix.EpollEvent shows as Fd and Pad.
type epoll struct {
	fd     int
	wakeFD int // an eventfd
	events []unix.EpollEvent

	// How Wait sleeps when nothing is ready. Blocking in epoll_wait(2) is the
	// cheapest sleep for a loop that does everything itself. If other
	// goroutines are to run while the loop sleeps, as in Pool mode, it parks
	// instead: the epoll descriptor is itself pollable, so the Go runtime's
	// own poller can watch it, and a change of goroutines costs 0.3 us where
	// a change of threads costs 5.
	file *os.File        // owns fd when parking, else nil
	conn syscall.RawConn // of file
	park parking
}

// parking is the state of one park, kept here so that parking allocates nothing.
type parking struct {
	poll     func(fd uintptr) bool
	events   []reactor.Event
	timeout  time.Duration // of this sleep, until it is set as a deadline
	n        int
	err      error
	deadline time.Time // the deadline that stands on file
}

// wakeToken is the user data of the eventfd. Slots never have generation 0.
const wakeToken = reactor.Token(1)

func newPoller(kind PollerKind, park bool) (reactor.Poller, error) {
	switch kind {
	case PollerAuto, PollerEpoll:
		return newEpoll(park)
	case PollerSelect:
		return newSelectPoller()
	}
	return nil, &ConfigError{Field: "Poller", Problem: "unknown value " + kind.String()}
}

func newEpoll(park bool) (*epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	p := &epoll{fd: fd, wakeFD: -1}
	p.wakeFD, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		p.Close()
		return nil, os.NewSyscallError("eventfd", err)
	}
	// Edge-triggered, alone of all: each write to the eventfd is an edge, so
	// it need never be read.
	if err := p.ctl(unix.EPOLL_CTL_ADD, p.wakeFD, wakeToken, unix.EPOLLIN|unix.EPOLLET); err != nil {
		p.Close()
		return nil, err
	}
	if park {
		if err := p.makeParkable(); err != nil {
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

// makeParkable hands the epoll descriptor to the runtime's poller.
func (p *epoll) makeParkable() error {
	if err := unix.SetNonblock(p.fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	p.file = os.NewFile(uintptr(p.fd), "epoll")
	// Only a file that the runtime polls takes a deadline.
	if err := p.file.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	var err error
	p.conn, err = p.file.SyscallConn()
	p.park.poll = p.pollParked
	return err
}

func (p *epoll) Add(fd int, t reactor.Token, i reactor.Interest) error {
	return p.ctl(unix.EPOLL_CTL_ADD, fd, t, epollBits(i))
}

func (p *epoll) Modify(fd int, t reactor.Token, i reactor.Interest) error {
	return p.ctl(unix.EPOLL_CTL_MOD, fd, t, epollBits(i))
}

func (p *epoll) Remove(fd int) error {
	return p.ctl(unix.EPOLL_CTL_DEL, fd, 0, 0)
}

func (p *epoll) ctl(op, fd int, t reactor.Token, bits uint32) error {
	ev := unix.EpollEvent{Events: bits, Fd: int32(t.Index()), Pad: int32(t.Generation())}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, op, fd, &ev))
}

func epollBits(i reactor.Interest) (bits uint32) {
	if i&reactor.Readable != 0 {
		bits |= unix.EPOLLIN
	}
	if i&reactor.Writable != 0 {
		bits |= unix.EPOLLOUT
	}
	return bits
}

func (p *epoll) Wait(events []reactor.Event, timeout time.Duration) (int, error) {
	switch {
	case timeout == 0:
		n, _, err := p.poll(events)
		return n, err
	case p.file != nil:
		return p.sleepParked(events, timeout)
	}
	return p.sleepBlocked(events, timeout)
}

// maxEpollWait keeps the timeout in the range of the system call, and its
// rounding in that of a Duration; a longer wait ends early.
const maxEpollWait = 24 * time.Hour

// sleepBlocked sleeps in epoll_wait(2).
func (p *epoll) sleepBlocked(events []reactor.Event, timeout time.Duration) (int, error) {
	ms := -1
	if timeout > 0 {
		ms = int((min(timeout, maxEpollWait) + time.Millisecond - 1) / time.Millisecond)
	}
	n, err := unix.EpollWait(p.fd, p.room(len(events)), ms)
	switch {
	case err == nil:
		return p.translate(events, n), nil
	case errors.Is(err, unix.EINTR):
		return 0, nil
	}
	return 0, os.NewSyscallError("epoll_wait", err)
}

// poll asks without sleeping, and without telling the scheduler, which has no
// need to hear of a call that does not block. woken tells that the kernel had
// something to report, be it only the eventfd.
func (p *epoll) poll(events []reactor.Event) (n int, woken bool, err error) {
	room := p.room(len(events))
	got, _, e := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(p.fd),
		uintptr(unsafe.Pointer(&room[0])), uintptr(len(room)), 0, 0, 0)
	switch e {
	case 0:
		return p.translate(events, int(got)), got > 0, nil
	case syscall.EINTR:
		return 0, true, nil
	}
	return 0, false, os.NewSyscallError("epoll_wait", e)
}

// sleepParked asks and, if nothing is ready, sleeps in the runtime's poller.
func (p *epoll) sleepParked(events []reactor.Event, timeout time.Duration) (int, error) {
	p.park.events, p.park.timeout = events, timeout
	err := p.conn.Read(p.park.poll)
	p.park.events = nil
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.park.deadline = time.Time{}
		return 0, p.file.SetReadDeadline(time.Time{})
	}
	if err == nil {
		err = p.park.err
	}
	return p.park.n, err
}

// pollParked is called by the runtime's poller: at once, and again each time
// that the epoll descriptor may have become readable. It answers true to end
// the sleep.
func (p *epoll) pollParked(uintptr) bool {
	var woken bool
	p.park.n, woken, p.park.err = p.poll(p.park.events)
	if woken || p.park.err != nil {
		return true
	}
	if p.park.timeout > 0 {
		p.park.err = p.setDeadline(p.park.timeout)
		p.park.timeout = -1
	}
	return p.park.err != nil
}

// setDeadline bounds the sleep. Deadlines are the costly part of one, so a
// deadline that stands and comes first is left: it ends a later sleep early,
// once, which is harmless.
func (p *epoll) setDeadline(timeout time.Duration) error {
	at := time.Now().Add(timeout)
	if !p.park.deadline.IsZero() && !p.park.deadline.After(at) {
		return nil
	}
	p.park.deadline = at
	return p.file.SetReadDeadline(at)
}

// room returns the place for n events, as many as the caller can take.
func (p *epoll) room(n int) []unix.EpollEvent {
	if len(p.events) < n {
		p.events = make([]unix.EpollEvent, n)
	}
	return p.events[:n]
}

func (p *epoll) translate(events []reactor.Event, n int) int {
	out := 0
	for i := range p.events[:n] {
		ev := &p.events[i]
		t := reactor.NewToken(uint32(ev.Fd), uint32(ev.Pad))
		if t == wakeToken {
			continue
		}
		var ready reactor.Interest
		if ev.Events&unix.EPOLLIN != 0 {
			ready |= reactor.Readable
		}
		if ev.Events&unix.EPOLLOUT != 0 {
			ready |= reactor.Writable
		}
		if ev.Events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
			ready |= reactor.Readable | reactor.Writable
		}
		events[out] = reactor.Event{Token: t, Ready: ready}
		out++
	}
	return out
}

// Wake writes to the eventfd. Its counter would have to reach 2^64-1 to block.
func (p *epoll) Wake() error {
	one := [8]byte{1}
	_, err := unix.Write(p.wakeFD, one[:])
	return os.NewSyscallError("write", err)
}

func (p *epoll) Close() error {
	var err error
	if p.wakeFD >= 0 {
		err = os.NewSyscallError("close", unix.Close(p.wakeFD))
	}
	if p.file != nil {
		return errors.Join(err, p.file.Close())
	}
	return errors.Join(err, os.NewSyscallError("close", unix.Close(p.fd)))
}
