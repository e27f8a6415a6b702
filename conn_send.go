package weir

import (
	"errors"

	"github.com/weir-go/weir/internal/socket"
)

// From what has been accepted to the socket: coalesced in a batch, or at once, or,
// when the socket is full, as it takes more. All of it needs Conn.mu, unless it says
// that it takes it.

// admit decides whether more bytes are accepted.
func (c *Conn) admit() error {
	flags := c.flags.Load()
	if flags&writeOff != 0 {
		return c.writeErr()
	}
	if c.ext != nil && c.ext.writeBy != 0 && c.ext.writeBy <= c.loop.reactor.Clock() {
		return ErrWriteTimeout
	}
	if flags&flagBlocked == 0 {
		return nil
	}
	l := c.loop
	switch {
	case flags&flagHigh != 0 && l.config.Overflow == OverflowDrop:
		l.stats.dropped.Add(1)
		return ErrDropped
	case c.out.size >= l.config.MaxOutbound:
		l.stats.backlog.Add(1)
		return ErrBacklog
	case l.overBudget():
		l.stats.budget.Add(1)
		return ErrBudget
	}
	return nil
}

// writeErr says why nothing can be written.
func (c *Conn) writeErr() error {
	if c.ext != nil && c.ext.err != nil && !c.has(flagClosing|flagDead) &&
		(c.has(flagBroken) || errors.Is(c.ext.err, ErrSlowConsumer)) {
		return c.ext.err
	}
	return ErrClosed
}

// write accepts p.
func (c *Conn) write(p []byte) error {
	switch {
	case c.has(flagBlocked):
		c.out.copy(p)
		return c.queued()
	case c.has(flagBatch):
		if c.out == nil {
			c.out = newOutbound(c.loop)
		}
		if c.out.size+len(p) <= coalesceMax {
			c.out.copy(p)
			return nil
		}
		return c.push(p)
	}
	return c.push(p)
}

// push sends what is queued and p, and queues what the socket does not take.
func (c *Conn) push(p []byte) error {
	var n int
	var err error
	if c.out == nil {
		n, err = socket.Write(int(c.fd), p)
	} else {
		queued := c.out.size
		n, err = c.out.send(int(c.fd), p)
		c.out.sent(min(n, queued))
		c.loop.stats.bytesOut.Add(uint64(min(n, queued)))
		if n = n - queued; n < 0 || c.out.size > 0 {
			n = 0
		}
	}
	if err != nil && !errors.Is(err, socket.ErrAgain) {
		c.broke(err)
		return err
	}
	c.loop.stats.bytesOut.Add(uint64(n))
	if n < len(p) {
		if c.out == nil {
			c.out = newOutbound(c.loop)
		}
		c.out.copy(p[n:])
	}
	if c.out == nil {
		return nil
	}
	if c.out.size == 0 {
		c.drained()
		return nil
	}
	return c.full()
}

// writev accepts the slices of p.
func (c *Conn) writev(p [][]byte) error {
	if c.out == nil && !c.has(flagBatch) {
		n, err := socket.Writev(int(c.fd), p)
		if err != nil && !errors.Is(err, socket.ErrAgain) {
			c.broke(err)
			return err
		}
		c.loop.stats.bytesOut.Add(uint64(n))
		for len(p) > 0 && n >= len(p[0]) {
			n -= len(p[0])
			p = p[1:]
		}
		if len(p) == 0 {
			return nil
		}
		c.out = newOutbound(c.loop)
		c.out.copy(p[0][n:])
		for _, b := range p[1:] {
			c.out.copy(b)
		}
		c.flush() // 1,024 slices at the most have been tried
		return c.overflowed()
	}
	for _, b := range p {
		if err := c.write(b); err != nil {
			return err
		}
	}
	return nil
}

// writeShared accepts a segment that is not copied. It takes mu itself.
func (c *Conn) writeShared(s segment) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.admit(); err != nil || len(s.data) == 0 {
		s.release()
		return err
	}
	if c.out == nil && !c.has(flagBatch) {
		n, err := socket.Write(int(c.fd), s.data)
		if err != nil && !errors.Is(err, socket.ErrAgain) {
			s.release()
			c.broke(err)
			return err
		}
		c.loop.stats.bytesOut.Add(uint64(n))
		if n == len(s.data) {
			s.release()
			return nil
		}
		s.data = s.data[n:]
		c.out = newOutbound(c.loop)
		c.out.share(s)
		return c.full()
	}
	if c.out == nil {
		c.out = newOutbound(c.loop)
	}
	c.out.share(s)
	if c.has(flagBlocked) {
		return c.queued()
	}
	if c.out.size > coalesceMax {
		c.flush()
		return c.overflowed()
	}
	return nil
}

