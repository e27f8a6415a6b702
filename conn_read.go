package weir

import (
	"errors"

	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/internal/socket"
	"github.com/weir-go/weir/reactor"
)

// events is Conn as the reactor sees it, its Handler and its Task: a type of its
// own, so that these methods are not part of the public API.
type events Conn

func (e *events) OnReady(ready reactor.Interest) {
	c := (*Conn)(e)
	if ready&reactor.Writable != 0 && c.has(flagBlocked) {
		c.writable()
	}
	if ready&reactor.Readable != 0 {
		c.read()
	}
}

func (e *events) OnTimer() { (*Conn)(e).expire() }

// OnPanic is told of a panic outside of the callbacks, which have a net of their
// own: of a fault of weir's.
func (e *events) OnPanic(p *reactor.PanicError) { (*Conn)(e).panicked(p) }

// Run is the reactor.Task that Conn.post posts.
func (e *events) Run() { (*Conn)(e).settle() }

// read is called by the loop when the socket is readable. One read per event:
// the poller is level-triggered, so what is left is reported again after
// everybody else has had a turn.
func (c *Conn) read() {
	flags := c.flags.Load()
	if flags&(flagClosing|flagFIN) == flagClosing|flagFIN {
		c.discard()
		return
	}
	if flags&readOff != 0 && (flags&readOff != flagDrain || c.interest&reactor.Readable == 0) {
		return // an event from before the pause, or a hang-up: met when reading goes on
	}
	l := c.loop
	n, err := socket.Read(int(c.fd), l.readBuffer)
	switch {
	case n > 0:
		l.stats.bytesIn.Add(uint64(n))
		if flags&flagFresh == 0 {
			c.received = l.ticks()
		}
		c.receive(l.readBuffer[:n])
	case err == nil:
		c.mu.Lock()
		c.set(flagEOF)
		c.notifyEnd()
		c.wakeWaiters()
		c.schedule(eventResume)
		c.post()
		c.mu.Unlock()
	case errors.Is(err, socket.ErrAgain):
	default:
		c.mu.Lock()
		c.destroy(err)
		c.mu.Unlock()
	}
}

// discard reads and drops what a peer still sends to a connection that has been
// closed. Were the descriptor closed with bytes unread, the system would answer
// with RST, and that can destroy the end of what was sent to the peer.
func (c *Conn) discard() {
	n, err := socket.Read(int(c.fd), c.loop.readBuffer)
	if n > 0 || errors.Is(err, socket.ErrAgain) {
		return
	}
	c.mu.Lock()
	c.destroy(nil) // FIN, or RST: either way the peer is done
	c.mu.Unlock()
}

// receive takes the bytes of one read, a view of the loop's read buffer.
func (c *Conn) receive(data []byte) {
	if c.loop.inline {
		c.turn(data)
		return
	}
	c.mu.Lock()
	if c.has(flagClosing | flagAbort) {
		c.mu.Unlock()
		return
	}
	in := c.inbox(len(data))
	if c.has(flagTurn) {
		in.append(data)
		c.wakeWaiters() // a Stream may be waiting for it
		if in.len() >= c.loop.config.MaxPending || c.loop.overBudget() {
			c.set(flagFull)
			c.loop.stats.pausedPending.Add(1)
			c.post()
		}
		c.mu.Unlock()
		return
	}
	// The loop itself takes the turn, to see whether there is anything to do
	// for a worker: half a frame must not occupy one. Decode is called without
	// mu, because a codec may be the user's.
	c.set(flagTurn)
	c.mu.Unlock()
	in.append(data)
	idle := in.incomplete(c.proto.Load(), c.loop.config.MaxFrame)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !idle || c.has(eventMask) {
		c.loop.runnable = append(c.loop.runnable, c)
		return
	}
	c.unset(flagTurn)
	c.keepWithinBudget()
	if by := c.frameBy(); by != 0 && !c.has(flagDead) {
		c.arm()
	}
}

// keepWithinBudget ends a connection whose unfinished frame is too much for all
// buffers together. To pause it instead would help nobody: it may be that no
// frame is ever finished again. The loop's; needs mu.
func (c *Conn) keepWithinBudget() {
	in := c.in
	if in == nil || !c.loop.overBudget() {
		return
	}
	c.loop.stats.budget.Add(1)
	if in.seen == in.len() {
		// There is no frame in it that OnClose would have to wait for, so the
		// connections that come next need not pay for it.
		in.release()
		c.in = nil
	}
	c.destroy(ErrBudget)
}

// incomplete reports whether the bytes hold neither a whole frame nor an error. A
// codec that panics will do so again in the turn, where that is dealt with.
func (in *inbound) incomplete(p *Protocol, maxFrame int) (yes bool) {
	defer func() {
		if recover() != nil {
			yes = false
		}
	}()
	_, n, err := p.decode(in.rest(), in.trusted(p))
	if n != 0 || err != nil {
		return false
	}
	want := p.frameSize(in.rest())
	if max(want, in.len()) > maxFrame {
		return false
	}
	in.seen, in.by, in.want = in.len(), p, want
	return true
}

func frameTooLarge(size, maxFrame int) error {
	return &codec.Error{Codec: "MaxFrame", Err: codec.ErrTooLarge, Size: uint64(size), Max: maxFrame}
}
