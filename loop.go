package weir

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/weir-go/weir/internal/socket"
	"github.com/weir-go/weir/reactor"
)

// loop is one event loop with its connections.
type loop struct {
	// Immutable.
	engine     *engine
	config     *Config
	index      int
	inline     bool
	reactor    *reactor.Reactor
	dispatcher *dispatcher

	// The loop's goroutine.
	readBuffer []byte
	runnable   []*Conn // got a turn in this batch of events, to be handed over together
	draining   bool    // engine.drain has been here: who comes now is drained at once
	aborted    bool    // abortAll has been here: who comes now comes too late

	// Any goroutine.
	conns    atomic.Int64 // open, or on their way to this loop
	buffered atomic.Int64 // bytes in buffers, against MaxBuffered
	stats    loopStats
}

func newLoop(e *engine, index int) (*loop, error) {
	inline := e.config.Dispatch == Inline
	p, err := newPoller(e.config.Poller, !inline)
	if err != nil {
		return nil, err
	}
	l := &loop{
		engine:     e,
		config:     &e.config,
		index:      index,
		inline:     inline,
		dispatcher: e.dispatcher,
		readBuffer: make([]byte, e.config.ReadBuffer),
	}
	rc := reactor.Config{
		Poller:      p,
		OnTaskPanic: func(p *PanicError) { l.logPanic(nil, p) },
	}
	if !inline {
		rc.AfterEvents = l.handOver
	}
	l.reactor = reactor.New(rc)
	return l, nil
}

// handOver gives the connections of this batch of events that have something to
// do to the workers, in one go.
func (l *loop) handOver() {
	if len(l.runnable) == 0 {
		return
	}
	l.dispatcher.push(l.runnable...)
	clear(l.runnable)
	l.runnable = l.runnable[:0]
	// The workers come first: on one core the loop would otherwise read on,
	// and the replies would wait until nothing more comes.
	runtime.Gosched()
}

// ticks is the loop's time in the resolution of timers, rounded up as they are. It
// starts again after 49 days, see nearest.
func (l *loop) ticks() uint32 { return ticks(l.reactor.Now()) }

// ticksNow is ticks for any goroutine: it reads the clock.
func (l *loop) ticksNow() uint32 { return ticks(l.reactor.Clock()) }

func ticks(at time.Duration) uint32 { return uint32((at + reactor.Tick - 1) / reactor.Tick) }

// overBudget reports whether all buffers together exceed MaxBuffered. As long as
// the loop is within its share the others need not be asked.
func (l *loop) overBudget() bool {
	if l.buffered.Load() <= l.config.MaxBuffered/int64(len(l.engine.loops)) {
		return false
	}
	return l.engine.buffered() > l.config.MaxBuffered
}

// adopt registers a new connection. If that fails, the descriptor is closed and
// the error returned, and no callback of the connection follows. The loop's.
func (l *loop) adopt(c *Conn) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.aborted {
		l.refuse(c)
		return ErrClosed
	}
	t, err := l.reactor.Register(int(c.fd), reactor.Readable, (*events)(c))
	if err != nil {
		l.stats.poller.Add(1)
		l.refuse(c)
		return err
	}
	c.token, c.interest, c.received = t, reactor.Readable, l.ticks()
	if c.has(eventOpen) {
		c.schedule(eventOpen)
	}
	c.arm()
	if l.draining {
		c.drain()
	}
	return nil
}

// refuse ends a connection that is not registered. It needs mu, unless nobody
// else has the connection.
func (l *loop) refuse(c *Conn) {
	socket.Close(int(c.fd))
	c.fd = -1
	c.set(flagDead)
	l.forget(c)
}

// forget ends the accounting of a connection.
func (l *loop) forget(c *Conn) {
	l.conns.Add(-1)
	l.stats.closed.Add(1)
	l.engine.forget(c)
}

// each calls f for every connection of the loop.
func (l *loop) each(f func(c *Conn)) {
	l.reactor.Each(func(h reactor.Handler) {
		if e, ok := h.(*events); ok {
			f((*Conn)(e))
		}
	})
}

func (l *loop) logPanic(c *Conn, p *PanicError) {
	l.stats.panics.Add(1)
	log := l.config.Logger
	if c != nil {
		log = log.With("remote", c.RemoteAddr(), "conn", c.ID())
	}
	log.Error("weir: panic in a handler; its connection is closed", "panic", p.Value, "stack", string(p.Stack))
}