// flush sends what is queued, until the socket is full.
func (c *Conn) flush() {
	o := c.out
	if o == nil {
		return
	}
	for o.size > 0 {
		want := o.size
		n, err := o.send(int(c.fd), nil)
		if n > 0 {
			c.loop.stats.bytesOut.Add(uint64(n))
			o.sent(n)
			if c.has(flagBlocked) {
				o.progress = c.loop.reactor.Clock()
			}
		}
		switch {
		case errors.Is(err, socket.ErrAgain):
			c.full()
			return
		case err != nil:
			c.broke(err)
			return
		case n < want && len(o.segments)-o.first <= 1:
			c.full() // a short write: the next would only say EAGAIN
			return
		}
	}
	c.drained()
}

// writable goes on with the queue, when the socket takes something again. It takes
// mu itself, and lets go of it also if a release function panics.
func (c *Conn) writable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush()
}

// drained: everything is sent.
func (c *Conn) drained() {
	c.out.release()
	c.out = nil
	if c.has(flagBlocked | flagClosing | flagCloseWrite) {
		c.unset(flagBlocked)
		c.post()
	}
	c.belowWatermark()
}

// full: the socket takes no more for now. The loop goes on when it does. If there is
// no budget for what is left, the connection ends: a part has been sent, so it can
// no longer be refused.
func (c *Conn) full() error {
	if !c.has(flagBlocked) {
		if c.loop.overBudget() {
			c.loop.stats.budget.Add(1)
			c.abort(ErrBudget)
			return ErrBudget
		}
		c.set(flagBlocked)
		c.out.progress = c.loop.reactor.Clock()
		c.post()
	}
	if c.out.size <= c.loop.config.LowWatermark {
		c.belowWatermark()
	}
	return c.queued()
}

// queued: the backlog has changed.
func (c *Conn) queued() error {
	c.out.charge()
	return c.overflowed()
}

// overflowed acts if the backlog has risen above the high watermark.
func (c *Conn) overflowed() error {
	if c.out == nil || c.has(flagHigh) || !c.has(flagBlocked) || c.out.size <= c.loop.config.HighWatermark {
		if c.has(flagBroken) {
			return c.writeErr()
		}
		return nil
	}
	c.set(flagHigh)
	l := c.loop
	l.stats.highWater.Add(1)
	switch l.config.Overflow {
	case OverflowPause:
		c.set(flagHeld)
		c.post()
	case OverflowClose:
		l.stats.slowConsumers.Add(1)
		c.abort(ErrSlowConsumer)
		return ErrSlowConsumer
	}
	return nil
}

// belowWatermark: the backlog has fallen to the low watermark.
func (c *Conn) belowWatermark() {
	if !c.has(flagHigh) {
		return
	}
	held := c.has(flagHeld)
	c.unset(flagHigh | flagHeld)
	c.wakeWaiters()
	if held {
		c.post()
		c.schedule(eventResume)
	}
	if c.proto.Load().writable != nil {
		c.schedule(eventWritable)
	}
}

// broke: a write has failed, so nothing more can be sent. What the peer has sent
// before is still read.
func (c *Conn) broke(err error) {
	if c.has(flagBroken | flagDead) {
		return
	}
	c.cause(err)
	held := c.has(flagHeld)
	c.set(flagBroken)
	c.notifyEnd()
	c.unset(flagBlocked | flagHigh | flagHeld)
	if held {
		c.schedule(eventResume)
	}
	if c.out != nil {
		c.out.release()
		c.out = nil
	}
	c.wakeWaiters()
	c.post()
}

// stopBatching sends what the turn under way has written, and has the rest of
// the turn write straight to the socket, because the turn takes long. It takes mu
// itself.
func (c *Conn) stopBatching() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.has(flagBatch) || c.has(flagDead) {
		return
	}
	c.unset(flagBatch)
	if !c.has(flagFresh | flagDetached) {
		c.set(flagAwaited)
	}
	if !c.has(flagBlocked) {
		c.flush()
	}
}
