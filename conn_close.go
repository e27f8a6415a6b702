package weir

import (
	"io"
	"time"

	"github.com/weir-go/weir/internal/socket"
	"github.com/weir-go/weir/reactor"
)

// The life of a connection:
//
//	 open ──Close──▶ closing ──all sent──▶ lingering ──peer's FIN──▶ dead
//	  │                 └──────── linger timeout ──────────────────▶  ▲
//	  └── Abort, error, timeout ───────────────────────────────────────┘
//
// Every step to the right is taken by the loop, in settle; other goroutines set a
// flag and post. OnClose follows the last step, in the connection's order.

// Close ends the connection gracefully: no further frame is delivered and no
// further write accepted, but what has been accepted is sent, for up to
// Config.Linger. It returns at once; OnClose tells of the end. Closing again is
// no error.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closing(nil)
	return nil
}

// CloseWrite ends this side of the stream: FIN follows what has been accepted so
// far. Frames still come in; when the peer ends its side, too, the connection is
// closed.
func (c *Conn) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(writeOff) {
		return ErrClosed
	}
	c.set(flagCloseWrite)
	c.wakeWaiters()
	c.post()
	return nil
}

// Abort ends the connection at once: what is not sent is discarded, and the peer
// gets RST. OnClose gets ErrClosed.
func (c *Conn) Abort() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abort(ErrClosed)
	return nil
}

// closing begins the graceful end, for a cause or, if err is nil, by the user's
// will. It needs mu.
func (c *Conn) closing(err error) {
	if c.has(flagClosing | flagAbort | flagDead) {
		return
	}
	c.cause(err)
	c.set(flagClosing)
	c.wakeWaiters()
	c.unpark()
	c.post()
}

// abort begins the immediate end. It needs mu.
func (c *Conn) abort(err error) {
	if c.has(flagAbort | flagDead) {
		return
	}
	c.cause(err)
	c.set(flagAbort)
	c.post()
}

// cause notes why the connection ends; the first cause stays. It needs mu.
func (c *Conn) cause(err error) {
	if err == nil || c.has(flagClosing|flagAbort|flagDead) {
		return
	}
	if x := c.extension(); x.err == nil {
		x.err = err
	}
}

// closeErr is what OnClose gets. It needs mu.
func (c *Conn) closeErr() error {
	switch {
	case c.ext != nil && c.ext.err != nil:
		return c.ext.err
	case c.has(flagPartial):
		return io.ErrUnexpectedEOF
	case c.has(flagEOFDone):
		return io.EOF
	}
	return nil
}

// shutdown is Close on behalf of Server.Shutdown: frames that have been received
// are handled first. The loop's.
func (c *Conn) shutdown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drain()
}

// drain is shutdown for those who have mu.
func (c *Conn) drain() {
	switch {
	case c.has(flagClosing | flagAbort | flagDead | flagDrain | flagDetached):
	case c.proto.Load().shutdown != nil:
		c.schedule(eventShutdown)
	default:
		c.set(flagDrain)
		c.post()
	}
}

// post has the loop look at the connection. It needs mu.
func (c *Conn) post() {
	if !c.has(flagPosted) {
		c.set(flagPosted)
		c.loop.reactor.Post((*events)(c)) // refused only by a loop that has ended, when c is dead
	}
}

// schedule has an event dealt with in the connection's next turn. It needs mu.
func (c *Conn) schedule(event uint32) {
	c.set(event)
	if c.has(flagTurn) {
		return // whoever has the turn looks for events before giving it up
	}
	c.pass()
}

// pass gives the turn to the next worker, or to the loop in Inline mode. It needs
// mu.
func (c *Conn) pass() {
	if c.loop.inline {
		c.unset(flagTurn)
		c.post()
		return
	}
	c.set(flagTurn)
	c.loop.dispatcher.push(c)
}

