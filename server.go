package weir

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/internal/socket"
	"github.com/weir-go/weir/reactor"
)

// Server accepts connections and serves them. Handler is required; the zero
// value of every other field is a default. The fields must not be changed after
// the first call of a Serve method.
type Server struct {
	// Handler is told of what happens on the connections.
	Handler Handler

	// Codec cuts the streams into frames. nil: codec.Raw, whatever a read
	// brings.
	Codec codec.Codec

	// Config holds the settings that a Client has, too.
	Config

	// MaxConns is the largest number of connections open at a time; more are
	// accepted and closed at once. 0: as many as there are descriptors.
	MaxConns int

	// MaxConnsPerIP is the same for each peer address. 0: no limit. It does
	// not apply to unix sockets.
	MaxConnsPerIP int

	// AcceptRate is the largest number of connections accepted per second, on
	// each listening socket, with bursts of a tenth of it; more wait in the
	// kernel's queue. 0: no limit.
	AcceptRate int

	// ReusePort gives each loop a listening socket of its own (SO_REUSEPORT),
	// among which the kernel spreads the connections, instead of one that
	// places them on the loop with the fewest. For ListenAndServe on TCP.
	ReusePort bool

	mu        sync.Mutex
	engine    *engine
	serving   int // Serve methods that use engine
	proto     *Protocol
	listeners []*listener
	closed    atomic.Bool
	done      chan struct{} // closed by Shutdown and Close
}

// ListenAndServe listens on an address and serves until Shutdown, Close or a
// failure. network is tcp, tcp4, tcp6 or unix. It always returns an error, which
// is ErrServerClosed after Shutdown or Close. SO_REUSEADDR is on; the file of a
// unix socket is removed in the end.
func (s *Server) ListenAndServe(network, address string) error {
	switch network {
	case "tcp", "tcp4", "tcp6", "unix":
	default:
		return &ConfigError{Field: "network", Problem: "unknown network " + network + ", known are tcp, tcp4, tcp6 and unix", Err: net.UnknownNetworkError(network)}
	}
	e, err := s.start()
	if err != nil {
		return err
	}
	defer s.leave()
	if s.ReusePort && network != "unix" {
		return s.serveReusePort(e, network, address)
	}
	ln, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	return s.serve(e, []net.Listener{ln}, false)
}

// serveReusePort listens once per loop.
func (s *Server) serveReusePort(e *engine, network, address string) error {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		return errors.Join(c.Control(func(fd uintptr) { err = socket.SetReusePort(fd) }), err)
	}}
	var lns []net.Listener
	for range e.loops {
		ln, err := config.Listen(context.Background(), network, address)
		if err != nil {
			for _, ln := range lns {
				ln.Close()
			}
			return err
		}
		lns = append(lns, ln)
		address = ln.Addr().String() // port 0 is one port for all
	}
	return s.serve(e, lns, true)
}

// Serve serves connections of ln, a *net.TCPListener or *net.UnixListener, made
// by net.Listen or inherited from systemd or from a process before this one, and
// closes it in the end. It returns as ListenAndServe does, and may be called for
// several listeners.
func (s *Server) Serve(ln net.Listener) error {
	e, err := s.start()
	if err != nil {
		ln.Close()
		return err
	}
	defer s.leave()
	return s.serve(e, []net.Listener{ln}, false)
}

// ServeFile is Serve for the descriptor of a listening socket. f is closed.
func (s *Server) ServeFile(f *os.File) error {
	ln, err := net.FileListener(f)
	f.Close()
	if err != nil {
		return err
	}
	return s.Serve(ln)
}

// start makes the engine, unless another Serve method has. leave follows it.
func (s *Server) start() (*engine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return nil, ErrServerClosed
	}
	if s.engine != nil {
		s.serving++
		return s.engine, nil
	}
	for _, f := range []struct {
		name string
		n    int
	}{{"MaxConns", s.MaxConns}, {"MaxConnsPerIP", s.MaxConnsPerIP}, {"AcceptRate", s.AcceptRate}} {
		if f.n < 0 {
			return nil, &ConfigError{Field: f.name, Problem: "is negative"}
		}
	}
	proto, err := NewProtocol(s.Codec, s.Handler)
	if err != nil {
		return nil, err
	}
	config, err := s.Config.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := proto.fits(&config); err != nil {
		return nil, err
	}
	e, err := newEngine(config, s.MaxConnsPerIP)
	if err != nil {
		return nil, err
	}
	s.engine, s.proto, s.done, s.serving = e, proto, make(chan struct{}), 1
	return e, nil
}

// leave ends an engine that was started for listeners which then could not be
// had. One that has served is Shutdown's or Close's to end.
func (s *Server) leave() {
	s.mu.Lock()
	s.serving--
	var unused *engine
	if s.serving == 0 && !s.closed.Load() {
		unused, s.engine = s.engine, nil
	}
	s.mu.Unlock()
	if unused != nil {
		unused.stop()
		<-unused.ended
	}
}

