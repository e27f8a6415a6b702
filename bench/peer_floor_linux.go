package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// floorPeers is a slice because there are none outside Linux.
func floorPeers() []peer {
	return []peer{{
		name:  "floor",
		about: "a bare epoll loop over raw system calls, one thread: what the kernel costs",
		start: startFloor,
	}}
}

// A floor is the cheapest echo server that can be written in Go for Linux: no
// framing, no timers, no limits, no state but what a socket refused to take.
// Nothing a framework does can be cheaper; the distance to it is what a
// framework costs.
//
// How to sleep was chosen in pairs of short rounds on two cores, 64 B messages.
// Sleeping inside RawSyscall6, on an ordinary goroutine, was the cheapest:
//
//	                                           1 conn   100     1,000
//	RawSyscall6(-1)                            1.00     1.00    1.00
//	  the same with LockOSThread               1.01     1.00    1.00
//	Syscall6(-1)                               1.14     1.05    0.98
//	  the same with LockOSThread               1.19     1.04    0.94
//	RawSyscall6(0), when empty Syscall6(-1)    1.18     1.07    0.97
//	  the same with LockOSThread               1.15     1.07    0.98
//
// The same loop compared with itself gave 0.97 to 1.03, at 1,000 connections
// with a few per cent more of noise: a sleep is then shared by hundreds of
// messages and its price no longer shows.
type floor struct {
	ep      int
	ln      int
	work    func()
	buf     []byte
	pending [][]byte // by fd: bytes read and not yet written; nil almost always

	// For broadcasts only.
	open  []bool // by fd
	wake  int    // eventfd: there is something in casts
	casts chan []byte
	sent  chan int // on how many connections
}

func startFloor(s *stage) (string, error) {
	if s.idle > 0 {
		return "", errors.New("the floor has no timers, so no -idle")
	}
	ln, addr, err := floorListen(s)
	if err != nil {
		return "", err
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return "", os.NewSyscallError("epoll_create1", err)
	}
	limit, err := raiseFileLimit()
	if err != nil {
		return "", err
	}
	wake, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return "", os.NewSyscallError("eventfd", err)
	}
	f := &floor{
		ep: ep, ln: ln, work: s.work, buf: make([]byte, 64<<10), pending: make([][]byte, limit),
		open: make([]bool, limit), wake: wake, casts: make(chan []byte, 1), sent: make(chan int, 1),
	}
	if err := errors.Join(f.control(unix.EPOLL_CTL_ADD, ln, unix.EPOLLIN), f.control(unix.EPOLL_CTL_ADD, wake, unix.EPOLLIN)); err != nil {
		return "", err
	}
	s.broadcast = f.broadcast
	go f.loop()
	return addr, nil
}

func floorListen(s *stage) (fd int, addr string, err error) {
	at, err := netip.ParseAddrPort(s.addr)
	if err != nil {
		return -1, "", err
	}
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, "", os.NewSyscallError("socket", err)
	}
	// Package net sets it too: connections that linger must not block the port.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return -1, "", os.NewSyscallError("setsockopt", err)
	}
	if s.reusePort {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return -1, "", os.NewSyscallError("setsockopt", err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}); err != nil {
		return -1, "", os.NewSyscallError("bind", err)
	}
	if err := unix.Listen(fd, 4096); err != nil {
		return -1, "", os.NewSyscallError("listen", err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return -1, "", os.NewSyscallError("getsockname", err)
	}
	return fd, fmt.Sprintf("%v:%d", at.Addr(), sa.(*unix.SockaddrInet4).Port), nil
}

func (f *floor) loop() {
	var events [1024]unix.EpollEvent
	for {
		n, interrupted, err := epollWait(f.ep, events[:], -1)
		if err != nil {
			panic(os.NewSyscallError("epoll_wait", err))
		}
		if interrupted {
			runtime.Gosched()
		}
		for i := range events[:n] {
			fd := int(events[i].Fd)
			switch {
			case fd == f.ln:
				f.accept()
			case fd == f.wake:
				f.cast()
			case events[i].Events&unix.EPOLLOUT != 0:
				f.flush(fd)
			default:
				f.echo(fd)
			}
		}
	}
}

// echo is the whole of the hot path: one read, one write. Level-triggered
// polling tells again if there is more to read, so nothing is read twice to
// learn that there is not.
func (f *floor) echo(fd int) {
	n, errno := sysRead(fd, f.buf)
	if errno != 0 || n == 0 {
		if !transient(errno) {
			f.close(fd)
		}
		return
	}
	f.work()
	f.write(fd, f.buf[:n])
}

// write reports whether the socket, or what is kept for it, has taken p.
func (f *floor) write(fd int, p []byte) bool {
	w, errno := sysWrite(fd, p)
	if w == len(p) && errno == 0 {
		return true
	}
	if errno != 0 {
		if !transient(errno) {
			f.close(fd)
			return false
		}
		w = 0
	}
	// The socket is full. Keep the rest and stop reading until it is gone:
	// the peer's own window then bounds what is kept to one buffer.
	f.pending[fd] = append(f.pending[fd], p[w:]...)
	f.must(unix.EPOLL_CTL_MOD, fd, unix.EPOLLOUT)
	return true
}

// broadcast has the loop send payload. While that sleeps it keeps the processor,
// and with one of them it takes the runtime some milliseconds to get here.
func (f *floor) broadcast(payload []byte) (int, error) {
	f.casts <- payload
	if _, err := unix.Write(f.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		return 0, os.NewSyscallError("write", err)
	}
	return <-f.sent, nil
}

// cast is the cheapest broadcast: a bare loop of write calls.
func (f *floor) cast() {
	var count [8]byte
	_, _ = unix.Read(f.wake, count[:]) // nobody else reads it
	payload, accepted := <-f.casts, 0
	for fd, open := range f.open {
		switch {
		case !open:
			continue
		case f.pending[fd] != nil: // what waits comes first
			f.pending[fd] = append(f.pending[fd], payload...)
		case !f.write(fd, payload):
			continue
		}
		accepted++
	}
	f.sent <- accepted
}

func (f *floor) flush(fd int) {
	w, errno := sysWrite(fd, f.pending[fd])
	if errno != 0 {
		if !transient(errno) {
			f.close(fd)
		}
		return
	}
	if f.pending[fd] = f.pending[fd][w:]; len(f.pending[fd]) == 0 {
		f.pending[fd] = nil
		f.must(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN)
	}
}

func (f *floor) accept() {
	for {
		// Without the address of the peer, which the wrapper in x/sys would
		// allocate.
		r, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(f.ln), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if errno != 0 {
			return // nothing to accept, or a connection that is gone already
		}
		fd := int(r)
		if fd >= len(f.pending) {
			unix.Close(fd)
			continue
		}
		// Package net and weir set it too.
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		f.must(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN)
		f.open[fd] = true
	}
}

func (f *floor) close(fd int) {
	f.pending[fd], f.open[fd] = nil, false
	unix.Close(fd)
}

func (f *floor) control(op, fd int, events uint32) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(f.ep, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}))
}

// must is control where a failure means a mistake in this file.
func (f *floor) must(op, fd int, events uint32) {
	if err := f.control(op, fd, events); err != nil {
		panic(err)
	}
}

// transient tells the errors after which the connection lives on.
func transient(errno syscall.Errno) bool {
	return errno == unix.EAGAIN || errno == unix.EINTR
}
