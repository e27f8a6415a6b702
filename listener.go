package weir

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/weir-go/weir/internal/socket"
	"github.com/weir-go/weir/reactor"
)

const (
	// acceptBatch is the number of connections taken per event, so that a
	// storm of them leaves the loop's connections their share, and they leave
	// the storm its.
	acceptBatch = 128

	// When descriptors have run out the listener rests, and each time twice
	// as long.
	minBackoff = 10 * time.Millisecond
	maxBackoff = time.Second

	// logEvery bounds the log lines of a condition that may go on for long.
	logEvery = 10 * time.Second
)

// listener accepts connections on one loop and places them. It belongs to that
// loop's goroutine.
type listener struct {
	server *Server
	engine *engine
	loop   *loop
	pinned bool // connections stay on this loop: there is a listener on every one

	ln       net.Listener // closed with the listener
	fd       int          // a duplicate of its descriptor
	proto    *Protocol
	local    *socket.Addr                // of every connection, unless the listener is on a wildcard address
	locals   map[netip.Addr]*socket.Addr // then: one per address, shared by its connections
	token    reactor.Token
	interest reactor.Interest
	early    bool // those who are accepted may have come before the options were set, and so have not inherited them

	spare   int // a descriptor to close when there are none left; -1 if it is closed
	backoff time.Duration
	tokens  float64 // connections that AcceptRate allows at this moment
	filled  time.Duration
	logged  map[string]time.Duration // by message
	closed  bool
	gone    chan struct{} // closed when closed
}

// newListener takes over ln.
func newListener(s *Server, e *engine, l *loop, ln net.Listener) (*listener, error) {
	a := &listener{server: s, engine: e, loop: l, proto: s.proto, ln: ln, early: true, spare: -1, logged: map[string]time.Duration{}, gone: make(chan struct{})}
	var err error
	if a.fd, err = listenerFD(ln); err != nil {
		return nil, err
	}
	// Connections inherit the options of the listening socket, on TCP.
	_, tcp := ln.(*net.TCPListener)
	if err := socket.Set(a.fd, tcp, e.config.Socket.socket()); err != nil {
		socket.Close(a.fd)
		return nil, err
	}
	local, err := socket.LocalAddr(a.fd)
	if err != nil {
		socket.Close(a.fd)
		return nil, err
	}
	if tcp && local.AddrPort().Addr().IsUnspecified() {
		a.locals = map[netip.Addr]*socket.Addr{}
	} else {
		a.local = &local
	}
	a.spare, _ = socket.Spare() // without it the listener only rests
	a.tokens = a.burst()
	return a, nil
}

// listenerFD duplicates the descriptor of a listener. Only the two types whose
// Accept is the system's are taken: an Accept of somebody else's, as that of a
// TLS listener, would be passed over.
func listenerFD(ln net.Listener) (int, error) {
	switch ln := ln.(type) {
	case *net.TCPListener:
		return dupFD(ln)
	case *net.UnixListener:
		return dupFD(ln)
	}
	return -1, fmt.Errorf("weir: cannot serve on a %T: only *net.TCPListener and *net.UnixListener have a socket to poll: %w", ln, errors.ErrUnsupported)
}

// dupFD duplicates the descriptor of a socket of package net.
func dupFD(s syscall.Conn) (int, error) {
	raw, err := s.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var dupErr error
	err = raw.Control(func(s uintptr) { fd, dupErr = socket.Dup(s) })
	return fd, errors.Join(err, dupErr)
}

// open registers the listener. The loop's.
func (a *listener) open() error {
	t, err := a.loop.reactor.Register(a.fd, reactor.Readable, a)
	if err != nil {
		return err
	}
	a.token, a.interest = t, reactor.Readable
	a.filled = a.loop.reactor.Now()
	return nil
}

// close ends the listening. The loop's, or that of the caller of newListener if
// the listener was never opened.
func (a *listener) close() {
	if a.closed {
		return
	}
	a.closed = true
	if a.token != 0 {
		a.loop.reactor.Deregister(a.fd, a.token, a.interest)
	}
	socket.Close(a.fd)
	if a.spare >= 0 {
		socket.Close(a.spare)
	}
	a.ln.Close() // also removes the file of a unix socket
	close(a.gone)
}

// OnReady accepts.
func (a *listener) OnReady(reactor.Interest) {
	for range acceptBatch {
		if !a.admitRate() {
			return
		}
		fd, remote, err := socket.Accept(a.fd)
		switch {
		case err == nil:
			a.backoff = 0
			a.place(fd, remote)
		case errors.Is(err, socket.ErrAgain):
			a.tokens++ // nobody has come for it
			a.early = false
			return
		case socket.IsTemporary(err):
		case socket.IsExhausted(err):
			a.exhausted(err)
			return
		default:
			a.warn("weir: accept failed", slog.Any("err", err))
			a.rest(maxBackoff)
			return
		}
	}
}

// OnTimer ends a rest.
func (a *listener) OnTimer() { a.listen(reactor.Readable) }

// OnPanic goes on after a rest.
func (a *listener) OnPanic(p *PanicError) {
	a.loop.logPanic(nil, p)
	a.rest(maxBackoff)
}