// serve opens listeners, one on the least loaded loop or one on each, and waits.
func (s *Server) serve(e *engine, lns []net.Listener, pinned bool) error {
	var opened []*listener
	for i, ln := range lns {
		l := e.leastLoaded()
		if pinned {
			l = e.loops[i]
		}
		a, err := s.open(l, ln, pinned)
		if err != nil {
			for _, ln := range lns[i:] {
				ln.Close()
			}
			s.closeListeners(opened)
			return err
		}
		opened = append(opened, a)
	}
	select {
	case <-s.done:
		for _, a := range opened {
			<-a.gone // the address is free again
		}
		return ErrServerClosed
	case err := <-e.failed:
		s.Close()
		return err
	}
}

// open has a loop accept from ln. If it fails, ln is left to the caller.
func (s *Server) open(l *loop, ln net.Listener, pinned bool) (*listener, error) {
	a, err := newListener(s, l.engine, l, ln)
	if err != nil {
		return nil, err
	}
	a.pinned = pinned
	opened := make(chan error, 1)
	if !l.reactor.Post(reactor.TaskFunc(func() { opened <- a.open() })) {
		a.close()
		return nil, ErrServerClosed
	}
	if err := <-opened; err != nil {
		a.close()
		return nil, err
	}
	s.mu.Lock()
	s.listeners = append(s.listeners, a)
	closed := s.closed.Load() // meanwhile
	s.mu.Unlock()
	if closed {
		s.closeListeners([]*listener{a})
		return nil, ErrServerClosed
	}
	return a, nil
}

// closeListeners ends the listening, soon, but does not wait for that.
func (s *Server) closeListeners(listeners []*listener) {
	s.mu.Lock()
	s.listeners = slices.DeleteFunc(s.listeners, func(a *listener) bool { return slices.Contains(listeners, a) })
	s.mu.Unlock()
	for _, a := range listeners {
		a.ln.Close() // at once, also if the loop is busy
		if !a.loop.reactor.Post(reactor.TaskFunc(a.close)) {
			a.token = 0 // the poller is gone
			a.close()
		}
	}
}

// Addrs returns the addresses that are listened on.
func (s *Server) Addrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	var addrs []net.Addr
	for _, a := range s.listeners {
		addrs = append(addrs, a.ln.Addr())
	}
	return addrs
}

// Shutdown ends the server gracefully: it stops listening, lets the frames that
// have been received be handled, sends what has been written, closes the
// connections, and waits for all of that. When ctx ends first, the connections
// that are left are aborted, and the context's error is returned; handlers that
// still run are not waited for. A second call waits as the first does, and Close
// cuts both short.
//
// Handlers may implement ShutdownHandler to take leave. Shutdown must not be
// called on a worker or a loop, for which it would wait: use a goroutine.
func (s *Server) Shutdown(ctx context.Context) error {
	e, listeners := s.end()
	if e == nil {
		return nil
	}
	s.closeListeners(listeners)
	return e.shutdown(ctx)
}

// Close ends the server at once, also one that is shutting down: connections are
// aborted, what is not sent is discarded. It does not wait for handlers that run.
// It may be called anywhere.
func (s *Server) Close() error {
	e, listeners := s.end()
	if e == nil {
		return nil
	}
	s.closeListeners(listeners)
	e.stop()
	return nil
}

// end marks the server as closed and returns its engine, or nil if it has none,
// and its listeners.
func (s *Server) end() (*engine, []*listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed.Swap(true) && s.done != nil {
		close(s.done)
	}
	return s.engine, slices.Clone(s.listeners)
}

// running returns the engine, or nil if the server has not been started.
func (s *Server) running() *engine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.engine
}

// Stats returns a snapshot of the counters. It is cheap.
func (s *Server) Stats() Stats {
	if e := s.running(); e != nil {
		return e.stats()
	}
	return Stats{}
}

// Go runs f on a worker, when one is free; it never blocks. Many functions may
// run at a time. They share the workers with the handlers, so what may take long
// is better off on a goroutine of its own. It returns ErrPoolFull if MaxTasks of them wait, and
// ErrServerClosed if the server does not run.
func (s *Server) Go(f func()) error {
	e := s.running()
	if e == nil || s.closed.Load() {
		return ErrServerClosed
	}
	return e.dispatcher.run(f)
}

// Each has f called for every open connection, soon, on the event loops, so f
// must not block. It does not wait. Connections that open or end meanwhile may
// be left out.
func (s *Server) Each(f func(c *Conn)) {
	if e := s.running(); e != nil {
		e.each(f, func() {})
	}
}

// Broadcast sends m on every open connection, soon, without copying it. It
// neither blocks nor waits. m may be released when Broadcast has returned.
func (s *Server) Broadcast(m *Message) {
	e := s.running()
	if e == nil {
		return
	}
	for range e.loops {
		m.retain()
	}
	e.each(func(c *Conn) { c.WriteMessage(m) }, m.Release)
}
