package weir

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Stream is blocking access to a connection in Pool mode, a net.Conn. A callback
// uses it to read what follows the frame that it has been given, as it comes and
// undecoded, such as the body of a request of which the frame is the head. What the
// callback leaves is decoded by the codec when it has returned.
//
// A callback that waits in Read or Write does not count against Config.Workers, and
// what the peer sends meanwhile is bounded by Config.MaxPending: a Stream that is
// not read slows the peer down.
//
// After Detach the Stream is all there is of the connection.
//
// Methods may be called from any goroutine, but Read and Detach only while the
// callback runs, and Read after Detach: otherwise they return ErrNotInCallback. A
// goroutine that outlives the callback must not read on, since the next callback may
// have begun, whose bytes it would take. On a connection in Inline mode Read, Write
// and Detach return ErrInline.
type Stream struct {
	c           *Conn
	read, write deadline
}

// Stream returns a Stream of the connection.
func (c *Conn) Stream() *Stream { return &Stream{c: c} }

// Conn returns the connection.
func (s *Stream) Conn() *Conn { return s.c }

// Read waits for bytes and returns them. The error is io.EOF when the peer has
// ended its side of the stream, os.ErrDeadlineExceeded, ErrClosed, or that which has
// ended the connection. What was written before is sent before it waits. While
// reading is paused, by PauseRead or by OverflowPause, nothing comes.
func (s *Stream) Read(p []byte) (int, error) { return s.receive(p, -1) }

// ReadThrough is Read that takes nothing behind the first delim: for those who have
// to leave what follows a line to others. p is scratch: more of it may be changed
// than the n bytes that were read.
func (s *Stream) ReadThrough(p []byte, delim byte) (n int, err error) {
	return s.receive(p, int(delim))
}