// panicked is told of a panic in the loop's part of the read path. The loop's.
func (c *Conn) panicked(p *PanicError) {
	c.loop.logPanic(c, p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.has(flagRunning | flagDetached) {
		c.unset(flagTurn | flagBatch)
		if c.in != nil { // what the codec has panicked at
			c.in.release()
			c.in = nil
		}
	}
	c.destroy(p)
}

// settle brings the connection from the state that it is in to the one that its
// flags ask for. The loop's.
func (c *Conn) settle() {
	c.mu.Lock()
	c.unset(flagPosted)
	if c.has(flagGreeted) {
		c.unset(flagFresh | flagGreeted)
		c.received = c.loop.ticks()
	}
	if !c.has(flagDead) {
		c.advance()
	}
	if !c.has(flagDead) {
		c.watch()
		c.arm()
	}
	turn := c.loop.inline && c.has(eventMask) && !c.has(flagTurn)
	c.mu.Unlock()
	if turn {
		c.turn(nil)
	}
}

// advance takes the steps towards the end that are due. It needs mu.
func (c *Conn) advance() {
	if c.has(flagDrain) && !c.has(flagTurn) && (c.in == nil || c.has(flagPaused) || !c.has(flagHeld)) {
		c.closing(nil)
	}
	flags := c.flags.Load()
	switch {
	case flags&flagAbort != 0:
		socket.Reset(int(c.fd)) // best effort: the connection ends without it, too
		c.destroy(nil)
		return
	case flags&flagBroken != 0 && flags&(flagClosing|flagEOFDone|flagPaused) != 0:
		// Nothing can be sent, and nothing is being read.
		c.destroy(nil)
		return
	case flags&(flagClosing|flagCloseWrite) == 0:
		return
	}
	if c.out == nil && flags&(flagFIN|flagBroken) == 0 {
		if err := socket.CloseWrite(int(c.fd)); err != nil {
			c.destroy(err)
			return
		}
		c.set(flagFIN)
		flags |= flagFIN
	}
	if flags&flagFIN != 0 && (flags&flagEOFDone != 0 || flags&(flagEOF|flagClosing) == flagEOF|flagClosing) {
		c.destroy(nil) // both sides have ended the stream
		return
	}
	if flags&flagClosing != 0 {
		c.linger()
	}
}

// linger bounds the rest of the life of a connection that is closing.
func (c *Conn) linger() {
	x := c.extension()
	now := c.loop.reactor.Clock()
	if x.lingerBy == 0 {
		x.lingerBy = later(now, c.loop.config.Linger)
	}
	if c.has(flagFIN) && c.loop.engine.draining.Load() && x.checkBy == 0 {
		// During Shutdown an idle peer is not waited for.
		x.checkBy, x.checkEvery = now, time.Millisecond
	}
}

// acknowledged reports whether the peer's system has everything, FIN included.
// To close the descriptor then loses nothing of what was sent.
func (c *Conn) acknowledged() bool {
	n, ok := socket.Unsent(int(c.fd))
	return ok && n == 0
}

// watch tells the poller what the connection waits for. It needs mu.
func (c *Conn) watch() {
	flags := c.flags.Load()
	var want reactor.Interest
	if off := flags & readOff; off == 0 || off == flagDrain && c.listens() || flags&(flagClosing|flagFIN|flagDead) == flagClosing|flagFIN {
		want |= reactor.Readable
	}
	if flags&flagBlocked != 0 {
		want |= reactor.Writable
	}
	if want == c.interest {
		return
	}
	if err := c.loop.reactor.Modify(int(c.fd), c.token, c.interest, want); err != nil {
		c.destroy(err)
		return
	}
	if want&^c.interest&reactor.Readable != 0 {
		c.received = c.loop.ticks() // the silence so far was ours
		if c.in != nil {
			c.in.since = c.received
		}
	}
	c.interest = want
}

// listens reports whether a callback that is under way wants to know what the peer
// sends or whether it is still there, also while Shutdown waits for its end. It
// needs mu.
func (c *Conn) listens() bool {
	return c.ext != nil && (c.ext.reads > 0 || c.ext.onEnd != nil)
}

// reset is destroy without regard to what is not sent. The loop's.
func (c *Conn) reset(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.has(flagDead) {
		socket.Reset(int(c.fd)) // best effort
		c.destroy(err)
	}
}

// destroy closes the descriptor. err is the cause, unless there is one already.
// The loop's; it needs mu.
func (c *Conn) destroy(err error) {
	if c.has(flagDead) {
		return
	}
	l, fd := c.loop, int(c.fd)
	c.cause(err)
	l.reactor.Deregister(fd, c.token, c.interest)
	if err := socket.Close(fd); err != nil {
		l.config.Logger.Warn("weir: close failed", "remote", c.RemoteAddr(), "err", err)
	}
	c.fd = -1
	c.set(flagDead)
	c.unset(flagBlocked)
	if c.out != nil {
		c.out.release()
		c.out = nil
	}
	if c.ext != nil {
		c.ext.timers = nil
	}
	c.wakeWaiters()
	c.notifyEnd()
	c.unpark()
	l.forget(c)
	c.schedule(eventClose)
}
