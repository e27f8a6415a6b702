package weir

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/weir-go/weir/reactor"
)

// engine is what a Server and a Client have in common: the loops, the workers,
// and the limits that are not a single connection's.
type engine struct {
	config     Config
	loops      []*loop
	dispatcher *dispatcher
	perIP      ipCounter

	draining atomic.Bool   // Shutdown has begun
	gone     chan struct{} // has an element after a connection has ended, while draining
	failed   chan error    // has the error of a loop that has failed
	running  sync.WaitGroup
	stopping sync.Once
	ended    chan struct{} // closed when no loop and no worker is left
}

// newEngine starts loops and workers.
func newEngine(config Config, maxPerIP int) (*engine, error) {
	e := &engine{
		config: config,
		gone:   make(chan struct{}, 1),
		failed: make(chan error, 1),
		ended:  make(chan struct{}),
	}
	e.perIP.max = maxPerIP
	var err error
	if e.dispatcher, err = newDispatcher(&e.config); err != nil {
		return nil, err
	}
	for i := range config.Loops {
		l, err := newLoop(e, i)
		if err != nil {
			for _, l := range e.loops {
				l.reactor.Close()
			}
			e.dispatcher.close()
			return nil, err
		}
		e.loops = append(e.loops, l)
	}
	for _, l := range e.loops {
		e.running.Go(l.run)
	}
	return e, nil
}

// run is the goroutine of a loop.
func (l *loop) run() {
	returned := false
	defer func() {
		if !returned {
			l.engine.running.Go(l.run) // a callback has ended the goroutine, by runtime.Goexit
		}
	}()
	err := l.reactor.Run()
	returned = true
	if err != nil {
		l.config.Logger.Error("weir: an event loop has failed; its connections are closed", "err", err)
		select {
		case l.engine.failed <- err:
		default:
		}
		l.abortAll(err)
	}
	if err := l.reactor.Close(); err != nil {
		l.config.Logger.Warn("weir: closing a poller", "err", err)
	}
}

// leastLoaded returns the loop with the fewest connections.
func (e *engine) leastLoaded() *loop {
	best := e.loops[0]
	for _, l := range e.loops[1:] {
		if l.conns.Load() < best.conns.Load() {
			best = l
		}
	}
	return best
}

func (e *engine) conns() (n int) {
	for _, l := range e.loops {
		n += int(l.conns.Load())
	}
	return n
}

func (e *engine) buffered() (n int64) {
	for _, l := range e.loops {
		n += l.buffered.Load()
	}
	return n
}

// forget is told of the end of a connection.
func (e *engine) forget(c *Conn) {
	if c.has(flagCounted) {
		e.perIP.leave(c.RemoteAddrPort().Addr())
	}
	if e.draining.Load() {
		e.wake()
	}
}

// drain has every connection closed gracefully and waits for that. Connections
// that are on their way to a loop are met by loop.adopt.
func (e *engine) drain(ctx context.Context) error {
	if !e.draining.Swap(true) {
		for _, l := range e.loops {
			l.reactor.Post(reactor.TaskFunc(func() {
				l.draining = true
				l.each((*Conn).shutdown)
			}))
		}
	}
	for e.conns() > 0 {
		select {
		case <-e.gone:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	e.wake() // whoever else waits here
	return nil
}

// wake has drain look at the number of connections.
func (e *engine) wake() {
	select {
	case e.gone <- struct{}{}:
	default:
	}
}

// stop ends every connection and every loop, at once. It does not wait.
func (e *engine) stop() {
	e.draining.Store(true)
	for _, l := range e.loops {
		l.reactor.Post(reactor.TaskFunc(func() { l.abortAll(ErrClosed) }))
		l.reactor.Stop()
	}
	e.stopping.Do(func() { go e.end() })
}

// end waits, after stop, for the loops and workers to end, and releases what
// they had.
func (e *engine) end() {
	e.running.Wait()
	e.dispatcher.wait()
	e.dispatcher.close()
	close(e.ended)
}

// shutdown ends everything gracefully, and waits for that as long as ctx allows.
// It may be called more than once, and before and after stop.
func (e *engine) shutdown(ctx context.Context) error {
	err := e.drain(ctx)
	e.stop()
	if err != nil {
		return err
	}
	select {
	case <-e.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// abortAll ends every connection of the loop. The loop's.
func (l *loop) abortAll(err error) {
	l.aborted = true
	l.each(func(c *Conn) {
		c.reset(err)
		if l.inline {
			c.settle() // OnClose now: a loop that has failed runs no more tasks
		}
	})
}

// scanSlots is the number of connections that each visits before the loop sees
// to its I/O again.
const scanSlots = 1024

// each has f called on the loops for every connection.
func (e *engine) each(f func(c *Conn), done func()) {
	for _, l := range e.loops {
		var from uint32
		var step reactor.TaskFunc
		step = func() {
			from = l.reactor.Scan(from, scanSlots, func(h reactor.Handler) {
				if ev, ok := h.(*events); ok {
					f((*Conn)(ev))
				}
			})
			if from == 0 || !l.reactor.Post(step) {
				done()
			}
		}
		if !l.reactor.Post(step) {
			done()
		}
	}
}

func (e *engine) stats() Stats {
	var s Stats
	for _, l := range e.loops {
		l.addTo(&s)
	}
	s.PoolQueue, s.Workers = e.dispatcher.stats()
	return s
}

// ipCounter counts connections by peer address.
type ipCounter struct {
	max int // 0: not counted
	mu  sync.Mutex
	n   map[netip.Addr]int
}

// enter counts a connection, unless ip has max already.
func (c *ipCounter) enter(ip netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[ip] >= c.max {
		return false
	}
	if c.n == nil {
		c.n = make(map[netip.Addr]int)
	}
	c.n[ip]++
	return true
}

func (c *ipCounter) leave(ip netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[ip]--; c.n[ip] <= 0 {
		delete(c.n, ip)
	}
}
