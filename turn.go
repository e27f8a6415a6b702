package weir

import "runtime/debug"

// turn is one turn of a connection: the callbacks that are due, one after the
// other, on a worker (Pool) or on the loop (Inline). Whoever runs it has taken
// flagTurn, so it owns the inbound bytes.
type turn struct {
	c      *Conn
	proto  *Protocol
	events uint32        // what is due, of eventMask
	calls  []func(*Conn) // for eventCalls
	in     *inbound      // what was kept from before, or nil
	data   []byte        // the bytes to decode: of in, or of the loop's read buffer
	used   int           // data[:used] is decoded
	seen   int           // the first seen bytes of the rest are incomplete
	want   int           // the size that the frame they begin announces; 0: none
	held   bool          // the rest may hold a frame, but it is held back
	eof    bool          // data is the last there is
	frames uint64
	err    error // ends the connection

	returned bool // the callbacks have, or else catch is met by a panic or the end of the goroutine
	closing  bool // OnClose is the callback
}

// turn runs a turn. data is what the loop has just read, in Inline mode.
func (c *Conn) turn(data []byte) {
	t := turn{c: c, data: data}
	c.mu.Lock()
	flags := c.flags.Load()
	c.flags.Store(flags&^eventMask | flagTurn | flagRunning | flagBatch)
	t.events = flags & eventMask
	if t.events&eventCalls != 0 {
		t.calls, c.ext.calls = c.ext.calls, nil
	}
	t.proto = c.proto.Load()
	if flags&flagDetached != 0 {
		// It has ended, or is closing: what was received stays the Stream's
		// until then, and there is no callback left but OnClose.
		t.events, t.calls = t.events&eventClose, nil
	} else {
		t.eof = flags&(flagEOF|flagEOFDone) == flagEOF
		if t.in = c.in; t.in != nil {
			t.in.owned, t.in.next = true, t.in.off
		}
	}
	c.mu.Unlock()

	if t.in != nil {
		if len(data) > 0 {
			t.in.append(data)
			t.in.next = t.in.off
		}
		t.data, t.seen = t.in.rest(), t.in.trusted(t.proto)
		if t.seen > 0 {
			t.want = t.in.want
		}
	}
	t.run()
	t.conclude()
}

// conclude follows the callbacks.
func (t *turn) conclude() {
	c := t.c
	if t.frames > 0 {
		c.loop.stats.framesIn.Add(t.frames)
	}
	if t.events&eventClose != 0 {
		t.close()
		return
	}
	t.end()
}

// run makes the callbacks. A panic ends it.
func (t *turn) run() {
	defer t.catch()
	c := t.c
	if t.events&eventOpen != 0 {
		t.proto.handler.OnOpen(c)
	}
	t.deliver()
	for _, f := range t.calls {
		if c.has(flagDetached) {
			break
		}
		f(c)
		t.reload()
	}
	if t.due(eventWritable) && t.proto.writable != nil {
		t.proto.writable.OnWritable(c)
		t.reload()
	}
	if t.due(eventIdle) && t.proto.idler != nil && t.frames == 0 && !c.has(flagClosing|flagAbort|flagDead) {
		t.proto.idler.OnIdle(c)
		t.reload()
	}
	if t.due(eventShutdown) {
		t.shutdown()
		t.reload()
	}
	if t.used < len(t.data) && t.err == nil {
		t.deliver() // what those callbacks have made of the rest
	}
	if t.eof && t.err == nil && !t.held && !c.has(flagClosing|flagAbort|flagDetached|eventResume) &&
		(!c.has(flagPaused) || c.has(flagDead)) {
		t.finish()
	}
	if t.err != nil {
		t.refuse()
	}
	t.returned = true
}

// due reports whether a callback for an event is to be made: none is after Detach.
func (t *turn) due(event uint32) bool {
	return t.events&event != 0 && !t.c.has(flagDetached)
}