// receive is Read, or if delim is a byte, ReadThrough.
func (s *Stream) receive(p []byte, delim int) (int, error) {
	c := s.c
	if c.loop.inline {
		return 0, ErrInline
	}
	if s.read.passed() {
		return 0, os.ErrDeadlineExceeded
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for callback := c.callback(); ; {
		if !c.has(flagDetached) && (!c.has(flagRunning) || callback != c.callback()) {
			return 0, c.notInCallback()
		}
		if n := c.take(p, delim); n > 0 || len(p) == 0 {
			return n, nil
		}
		switch {
		case c.has(flagClosing | flagAbort):
			return 0, ErrClosed
		case c.has(flagEOF):
			return 0, io.EOF
		case c.has(flagDead):
			if err := c.closeErr(); err != nil {
				return 0, err
			}
			return 0, ErrClosed
		}
		if c.has(flagBatch) && !c.has(flagBlocked) {
			c.flush()
		}
		x := c.extension()
		x.reads++
		c.heed()
		ok := c.wait(s.read.done())
		x.reads--
		c.heed()
		if !ok {
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// callback tells the callback under way from the next, as far as somebody waits in
// it. It needs mu.
func (c *Conn) callback() uint32 {
	if c.ext == nil {
		return 0
	}
	return c.ext.callback
}

// notInCallback is the error for those who use a Stream when they must not.
func (c *Conn) notInCallback() error {
	if c.has(flagClosing | flagAbort | flagDead) {
		return ErrClosed
	}
	return ErrNotInCallback
}

// heed has the loop look whether to read during Shutdown, where it does so only
// for callbacks that are under way. It needs mu.
func (c *Conn) heed() {
	if c.has(flagDrain) && !c.has(flagDead) {
		c.post()
	}
}

// take moves received bytes that no turn has decoded to p, up to and with the first
// delim, if that is not negative. It needs mu.
func (c *Conn) take(p []byte, delim int) int {
	box := &c.in
	if in := c.in; in != nil && in.owned {
		if rest := in.buf.B[in.next:]; len(rest) > 0 {
			n := copyThrough(p, rest, delim)
			in.next += n
			return n
		}
		box = &in.more
	}
	in := *box
	if in == nil {
		c.notFull() // what the turn began with may have been all that was allowed
		return 0
	}
	n := copyThrough(p, in.rest(), delim)
	in.off += n
	if in.len() == 0 {
		in.release()
		*box = nil
	} else {
		in.seen, in.want = 0, 0
		in.since = c.loop.ticksNow() // a frame that begins here does so now
	}
	if *box == nil || in.len() < c.loop.config.MaxPending/2 {
		c.notFull()
	}
	return n
}

func copyThrough(p, from []byte, delim int) int {
	n := copy(p, from)
	if delim >= 0 {
		if i := bytes.IndexByte(p[:n], byte(delim)); i >= 0 {
			n = i + 1
		}
	}
	return n
}

// notFull goes on with the reading, if MaxPending has stopped it. It needs mu.
func (c *Conn) notFull() {
	if c.has(flagFull) {
		c.unset(flagFull)
		c.post()
	}
}

// streamChunk is how much of a Write is accepted before it is asked again whether
// the backlog allows more.
const streamChunk = 64 << 10

// Write sends p. Unlike Conn.Write it waits as long as the backlog is above the high
// watermark, so that a peer that reads slowly slows down the writer. With
// OverflowClose the connection ends with ErrSlowConsumer instead. The error is
// os.ErrDeadlineExceeded or one of those of Conn.Write; n bytes have been accepted.
func (s *Stream) Write(p []byte) (n int, err error) {
	if s.c.loop.inline {
		return 0, ErrInline
	}
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for first := true; first || n < len(p); first = false {
		if s.write.passed() {
			return n, os.ErrDeadlineExceeded
		}
		switch ok, err := c.waitWritable(s.write.done()); {
		case !ok:
			return n, os.ErrDeadlineExceeded
		case err != nil:
			return n, err
		}
		chunk := p[n:min(n+streamChunk, len(p))]
		if err := c.admit(); err != nil {
			return n, err
		}
		if err := c.write(chunk); err != nil {
			return n, err
		}
		n += len(chunk)
	}
	return n, nil
}

// Detach, called in a callback, takes the connection out of the hands of its Handler:
// after that callback none but OnClose follows, also none of Do and AfterFunc, and
// neither the idle nor the frame timeout counts. The Stream may be used from any
// goroutine, until it is closed, which has to be done.
//
// Shutdown leaves a detached connection alone, until its context ends. The error is
// ErrClosed, ErrInline or ErrNotInCallback.
func (s *Stream) Detach() error {
	c := s.c
	if c.loop.inline {
		return ErrInline
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(flagClosing|flagAbort|flagDead) || !c.has(flagRunning|flagDetached) {
		return c.notInCallback()
	}
	c.extension() // where end will note it
	c.set(flagDetached)
	if c.has(flagDrain) { // Shutdown had come to it first
		c.unset(flagDrain)
		c.post()
	}
	return nil
}

// unpark gives the turn of a detached connection back, because the connection is
// closing or has ended: one follows to throw away what was not read. It needs mu.
func (c *Conn) unpark() {
	if c.ext != nil && c.ext.parked {
		c.ext.parked = false
		c.unset(flagTurn)
		c.schedule(eventResume)
	}
}

// Close closes the connection gracefully, as Conn.Close does.
func (s *Stream) Close() error {
	err := s.c.Close()
	s.read.set(time.Time{})
	s.write.set(time.Time{})
	return err
}

// LocalAddr returns the address on this side.
func (s *Stream) LocalAddr() net.Addr { return s.c.LocalAddr() }

// RemoteAddr returns the address of the peer.
func (s *Stream) RemoteAddr() net.Addr { return s.c.RemoteAddr() }

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (s *Stream) SetDeadline(t time.Time) error {
	s.read.set(t)
	s.write.set(t)
	return nil
}

// SetReadDeadline has Read fail with os.ErrDeadlineExceeded from t on, also one that
// waits already. Unlike Conn.SetReadDeadline it does not end the connection. The
// zero time means none.
func (s *Stream) SetReadDeadline(t time.Time) error {
	s.read.set(t)
	return nil
}

// SetWriteDeadline is the same for Write.
func (s *Stream) SetWriteDeadline(t time.Time) error {
	s.write.set(t)
	return nil
}

// deadline is a time that ends waiting. The zero value is none.
type deadline struct {
	mu     sync.Mutex
	timer  *time.Timer
	cancel chan struct{} // closed when the time has come; nil: nobody has asked
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.cancel == nil || isClosed(d.cancel) {
		d.cancel = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	cancel := d.cancel
	if wait := time.Until(t); wait > 0 {
		var timer *time.Timer
		timer = time.AfterFunc(wait, func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.timer == timer { // not replaced when it had fired already
				d.timer = nil
				close(cancel)
			}
		})
		d.timer = timer
		return
	}
	close(cancel)
}

// done returns a channel that is closed when the time has come, also if that is set
// only later.
func (d *deadline) done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel == nil {
		d.cancel = make(chan struct{})
	}
	return d.cancel
}

func (d *deadline) passed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cancel != nil && isClosed(d.cancel)
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

var _ net.Conn = (*Stream)(nil)
