package weir

import (
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weir-go/weir/internal/socket"
	"github.com/weir-go/weir/reactor"
)

// Conn is a connection of a Server or a Client.
//
// All methods may be called from any goroutine, at any time: after the
// connection has ended they return ErrClosed. A Conn is not reused, so it may be
// kept.
//
// A connection is owned by one event loop, which alone reads from the socket and
// closes it. Its callbacks run one after the other, in what the source calls a
// turn: the exclusive right, passed from worker to worker in Pool mode, to decode
// what has been received and to call the handler.
//
// An idle Conn owns no buffer and no goroutine: it is this struct, 128 bytes on
// 64-bit machines, and a slot of 32 in its loop.
type Conn struct {
	// What every message touches comes first, in one cache line.

	loop  *loop // immutable
	proto atomic.Pointer[Protocol]

	mu sync.Mutex // guards what follows; taken before any lock of a loop or of the dispatcher

	// flags is written under mu only, and read without it where a moment more
	// or less does not matter.
	flags atomic.Uint32

	// fd is closed by the loop, under mu, so the loop may use it without mu
	// and everybody else may under it. -1 when closed.
	fd int32

	in  *inbound  // received and not decoded, or nil; its owner is described there
	out *outbound // accepted and not sent, or nil

	// The loop's: the time of the last read, or of the opening as long as
	// flagFresh is set, in ticks of the reactor; and what the poller is asked.
	received uint32
	interest reactor.Interest

	// Under mu.
	ext   *connExt // what few connections need, or nil
	value any      // Context

	// Immutable once the connection is registered with its loop.
	token  reactor.Token
	local  *socket.Addr
	remote socket.Addr
}

// connExt holds what few connections need. Guarded by Conn.mu.
type connExt struct {
	err        error         // why the connection ends; the first cause stays
	idle       time.Duration // idle timeout, if idleSet
	idleSet    bool
	readBy     time.Duration // deadlines on the loop's clock; 0: none
	writeBy    time.Duration
	lingerBy   time.Duration
	checkBy    time.Duration // while lingering: when to ask whether the peer has everything
	checkEvery time.Duration
	calls      []func(*Conn) // to be run in the next turn
	timers     []*Timer      // by time
	waiters    []chan struct{}
	onEnd      func() // NotifyEnd
	reads      int    // of a Stream, that wait
	callback   uint32 // changes when a callback returns that was uncounted
	waits      int    // that have begun in the callback under way, and last
	long       bool   // it has called LongRunning
	parked     bool   // the turn is kept for a Stream, no callback runs
}

// The flags of a Conn.
const (
	// Read side.
	flagEOF     uint32 = 1 << iota // FIN received
	flagEOFDone                    // and the handler has been told, or the closing begun
	flagPartial                    // FIN came within a frame
	flagFresh                      // no whole frame yet, so the handshake timeout runs
	flagGreeted                    // the silence begins anew, after the first frame or a long callback, which the loop has not noted yet
	flagAwaited                    // a callback has run for so long that the idle timer, or the watch of the dispatcher, came by
	flagPaused                     // by PauseRead
	flagHeld                       // reading is paused: the backlog is above the high watermark
	flagFull                       // reading is paused: MaxPending bytes wait for a worker

	// Write side.
	flagBatch      // a turn is on: writes coalesce until it ends
	flagBlocked    // the socket was full: the rest waits until it is writable
	flagHigh       // the backlog has risen above the high watermark and not yet fallen to the low one
	flagCloseWrite // CloseWrite: FIN follows what is in out
	flagFIN        // FIN sent
	flagBroken     // a write has failed: nothing can be sent any more

	// Life.
	flagClosing // Close: no more frames, no more writes; FIN, then the end
	flagAbort   // Abort: the end, at once
	flagDrain   // Shutdown: as Close, once the frames that were received are handled
	flagDead    // the descriptor is closed

	flagCounted // against MaxConnsPerIP

	// Scheduling.
	flagPosted    // in the loop's task queue
	flagTurn      // the turn is taken
	flagRunning   // and its callbacks are being made
	flagUncounted // its worker does not count against Workers
	flagDetached  // when the callback returns the turn is kept for a Stream

	// Events for the next turn.
	eventOpen
	eventClose
	eventWritable
	eventShutdown
	eventIdle
	eventCalls
	eventResume // look at the inbound bytes again
)