// reload follows a callback, which may have called Switch, read from a Stream, or
// waited. After Detach the rest is no longer the turn's.
func (t *turn) reload() {
	if t.c.has(flagDetached | flagUncounted) {
		t.c.mu.Lock()
		t.c.returned()
		t.c.mu.Unlock()
		if t.c.has(flagDetached) {
			return
		}
	}
	if p := t.c.proto.Load(); p != t.proto {
		t.proto, t.seen, t.want = p, 0, 0
	}
	if t.in != nil && t.in.off+t.used != t.in.next {
		t.used, t.seen, t.want = t.in.next-t.in.off, 0, 0
	}
}

// consume takes n bytes off the data.
func (t *turn) consume(n int) {
	t.used += n
	if t.in != nil {
		t.in.next = t.in.off + t.used
	}
}

// refuse lets the handler have its say to a peer whose stream is refused.
func (t *turn) refuse() {
	if t.proto.refuser == nil {
		return
	}
	t.c.mu.Lock()
	t.c.cause(t.err) // the handler may Close, but that is not why the connection ends
	t.c.mu.Unlock()
	t.proto.refuser.OnError(t.c, t.err)
}

// deliver decodes frames and hands them to the handler, until there is no whole
// one left, the connection is closed, or reading is paused.
func (t *turn) deliver() {
	for {
		t.reload()
		if t.used == len(t.data) || t.stopped() {
			return
		}
		rest := t.data[t.used:]
		if len(rest) == t.seen {
			return // nothing new since it was looked at
		}
		frame, n, err := t.proto.decode(rest, t.seen)
		if err != nil {
			t.err = err
			return
		}
		size := n
		if n == 0 {
			t.seen, t.want = len(rest), t.proto.frameSize(rest)
			size = max(t.seen, t.want)
		}
		if limit := t.c.loop.config.MaxFrame; size > limit {
			t.err = frameTooLarge(size, limit)
			return
		}
		if n == 0 {
			return
		}
		t.consume(n)
		t.seen, t.want = 0, 0
		t.frame(frame)
	}
}

// stopped reports whether no further frame is to be delivered in this turn.
func (t *turn) stopped() bool {
	switch flags := t.c.flags.Load(); {
	case flags&flagDetached != 0:
		t.held = true
		return true
	case flags&(flagClosing|flagAbort) != 0:
		t.consume(len(t.data) - t.used)
		return true
	case flags&(flagPaused|flagHeld) != 0 && flags&flagDead == 0:
		t.held = true
		return true
	}
	return false
}

func (t *turn) frame(frame []byte) {
	if frame == nil {
		return // the codec skips bytes
	}
	if t.frames++; t.frames == 1 && t.c.has(flagFresh) {
		t.c.mu.Lock()
		t.c.set(flagGreeted)
		t.c.post()
		t.c.mu.Unlock()
	}
	t.proto.handler.OnFrame(t.c, frame)
}

// shutdown has the handler take leave, unless the one that wanted to has been
// replaced by one that does not.
func (t *turn) shutdown() {
	if t.proto.shutdown != nil {
		t.proto.shutdown.OnShutdown(t.c)
		return
	}
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.c.set(flagDrain)
	t.c.post()
}

// finish meets the peer's FIN, after the last frame.
func (t *turn) finish() {
	c := t.c
	for t.proto.finisher != nil && t.used < len(t.data) {
		frame, n, err := t.proto.finisher.Finish(t.data[t.used:])
		if err != nil {
			t.err = err
			return
		}
		if n <= 0 || n > len(t.data)-t.used {
			break
		}
		t.consume(n)
		t.frame(frame)
		t.reload()
		if c.has(eventResume) || t.stopped() {
			return // SetProtocol, a pause, the end: what is left is for another turn
		}
	}
	c.mu.Lock()
	c.set(flagEOFDone)
	c.post() // with a FIN or a failure of the write side, that is the end
	if t.used < len(t.data) {
		c.set(flagPartial)
		t.consume(len(t.data) - t.used)
	}
	if t.proto.eof == nil {
		c.closing(nil)
	}
	c.mu.Unlock()
	if t.proto.eof != nil {
		t.proto.eof.OnEOF(c)
	}
}

