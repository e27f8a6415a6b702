//go:build unix

package weir

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-go/weir/reactor"
)

// selectPoller is the reactor.Poller over select(2), for unix systems without
// epoll. It watches descriptors below FD_SETSIZE, 1,024, only, and looks at all
// of them each time.
type selectPoller struct {
	wakeR, wakeW int // the self-pipe
	watched      [unix.FD_SETSIZE]watch
	max          int // no descriptor above it is watched
	first        int // where the next Wait begins to collect
}

type watch struct {
	token    reactor.Token
	interest reactor.Interest // 0: not watched
}

func newSelectPoller() (*selectPoller, error) {
	pipe, err := selfPipe()
	if err != nil {
		return nil, err
	}
	p := &selectPoller{wakeR: pipe[0], wakeW: pipe[1]}
	if err := p.check(p.wakeR); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func selfPipe() (fds [2]int, err error) {
	if err := unix.Pipe(fds[:]); err != nil {
		return fds, os.NewSyscallError("pipe", err)
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			unix.Close(fds[0])
			unix.Close(fds[1])
			return fds, os.NewSyscallError("fcntl", err)
		}
	}
	return fds, nil
}

func (p *selectPoller) check(fd int) error {
	if fd < 0 || fd >= unix.FD_SETSIZE {
		return &FDTooLargeError{FD: fd, Limit: unix.FD_SETSIZE}
	}
	return nil
}

func (p *selectPoller) Add(fd int, t reactor.Token, i reactor.Interest) error {
	if err := p.check(fd); err != nil {
		return err
	}
	p.watched[fd] = watch{t, i}
	p.max = max(p.max, fd)
	return nil
}

func (p *selectPoller) Modify(fd int, t reactor.Token, i reactor.Interest) error {
	return p.Add(fd, t, i)
}

func (p *selectPoller) Remove(fd int) error {
	if err := p.check(fd); err != nil {
		return err
	}
	p.watched[fd] = watch{}
	for p.max > 0 && p.watched[p.max].interest == 0 {
		p.max--
	}
	return nil
}

func (p *selectPoller) Wait(events []reactor.Event, timeout time.Duration) (int, error) {
	var r, w unix.FdSet
	r.Set(p.wakeR)
	for fd := range p.watched[:p.max+1] {
		if i := p.watched[fd].interest; i != 0 {
			if i&reactor.Readable != 0 {
				r.Set(fd)
			}
			if i&reactor.Writable != 0 {
				w.Set(fd)
			}
		}
	}
	var tv *unix.Timeval
	if timeout >= 0 {
		t := unix.NsecToTimeval(int64(min(timeout, maxSelectWait))) // rounds up
		tv = &t
	}
	n, err := unix.Select(max(p.max, p.wakeR)+1, &r, &w, nil, tv)
	switch {
	case errors.Is(err, unix.EINTR):
		return 0, nil
	case err != nil:
		return 0, os.NewSyscallError("select", err)
	case n == 0:
		return 0, nil
	}
	if r.IsSet(p.wakeR) {
		p.drain()
	}
	return p.collect(events, &r, &w), nil
}

// maxSelectWait keeps the timeout in the range that every system accepts; a
// longer wait ends early, which a loop does not mind.
const maxSelectWait = 24 * time.Hour

// collect turns the sets into events. select reports errors and hang-ups as
// readable and writable itself. What does not fit is reported by the next Wait,
// which begins where this one ended, so that nobody is left out for ever.
func (p *selectPoller) collect(events []reactor.Event, r, w *unix.FdSet) int {
	n, span := 0, p.max+1
	for k := range span {
		fd := (p.first + k) % span
		var ready reactor.Interest
		if p.watched[fd].interest == 0 {
			continue
		}
		if r.IsSet(fd) {
			ready |= reactor.Readable
		}
		if w.IsSet(fd) {
			ready |= reactor.Writable
		}
		if ready == 0 {
			continue
		}
		if n == len(events) {
			p.first = fd
			break
		}
		events[n] = reactor.Event{Token: p.watched[fd].token, Ready: ready}
		n++
	}
	return n
}

// drain empties the self-pipe.
func (p *selectPoller) drain() {
	var b [64]byte
	for {
		n, err := unix.Read(p.wakeR, b[:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n < len(b) {
			return
		}
	}
}

// Wake writes to the self-pipe. A full pipe wakes as well.
func (p *selectPoller) Wake() error {
	_, err := unix.Write(p.wakeW, []byte{1})
	if errors.Is(err, unix.EAGAIN) {
		return nil
	}
	return os.NewSyscallError("write", err)
}

func (p *selectPoller) Close() error {
	return errors.Join(
		os.NewSyscallError("close", unix.Close(p.wakeR)),
		os.NewSyscallError("close", unix.Close(p.wakeW)))
}
