package weir

import (
	"math"
	"slices"
	"time"

	"github.com/weir-go/weir/reactor"
)

// A connection has one timer in its loop, set to the earliest of its deadlines.
// Activity does not touch it: when it fires, the deadlines are looked at again,
// and it is set to the earliest of those that are left. So a deadline costs
// nothing per message, and a connection without any has no timer.

// SetReadDeadline ends the connection with ErrReadTimeout when t has come, unless
// the deadline is moved before. The zero time means none.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.setDeadline(func(x *connExt, at time.Duration) { x.readBy = at }, t)
}

// SetWriteDeadline ends the connection with ErrWriteTimeout when t has come and
// something that was written before still waits to be sent; what is written
// after t fails with ErrWriteTimeout. The zero time means none.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(func(x *connExt, at time.Duration) { x.writeBy = at }, t)
}

func (c *Conn) setDeadline(set func(*connExt, time.Duration), t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(flagDead) {
		return ErrClosed
	}
	at := time.Duration(0)
	if !t.IsZero() {
		at = max(1, later(c.loop.reactor.Clock(), time.Until(t)))
	} else if c.ext == nil {
		return nil
	}
	set(c.extension(), at)
	c.post()
	return nil
}

// SetIdleTimeout replaces Config.IdleTimeout for this connection; d <= 0 means
// none.
func (c *Conn) SetIdleTimeout(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(flagDead) {
		return ErrClosed
	}
	x := c.extension()
	x.idle, x.idleSet = max(d, 0), true
	c.post()
	return nil
}

// Timer is a function that waits for its time, see Conn.AfterFunc.
type Timer struct {
	c  *Conn
	at time.Duration
	f  func(*Conn)
}

// AfterFunc runs f as a callback of the connection after d, rounded up to
// milliseconds, unless the connection has ended or the timer is stopped before.
// Each costs an allocation and a place in the connection's list; there should be
// few per connection.
func (c *Conn) AfterFunc(d time.Duration, f func(c *Conn)) (*Timer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(flagDead | flagDetached) {
		return nil, ErrClosed
	}
	t := &Timer{c: c, at: later(c.loop.reactor.Clock(), max(d, 0)), f: f}
	x := c.extension()
	i, _ := slices.BinarySearchFunc(x.timers, t.at, func(t *Timer, at time.Duration) int {
		if t.at <= at {
			return -1
		}
		return 1
	})
	x.timers = slices.Insert(x.timers, i, t)
	c.post()
	return t, nil
}

// Stop prevents the function from being run. It reports false if that is no
// longer possible: it has run, is about to, or the connection has ended.
func (t *Timer) Stop() bool {
	c := t.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ext == nil {
		return false
	}
	i := slices.Index(c.ext.timers, t)
	if i < 0 {
		return false
	}
	c.ext.timers = slices.Delete(c.ext.timers, i, i+1)
	return true
}

// later returns at+d, or the end of time if that is sooner.
func later(at, d time.Duration) time.Duration {
	if d > math.MaxInt64-at {
		return math.MaxInt64
	}
	return at + d
}

// expire is called when the timer fires. The loop's.
func (c *Conn) expire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(flagDead) {
		return
	}
	now := c.loop.reactor.Now()
	err := c.expired(now)
	if err == ErrIdleTimeout && c.proto.Load().idler != nil {
		c.received = c.loop.ticks()
		c.schedule(eventIdle)
		err = c.expired(now)
	}
	if err != nil {
		c.loop.stats.timeouts.Add(1)
		c.destroy(err)
		return
	}
	if x := c.ext; x != nil {
		if c.lingered(x, now) {
			c.destroy(nil)
			return
		}
		for len(x.timers) > 0 && x.timers[0].at <= now {
			f := x.timers[0].f
			x.timers = slices.Delete(x.timers, 0, 1)
			if !c.has(flagDetached) {
				c.call(f)
			}
		}
	}
	if c.has(flagTurn) && !c.has(flagFresh|flagDetached) {
		c.set(flagAwaited)
	}
	c.arm()
}