// catch turns a panic of a callback into the end of the connection. A callback that
// has called runtime.Goexit is met as one that has panicked with ErrGoexit; but
// nothing can keep the goroutine, so what would follow has to be done here. Who has
// run the turn sees to a goroutine for those that come after it.
func (t *turn) catch() {
	v := recover()
	if t.returned {
		return
	}
	exit := v == nil
	if exit {
		v = ErrGoexit
	}
	p := &PanicError{Value: v, Stack: debug.Stack()}
	t.c.loop.logPanic(t.c, p)
	t.err = p
	if exit && !t.closing {
		t.conclude()
	}
}

// end puts back what is left, sends what the callbacks have written, and passes
// the turn on or gives it up.
func (t *turn) end() {
	c := t.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.err != nil {
		c.closing(t.err)
	}
	c.returned()
	arrived := t.putBack()
	if c.out != nil && !c.has(flagBlocked) {
		c.flush()
	}
	if !arrived && !(c.has(flagDetached) && c.in != nil && c.in.len() >= c.loop.config.MaxPending) {
		c.notFull() // or else when the Stream has taken some of it
	}
	if c.has(flagAwaited) {
		c.unset(flagAwaited)
		if t.frames > 0 || t.events&eventOpen != 0 {
			c.set(flagGreeted) // the peer was waiting for us
			c.post()
		}
	}
	c.unset(flagBatch | flagRunning)
	if c.has(flagDetached) && !c.has(flagClosing|flagAbort|flagDead) {
		c.ext.parked = true // the turn stays taken, for the Stream
		return
	}
	if c.has(flagPaused|flagHeld) && !c.has(flagDead) {
		arrived = false // until it is resumed
	}
	if c.flags.Load()&(eventMask|flagEOF) == eventResume && c.in == nil {
		c.unset(eventResume) // there is nothing to look at again
	}
	if arrived || c.has(eventMask) {
		c.pass()
	} else {
		c.unset(flagTurn)
		if c.ext != nil && c.ext.empty() {
			c.ext = nil // of a Do or AfterFunc, most likely; idle connections stay small
		}
		if c.has(flagDrain) || c.in != nil && t.proto.frameTimeout(c.loop.config, 0) > 0 {
			c.post()
		}
	}
	if c.loop.inline {
		c.keepWithinBudget()
	}
}

// putBack returns the undecoded bytes to the connection. It reports whether
// there are bytes which the turn has not looked at.
func (t *turn) putBack() (arrived bool) {
	c := t.c
	if t.in != nil {
		if n := t.in.next - t.in.off; n != t.used { // by a Stream, after Detach
			t.used, t.seen, t.want = n, 0, 0
		}
		t.in.owned = false
		c.in, t.in.more = t.in.more, nil
	}
	if c.has(flagClosing | flagAbort) {
		t.used = len(t.data)
		if c.in != nil {
			c.in.release()
			c.in = nil
		}
	}
	if t.used == len(t.data) {
		if t.in != nil {
			t.in.release()
		}
		return c.in != nil
	}
	if t.in == nil {
		t.in = newInbound(c.loop, len(t.data)-t.used)
		t.in.append(t.data[t.used:])
		t.in.since = c.loop.ticksNow()
	} else if t.used > 0 {
		t.in.off += t.used
		t.in.since = c.loop.ticksNow()
	}
	t.in.seen, t.in.by, t.in.want = t.seen, t.proto, t.want
	if c.in != nil {
		t.in.append(c.in.rest())
		c.in.release()
		arrived = true
	}
	c.in = t.in
	return arrived
}

// close is the last turn of a connection: everything that arrived before the
// end has been delivered.
func (t *turn) close() {
	c := t.c
	c.mu.Lock()
	c.returned()
	if t.err != nil {
		c.cause(t.err)
	}
	t.consume(len(t.data) - t.used)
	t.putBack()
	if c.in != nil {
		c.in.release()
		c.in = nil
	}
	if c.out != nil {
		c.out.release()
		c.out = nil
	}
	c.unset(flagBatch)
	err := c.closeErr()
	c.mu.Unlock()
	defer t.over()
	t.closing, t.returned = true, false
	defer t.catch()
	c.proto.Load().handler.OnClose(c, err)
	t.returned = true
}

// over follows OnClose. The turn stays taken, so there is none after it.
func (t *turn) over() {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.c.returned()
	t.c.unset(flagRunning)
}