const (
	eventMask = eventOpen | eventClose | eventWritable | eventShutdown | eventIdle | eventCalls | eventResume

	// readOff: any of these, and nothing is read from the socket.
	readOff = flagEOF | flagPaused | flagHeld | flagFull | flagDrain | flagDead

	// writeOff: any of these, and nothing more is accepted.
	writeOff = flagCloseWrite | flagFIN | flagBroken | flagClosing | flagAbort | flagDead
)

func newConn(l *loop, p *Protocol, fd int, local *socket.Addr, remote socket.Addr) *Conn {
	c := &Conn{loop: l, fd: int32(fd), local: local, remote: remote}
	c.proto.Store(p)
	flags := uint32(0)
	if l.config.HandshakeTimeout > 0 {
		flags |= flagFresh
	}
	if !p.frames {
		flags |= eventOpen
	}
	c.flags.Store(flags)
	return c
}

func (c *Conn) has(flags uint32) bool { return c.flags.Load()&flags != 0 }

// set and unset need mu.
func (c *Conn) set(flags uint32)   { c.flags.Store(c.flags.Load() | flags) }
func (c *Conn) unset(flags uint32) { c.flags.Store(c.flags.Load() &^ flags) }

// extension returns ext, made if need be. It needs mu.
func (c *Conn) extension() *connExt {
	if c.ext == nil {
		c.ext = &connExt{}
	}
	return c.ext
}

// empty reports whether a connection can do without it again.
func (x *connExt) empty() bool {
	return x.err == nil && !x.idleSet && x.readBy == 0 && x.writeBy == 0 && x.lingerBy == 0 && x.checkBy == 0 &&
		len(x.calls) == 0 && len(x.timers) == 0 && len(x.waiters) == 0 && x.onEnd == nil &&
		x.reads == 0 && x.callback == 0 && x.waits == 0 && !x.long && !x.parked
}

// ID returns a number that no other connection of the same Server or Client has
// or has had. It is valid from OnOpen on.
func (c *Conn) ID() uint64 {
	// generation (32 bits), loop (8 bits), slot (24 bits)
	return uint64(c.token.Generation())<<32 | uint64(c.loop.index)<<24 | uint64(c.token.Index())
}

// LocalAddr returns the address on this side, a *net.TCPAddr or *net.UnixAddr.
func (c *Conn) LocalAddr() net.Addr { return c.local.Net() }

// RemoteAddr returns the address of the peer, a *net.TCPAddr or *net.UnixAddr.
// Each call makes a new one; see also RemoteAddrPort.
func (c *Conn) RemoteAddr() net.Addr { return c.remote.Net() }

// RemoteAddrPort returns the IP address and port of the peer, without an
// allocation. It is the zero AddrPort for a unix socket.
func (c *Conn) RemoteAddrPort() netip.AddrPort { return c.remote.AddrPort() }

// Logger returns Config.Logger, for what a handler has to tell the operator.
func (c *Conn) Logger() *slog.Logger { return c.loop.config.Logger }

// Context returns what SetContext has stored, or nil.
func (c *Conn) Context() any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value
}

// SetContext stores a value of the user's with the connection.
func (c *Conn) SetContext(v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value = v
}

// Do runs f as a callback of the connection: after those that are under way or
// due already, and never at the same time as another. After Stream.Detach, which
// ends the callbacks, it returns ErrClosed, and what was due is not run.
func (c *Conn) Do(f func(c *Conn)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(flagDead | flagDetached) {
		return ErrClosed
	}
	c.call(f)
	return nil
}

// call needs mu.
func (c *Conn) call(f func(c *Conn)) {
	x := c.extension()
	x.calls = append(x.calls, f)
	c.schedule(eventCalls)
}

