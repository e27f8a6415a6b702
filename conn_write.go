package weir

import (
	"context"
	"errors"

	"github.com/weir-go/weir/internal/buffer"
	"github.com/weir-go/weir/internal/socket"
)

// Write sends p. All of it is accepted, or nothing: then n is 0 and err is one of
// ErrClosed, ErrBacklog, ErrDropped, ErrSlowConsumer, ErrBudget, ErrWriteTimeout,
// or the error of the system that has ended the connection. p is the caller's
// again when Write returns.
//
// Write never blocks. Within a callback of the connection, what is written is
// collected, up to 64 KiB, and sent when the frames that came with one read have
// been handled; see Flush. Should the callback block, it is sent after some
// milliseconds. Elsewhere it goes straight to the socket. What the socket does
// not take waits for the peer, and counts against the watermarks.
func (c *Conn) Write(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.admit(); err != nil {
		return 0, err
	}
	if err := c.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Append is Write for bytes that f appends to dst, which is empty and has room for
// 1 KiB at least: where that is possible, straight to what waits to be sent. f
// returns what it has appended to, and must not change that afterwards. It is called
// once at the most, and not if Append returns an error of Write before; with a lock
// of the connection held: it must not call methods of the connection, nor wait.
func (c *Conn) Append(f func(dst []byte) []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.admit(); err != nil {
		return err
	}
	if !c.has(flagBatch) || c.has(flagBlocked) {
		b := buffer.Get(scratchSize)
		defer buffer.Put(b)
		return c.write(f(b.B[:0]))
	}
	if c.out == nil {
		c.out = newOutbound(c.loop)
	}
	c.out.append(f)
	if c.out.size > coalesceMax {
		c.flush()
		return c.overflowed()
	}
	return nil
}

// WriteFrame sends payload as one frame, encoded by the connection's codec. It is
// as Write otherwise; err may also be a *codec.Error, if the codec refuses the
// payload.
func (c *Conn) WriteFrame(payload []byte) error {
	b := buffer.Get(len(payload) + 16)
	defer buffer.Put(b)
	var err error
	if b.B, err = c.proto.Load().codec.Append(b.B[:0], payload); err != nil {
		return err
	}
	_, err = c.Write(b.B)
	return err
}

// Writev sends the slices one after the other, as Write does with one. Any number
// of slices is allowed.
func (c *Conn) Writev(p [][]byte) (n int64, err error) {
	for _, b := range p {
		n += int64(len(b))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.admit(); err != nil {
		return 0, err
	}
	if err := c.writev(p); err != nil {
		return 0, err
	}
	return n, nil
}

// WriteOwned sends p without copying it: p must not change until release, which
// may be nil, is called, once: when p is sent or discarded, also if WriteOwned
// returns an error. release must not call methods of the connection.
func (c *Conn) WriteOwned(p []byte, release func()) error {
	return c.writeShared(segment{data: p, kind: segmentOwned, done: release})
}

// WriteMessage sends m without copying it. See Message.
func (c *Conn) WriteMessage(m *Message) error {
	m.retain()
	return c.writeShared(segment{data: m.data, kind: segmentMessage, message: m})
}

// Flush sends what the current callback has written so far, as far as the socket
// takes it.
func (c *Conn) Flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(flagDead | flagBroken) {
		return c.writeErr()
	}
	if !c.has(flagBlocked) {
		c.flush()
	}
	return nil
}

// Buffered returns the number of bytes that were accepted and not yet sent.
func (c *Conn) Buffered() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out == nil {
		return 0
	}
	return c.out.size
}

// Writable reports whether the backlog is not above the high watermark, or has
// fallen to the low one since. A producer that writes only while Writable, and
// after OnWritable goes on, is never refused with ErrBacklog.
func (c *Conn) Writable() bool { return !c.has(flagHigh | writeOff) }

// WaitWritable blocks until Writable holds. It returns ErrClosed if the
// connection ends first, or the context's error. It may be called in a callback
// of a connection in Pool mode, never on a loop.
func (c *Conn) WaitWritable(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(flagBatch) && !c.has(flagBlocked) {
		c.flush()
	}
	if ok, err := c.waitWritable(ctx.Done()); ok {
		return err
	}
	return ctx.Err()
}

// waitWritable is WaitWritable for those who have mu. It returns false if cancel
// was closed.
func (c *Conn) waitWritable(cancel <-chan struct{}) (ok bool, err error) {
	for {
		switch {
		case c.has(writeOff):
			return true, c.writeErr()
		case !c.has(flagHigh):
			return true, nil
		case !c.wait(cancel):
			return false, nil
		}
	}
}

// wait blocks until wakeWaiters is called, for whatever reason, or until cancel is
// closed, when it returns false. While it waits the worker of the callback under
// way does not count against Config.Workers, also if it is another goroutine that
// waits: the callback is likely to wait for that. It needs mu, which it lets go of
// meanwhile.
func (c *Conn) wait(cancel <-chan struct{}) bool {
	ready := make(chan struct{})
	x := c.extension()
	x.waiters = append(x.waiters, ready)
	callback, within := x.callback, !c.loop.inline && c.has(flagRunning)
	if within {
		x.waits++
		c.uncount()
	}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		if within && callback == x.callback {
			if x.waits--; x.waits == 0 && !x.long {
				c.recount()
			}
		}
	}()
	select {
	case <-ready:
		return true
	case <-cancel:
		c.dropWaiter(ready)
		return false
	}
}

func (c *Conn) dropWaiter(w chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ext == nil {
		return
	}
	for i, x := range c.ext.waiters {
		if x == w {
			c.ext.waiters = append(c.ext.waiters[:i], c.ext.waiters[i+1:]...)
			return
		}
	}
}

// wakeWaiters needs mu.
func (c *Conn) wakeWaiters() {
	if c.ext == nil {
		return
	}
	for _, w := range c.ext.waiters {
		close(w)
	}
	c.ext.waiters = nil
}

// All that follows needs mu.

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