// expired returns the timeout that has come, if one has.
func (c *Conn) expired(now time.Duration) error {
	if by, err := c.silenceBy(); by != 0 && by <= now {
		return err
	}
	if by := c.frameBy(); by != 0 && by <= now {
		return ErrFrameTimeout
	}
	if by := c.stallBy(); by != 0 && by <= now {
		return ErrWriteTimeout
	}
	if x := c.ext; x != nil {
		if x.readBy != 0 && x.readBy <= now {
			return ErrReadTimeout
		}
		if x.writeBy != 0 && x.writeBy <= now && c.out != nil && c.has(flagBlocked) {
			return ErrWriteTimeout
		}
	}
	return nil
}

// lingered reports whether a connection that is closing has waited long enough.
func (c *Conn) lingered(x *connExt, now time.Duration) bool {
	if x.lingerBy != 0 && x.lingerBy <= now {
		return true
	}
	if x.checkBy != 0 && x.checkBy <= now {
		if c.acknowledged() {
			return true
		}
		x.checkEvery = min(2*x.checkEvery, 100*time.Millisecond)
		x.checkBy = now + x.checkEvery
	}
	return false
}

// silenceBy returns until when something has to be received, or 0, and the error
// if it is not. Until the first frame the time of the last read does not move,
// so the handshake timeout needs no place of its own.
func (c *Conn) silenceBy() (time.Duration, error) {
	if c.has(flagEOF|flagClosing|flagPaused|flagHeld|flagFull|flagGreeted|flagDetached) || c.interest&reactor.Readable == 0 {
		return 0, nil // it is not the peer who is silent
	}
	idle := c.proto.Load().idle(c.loop.config)
	if c.ext != nil && c.ext.idleSet {
		idle = c.ext.idle
	}
	now := c.loop.reactor.Now()
	since := nearest(now, c.received)
	if c.has(flagTurn) {
		since = now // a callback runs: it may be the peer who waits
	}
	switch {
	case c.has(flagFresh):
		return later(since, c.loop.config.HandshakeTimeout), ErrHandshakeTimeout
	case idle > 0:
		return later(since, idle), ErrIdleTimeout
	}
	return 0, nil
}

// frameBy returns until when the unfinished frame has to be whole, or 0. Its time
// begins anew when reading goes on after a pause, see watch. The loop's; it needs mu.
func (c *Conn) frameBy() time.Duration {
	in := c.in
	if in == nil || c.has(flagEOF|flagClosing|flagPaused|flagHeld|flagFull|flagTurn) || c.interest&reactor.Readable == 0 {
		return 0
	}
	d := c.proto.Load().frameTimeout(c.loop.config, in.len())
	if d == 0 {
		return 0
	}
	return later(nearest(c.loop.reactor.Now(), in.since), d)
}

// nearest returns the time nearest to now of which ticks are the lower 32 bits, of
// 49 days, in ticks.
func nearest(now time.Duration, ticks uint32) time.Duration {
	n := int64(now / reactor.Tick)
	return time.Duration(n+int64(int32(ticks-uint32(n)))) * reactor.Tick
}

// stallBy returns until when the peer has to take something of the backlog, or 0.
func (c *Conn) stallBy() time.Duration {
	if c.out == nil || !c.has(flagBlocked) || c.loop.config.WriteTimeout < 0 {
		return 0
	}
	return later(c.out.progress, c.loop.config.WriteTimeout)
}

// arm sets the timer to the earliest deadline. The loop's; it needs mu.
func (c *Conn) arm() {
	first := time.Duration(0)
	earlier := func(at time.Duration) {
		if at != 0 && (first == 0 || at < first) {
			first = at
		}
	}
	by, _ := c.silenceBy()
	earlier(by)
	earlier(c.frameBy())
	earlier(c.stallBy())
	if x := c.ext; x != nil {
		earlier(x.readBy)
		if c.has(flagBlocked) {
			earlier(x.writeBy)
		}
		earlier(x.lingerBy)
		earlier(x.checkBy)
		if len(x.timers) > 0 {
			earlier(x.timers[0].at)
		}
	}
	if first == 0 {
		first = -1
	}
	c.loop.reactor.SetTimer(c.token, first)
}
