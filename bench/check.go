//go:build unix

package main

import "golang.org/x/sys/unix"

// losses is what has gone wrong since it was told last.
type losses struct {
	lost    int64  // connections that ended though nobody wanted it
	problem string // the first of all problems
}

func (s *losses) note(err error) {
	if s.problem == "" {
		s.problem = err.Error()
	}
}

// tally tells what has become of the connections, and forgets what is told once.
func (l *load) tally() count {
	c := count{Open: l.opened, Lost: l.losses.lost, Problem: l.losses.problem}
	l.losses = losses{}
	return c
}

// check looks for connections that have ended. What has ended is readable.
func (l *load) check() (count, error) {
	for {
		n, err := l.waiter.wait(0, false)
		if n == 0 || err != nil {
			return l.tally(), err
		}
		for e := range n {
			if err := l.event(l.waiter.event(e)); err != nil {
				return l.tally(), err
			}
		}
	}
}

// broken takes note that connection i is of no use any more.
func (l *load) broken(i int, err error) error {
	c := &l.conns[i]
	switch {
	case c.done == 0:
		return l.failed(i, err)
	case c.silent:
		l.found(i)
	case !l.lenient:
		return err
	default:
		l.losses.lost++
		l.losses.note(err)
	}
	l.shut(i)
	l.door.vacant = append(l.door.vacant, int32(i))
	return nil
}

// shut closes connection i, and leaves it to the caller what becomes of its slot.
func (l *load) shut(i int) {
	c := &l.conns[i]
	if c.fd != 0 {
		l.waiter.remove(i)
		unix.Close(int(c.fd))
	}
	l.underway -= int(c.released - c.done)
	if c.done > 0 {
		l.opened--
	} else {
		l.door.pending--
	}
	if l.schedule != nil {
		delete(l.schedule.late, i)
	}
	if l.inbox != nil && c.done > 0 {
		l.inbox.dismiss(i)
	}
	*c = loadConn{}
}

// close closes all connections at once, with a reset.
func (l *load) close() (count, error) {
	var closed int64
	for i := range l.conns {
		if c := &l.conns[i]; c.fd != 0 {
			if c.done > 0 {
				closed++
			}
			l.shut(i)
		}
	}
	l.door.fresh, l.door.vacant, l.door.begun, l.door.again = 0, nil, nil, nil
	c := l.tally()
	c.Done = closed
	return c, nil
}