// place gives a new connection to a loop.
func (a *listener) place(fd int, remote socket.Addr) {
	counted, ok := a.admit(remote)
	if !ok {
		socket.Close(fd)
		return
	}
	if tcp := remote.IsTCP(); !tcp || a.early {
		if err := socket.Set(fd, tcp, a.engine.config.Socket.socket()); err != nil {
			a.warn("weir: socket options", slog.Any("err", err))
		}
	}
	l := a.loop
	if !a.pinned {
		l = a.engine.leastLoaded()
	}
	c := newConn(l, a.proto, fd, a.localAddr(fd), remote)
	if counted {
		c.set(flagCounted)
	}
	l.conns.Add(1)
	l.stats.accepted.Add(1)
	if l == a.loop {
		a.adopt(c)
		return
	}
	if !l.reactor.Post(reactor.TaskFunc(func() { a.adopt(c) })) {
		l.refuse(c)
	}
}

// adopt runs on the loop of c, which need not be the listener's.
func (a *listener) adopt(c *Conn) {
	err := c.loop.adopt(c)
	if err == nil || errors.Is(err, ErrClosed) {
		return
	}
	a.loop.reactor.Post(reactor.TaskFunc(func() {
		a.warn("weir: connections refused: the poller does not take them", slog.Any("err", err))
	}))
}

// admit holds a new connection against the limits.
func (a *listener) admit(remote socket.Addr) (counted, ok bool) {
	if m := a.server.MaxConns; m > 0 && a.engine.conns() >= m {
		a.loop.stats.maxConns.Add(1)
		a.warn("weir: connections refused: MaxConns are open", slog.Int("MaxConns", m))
		return false, false
	}
	if a.engine.perIP.max > 0 && remote.IsTCP() {
		if !a.engine.perIP.enter(remote.AddrPort().Addr()) {
			a.loop.stats.perIP.Add(1)
			a.warn("weir: connections refused: MaxConnsPerIP are open", slog.Any("remote", remote.AddrPort().Addr()))
			return false, false
		}
		return true, true
	}
	return false, true
}

// localAddr returns the address on this side of a connection. Connections to the
// same address share one.
func (a *listener) localAddr(fd int) *socket.Addr {
	if a.local != nil {
		return a.local
	}
	addr, err := socket.LocalAddr(fd)
	if err != nil {
		return &socket.Addr{}
	}
	ip := addr.AddrPort().Addr()
	if a.locals[ip] == nil {
		a.locals[ip] = &addr
	}
	return a.locals[ip]
}

// exhausted: no descriptor is left. The peers in the queue would wait without
// knowing, so they are turned away with the help of the spare descriptor, and
// the listener rests, to let some connections end.
func (a *listener) exhausted(err error) {
	shed := 0
	for a.spare >= 0 && shed < acceptBatch {
		socket.Close(a.spare)
		fd, _, err := socket.Accept(a.fd)
		if err == nil {
			socket.Close(fd)
			a.loop.stats.noFD.Add(1)
			shed++
		}
		a.spare, _ = socket.Spare() // -1 if somebody was quicker
		if err != nil {
			break
		}
	}
	a.warn("weir: out of descriptors, turning connections away: raise RLIMIT_NOFILE or set MaxConns",
		slog.Any("err", err), slog.Int("conns", a.engine.conns()))
	a.backoff = min(max(2*a.backoff, minBackoff), maxBackoff)
	a.rest(a.backoff)
}

// rest stops the accepting for a while.
func (a *listener) rest(d time.Duration) {
	a.loop.stats.acceptPaused.Add(1)
	a.listen(0)
	a.loop.reactor.SetTimer(a.token, a.loop.reactor.Clock()+d)
}

func (a *listener) listen(i reactor.Interest) {
	if a.closed {
		return
	}
	if i != 0 && a.spare < 0 {
		a.spare, _ = socket.Spare() // -1 if there still is none
	}
	if err := a.loop.reactor.Modify(a.fd, a.token, a.interest, i); err != nil {
		a.warn("weir: the poller does not take the listener, trying again", slog.Any("err", err))
		a.loop.reactor.SetTimer(a.token, a.loop.reactor.Clock()+maxBackoff)
		return
	}
	a.interest = i
}

// burst is the number of connections that AcceptRate allows at once.
func (a *listener) burst() float64 { return max(1, float64(a.server.AcceptRate)/10) }

// admitRate takes a token of the bucket that AcceptRate fills. When there is
// none the listener rests until there is; the peers wait in the kernel's queue.
func (a *listener) admitRate() bool {
	rate := float64(a.server.AcceptRate)
	if rate == 0 {
		return true
	}
	now := a.loop.reactor.Clock()
	a.tokens = min(a.tokens+rate*(now-a.filled).Seconds(), a.burst())
	a.filled = now
	if a.tokens < 1 {
		a.rest(time.Duration((1 - a.tokens) / rate * float64(time.Second)))
		return false
	}
	a.tokens--
	return true
}

func (a *listener) warn(msg string, attrs ...any) {
	now := a.loop.reactor.Clock()
	if last, ok := a.logged[msg]; ok && now-last < logEvery {
		return
	}
	a.logged[msg] = now
	a.loop.config.Logger.Warn(msg, attrs...)
}