// PauseRead stops the reading: no OnFrame begins until ResumeRead, and bytes stay
// in the kernel, so that the peer's sending comes to a halt. While paused, the
// end of the connection may go unnoticed until the next write.
func (c *Conn) PauseRead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(flagDead) {
		return ErrClosed
	}
	if !c.has(flagPaused) {
		c.set(flagPaused)
		c.post()
	}
	return nil
}

// ResumeRead ends PauseRead.
func (c *Conn) ResumeRead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(flagDead) {
		return ErrClosed
	}
	if c.has(flagPaused) {
		c.unset(flagPaused)
		c.schedule(eventResume)
		c.post()
	}
	return nil
}

// NotifyEnd has f called, in a goroutine of its own, when the peer has ended its
// side of the stream or the connection has ended: at once, if that is so already,
// and once at the most. It tells a callback that takes long that nobody may be
// waiting any more, as long as reading is not paused. A write that has failed tells
// as much. A later f takes the place of an earlier one, and nil that of both. A
// panic of f is logged.
func (c *Conn) NotifyEnd(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f == nil && c.ext == nil {
		return
	}
	c.extension().onEnd = f
	if c.has(flagEOF | flagBroken | flagDead) {
		c.notifyEnd()
	}
	c.heed()
}

// notifyEnd needs mu.
func (c *Conn) notifyEnd() {
	if c.ext == nil || c.ext.onEnd == nil {
		return
	}
	f := c.ext.onEnd
	c.ext.onEnd = nil
	go func() {
		defer func() {
			if v := recover(); v != nil {
				c.loop.logPanic(nil, &PanicError{Value: v, Stack: debug.Stack()})
			}
		}()
		f()
	}()
}

// LongRunning says that the callback under way is going to wait for something for
// long: until it returns it does not count against Config.Workers, so that others
// need not wait for it. It is then MaxConns that bounds the number of such
// callbacks. It does nothing in Inline mode, where no callback may wait.
func (c *Conn) LongRunning() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loop.inline && c.has(flagRunning) {
		c.extension().long = true
		c.uncount()
	}
}

// uncount has the worker of the callback under way not count against Workers. It
// needs mu.
func (c *Conn) uncount() {
	if !c.has(flagUncounted) {
		c.set(flagUncounted)
		c.loop.dispatcher.block()
	}
}

// recount has it count again. It needs mu.
func (c *Conn) recount() {
	if c.has(flagUncounted) {
		c.unset(flagUncounted)
		c.loop.dispatcher.unblock()
	}
}

// returned says that the callback under way has returned: its worker counts, also
// if somebody else who waits since then goes on waiting. It needs mu.
func (c *Conn) returned() {
	if !c.has(flagUncounted) {
		return
	}
	c.recount()
	x := c.ext
	x.callback++
	x.waits, x.long = 0, false
	c.wakeWaiters() // a Read that has outlived its callback
}

// SetNoDelay turns Nagle's algorithm off, which it is by default, or on.
func (c *Conn) SetNoDelay(noDelay bool) error {
	return c.option(func(fd int) error {
		if !c.remote.IsTCP() {
			return nil
		}
		return socket.SetNoDelay(fd, noDelay)
	})
}

// SetKeepAlive sets the silence after which, and the interval in which, TCP
// probes the peer, rounded up to whole seconds; d <= 0 turns probes off.
func (c *Conn) SetKeepAlive(d time.Duration) error {
	return c.option(func(fd int) error {
		if !c.remote.IsTCP() {
			return nil
		}
		if d <= 0 {
			return socket.SetKeepAlive(fd, -1)
		}
		return socket.SetKeepAlive(fd, keepAliveSeconds(d))
	})
}

// SetReadBuffer sets the size in bytes of the kernel's receive buffer.
func (c *Conn) SetReadBuffer(bytes int) error {
	return c.option(func(fd int) error { return socket.SetReadBuffer(fd, bytes) })
}

// SetWriteBuffer sets the size in bytes of the kernel's send buffer.
func (c *Conn) SetWriteBuffer(bytes int) error {
	return c.option(func(fd int) error { return socket.SetWriteBuffer(fd, bytes) })
}

func (c *Conn) option(set func(fd int) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(flagDead) {
		return ErrClosed
	}
	return set(int(c.fd))
}
