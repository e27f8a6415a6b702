package weir

import (
	"context"

	"github.com/weir-go/weir/internal/buffer"
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
