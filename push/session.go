package push

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// Session is a client as long as its connection lasts. Receive, Writable, Silent and
// Closed are the transport's to call, one at a time: in what the source calls the turn.
//
// An idle Session with one subscription takes some 200 bytes, with its place in the
// server's tables.
type Session struct {
	// Immutable.
	sink   Sink
	format *Format // and its server
	id     uint32  // in the server's table
	opened uint32  // seconds since the server started

	mu       sync.Mutex // guards what follows; may be held when something is sent
	flags    sessionFlags
	nBehind  uint32         // how many subscriptions are behind, all with wildcards being one
	key      string         // the user, a zero byte, and the session's name; "": HELLO was not accepted yet
	identity *Identity      // its User never changes
	subs     []subscription // by serial of their topics
	rare     *rare

	helloOwed atomic.Bool
}

// rare is what few sessions have.
type rare struct {
	wild    *wild
	queue   *queue
	acks    []protocol.Frame      // PUBACK and ERR that wait for a turn
	flight  int                   // PUB of QoS 1 that are not answered
	dropped uint64                // messages of QoS 0 not delivered
	expiry  int64                 // Unix nanoseconds of the earliest alarm for the end of a renewed token; 0: none
	resumed map[string]savedPlace // where the session was, by filter, before this connection
}

type sessionFlags uint32

const (
	sessionGreeted   sessionFlags = 1 << iota // HELLO accepted, WELCOME sent
	sessionHello                              // HELLO received
	sessionEnded                              // nothing is sent or received any more
	sessionClosed                             // the transport has said so
	sessionWoken                              // a turn of catchUp is due
	sessionRetry                              // the sink has refused something: try again in a second
	sessionThrottled                          // what it reads from the disk has to wait, by ResumeRate
	sessionFull                               // not read from: MaxFlight publications are unanswered
	sessionCongested                          // not read from: the pipeline is full
	sessionWaiting                            // not read from: waiting for admission
	sessionTouched                            // its cursors have changed since they were saved

	sessionHeld = sessionFull | sessionCongested | sessionWaiting
)

func (c *Session) has(f sessionFlags) bool { return c.flags&f != 0 }
func (c *Session) set(f sessionFlags)      { c.flags |= f }
func (c *Session) unset(f sessionFlags)    { c.flags &^= f }

// ext returns the rare part. c.mu is held.
func (c *Session) ext() *rare {
	if c.rare == nil {
		c.rare = &rare{}
	}
	return c.rare
}

// who returns the identity.
func (c *Session) who() *Identity {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.identity
}

// behind changes the number of subscriptions that are behind. c.mu is held.
func (c *Session) behind(d int32) {
	was := c.nBehind
	c.nBehind = uint32(int32(c.nBehind) + d)
	switch {
	case was == 0 && c.nBehind > 0:
		c.format.server.counts.behind.Add(1)
	case was > 0 && c.nBehind == 0:
		c.format.server.counts.behind.Add(-1)
		if !c.has(sessionEnded) {
			c.format.server.counts.caughtUp.Add(1)
		}
	}
}

// Attach begins a session on a connection, on which frames in that format are sent. The
// transport hands in what comes, see Session.
func (s *Server) Attach(k Sink, f *Format) *Session {
	c := &Session{sink: k, format: f, opened: uint32(time.Since(s.started) / time.Second)}
	c.helloOwed.Store(true)
	c.id = s.table.put(c)
	s.counts.opened.Add(1)
	s.counts.attached[f.index].Add(1)
	s.greetings.expect(c)
	return c
}

// Receive takes a frame, undecoded. frame is the caller's again when it returns. It may
// block, for as long as an Authenticator does.
func (c *Session) Receive(frame []byte) {
	c.format.server.counts.framesIn.Add(1)
	f, err := protocol.Decode(c.format.Encoding, frame)
	if err != nil {
		c.Refuse(protocol.CodeMalformed, err.Error())
		return
	}
	c.mu.Lock()
	flags := c.flags
	c.mu.Unlock()
	if flags&sessionEnded != 0 {
		return
	}
	if f, ok := f.(*protocol.Hello); ok {
		if !c.helloOwed.Swap(false) {
			c.Refuse(protocol.CodeUnexpected, "a second HELLO")
			return
		}
		c.hello(f)
		return
	}
	if flags&sessionGreeted == 0 {
		c.Refuse(protocol.CodeUnexpected, "the first frame has to be HELLO")
		return
	}
	if id, ok := requestID(f); ok && id == 0 {
		c.Refuse(protocol.CodeMalformed, f.Type().String()+" needs an id, by which it is answered")
		return
	}
	switch f := f.(type) {
	case *protocol.Ping:
		c.send(&protocol.Pong{})
	case *protocol.Pong:
	case *protocol.Pub:
		c.publish(f)
	case *protocol.Ack:
		c.acknowledge(f)
	case *protocol.Sub:
		c.subscribe(f.ID, f.Subscription)
	case *protocol.Unsub:
		c.unsubscribe(f.Filter)
	case *protocol.Token:
		c.renew(f)
	case *protocol.Presence:
		c.askPresence(f)
	default:
		c.Refuse(protocol.CodeUnexpected, "a client does not send "+f.Type().String())
	}
}

// requestID returns the number by which a frame that has an answer is answered. It must
// not be 0, since an ERR with that would be taken for the connection's.
func requestID(f protocol.Frame) (id uint32, ok bool) {
	switch f := f.(type) {
	case *protocol.Pub:
		return f.ID, f.QoS != protocol.AtMostOnce
	case *protocol.Sub:
		return f.ID, true
	case *protocol.Token:
		return f.ID, true
	case *protocol.Presence:
		return f.ID, true
	}
	return 0, false
}

// Refuse is for what the transport itself refuses, such as a stream that makes no
// sense: it tells the client, counts, and closes the sink.
func (c *Session) Refuse(code protocol.Code, message string) {
	c.fail(refusal(code, message))
}

// Writable says that the sink has become writable again.
func (c *Session) Writable() { c.catchUp() }

// Silent says that the peer has been silent for a ping interval: PING is sent. For
// transports that have no pings of their own.
func (c *Session) Silent() { c.send(&protocol.Ping{}) }

// Closed says that the connection has ended, once, last.
func (c *Session) Closed(err error) {
	c.mu.Lock()
	if c.has(sessionClosed) {
		c.mu.Unlock()
		return
	}
	c.set(sessionClosed)
	c.endLocked()
	key := c.key
	c.mu.Unlock()
	s := c.format.server
	if key != "" {
		s.unregister(c, key) // as long as the id is its own
	}
	s.table.drop(c.id)
	s.counts.closed.Add(1)
	s.counts.attached[c.format.index].Add(-1)
}

// endLocked ends what the session takes part in. The connection may live on for what
// was sent to leave. c.mu is held.
func (c *Session) endLocked() {
	if c.has(sessionEnded) {
		return
	}
	c.set(sessionEnded)
	s := c.format.server
	if c.has(sessionGreeted) {
		s.counts.sessions.Add(-1)
		s.cursors.keep(c)
	}
	c.unsubscribeAll()
	if c.rare != nil {
		if c.rare.queue != nil {
			s.counts.dropped[droppedEnd].Add(uint64(c.rare.queue.waiting.len()))
		}
		c.rare.queue, c.rare.acks = nil, nil
	}
}

// fail ends the session with an ERR that the client gets.
func (c *Session) fail(e *Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failLocked(e)
}

func (c *Session) failLocked(e *Error) {
	if c.has(sessionEnded) {
		return
	}
	c.refuseLocked(0, e)
	c.endLocked()
	c.sink.Close(e.Code)
}

// leave ends the session with a GOAWAY.
func (c *Session) leave(g *protocol.GoAway) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.has(sessionEnded) {
		return
	}
	c.sendLocked(g)
	c.format.server.counts.sentAway.Add(1)
	c.endLocked()
	c.sink.Close(protocol.CodeGoingAway)
}

// refuse answers a frame with an ERR.
func (c *Session) refuse(id uint32, e *Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuseLocked(id, e)
}

func (c *Session) refuseLocked(id uint32, e *Error) {
	c.format.server.refused(e.Code)
	c.sendLocked(e.frame(id))
}

// refusePub answers a PUB of QoS 0, if it has a number to be answered by.
func (c *Session) refusePub(id uint32, e *Error) {
	if id == 0 {
		c.format.server.refused(e.Code)
		return
	}
	c.refuse(id, e)
}

// send sends a frame that is for this client alone. A client that asks and asks, and
// does not read the answers, is disconnected.
func (c *Session) send(f protocol.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sendLocked(f)
}

func (c *Session) sendLocked(f protocol.Frame) {
	if c.has(sessionEnded) {
		return
	}
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	b, err := protocol.Append((*buf)[:0], c.format.Encoding, f)
	if err != nil {
		c.format.server.config.Logger.Error("push: a frame cannot be encoded, and is left out", "type", f.Type(), "err", err)
		return
	}
	if cap(b) <= 4<<10 {
		*buf = b
	}
	if err := c.sink.Write(b); err != nil {
		c.endLocked()
		if !errors.Is(err, net.ErrClosed) {
			c.format.server.refused(protocol.CodeSlowConsumer)
		}
		c.sink.Close(protocol.CodeSlowConsumer)
		return
	}
	c.format.server.counts.bytesOut.Add(uint64(len(b)))
}

// buffers lends memory for frames that are for one client. Whatever is allocated for
// each connection and dropped leaves holes between what stays.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 256); return &b }}

// wakeLocked has catchUp run in a turn. c.mu is held.
func (c *Session) wakeLocked() {
	if c.has(sessionWoken | sessionEnded) {
		return
	}
	if c.sink.Do(c.catchUp) == nil {
		c.set(sessionWoken)
	}
}

// retryLocked has catchUp run in a second: the sink has refused a message although it
// was writable, for want of memory perhaps, and will not say when it is again.
func (c *Session) retryLocked() {
	if !c.has(sessionRetry | sessionEnded) {
		c.set(sessionRetry)
		c.format.server.alarms.set(time.Now().Add(time.Second), c, alarmRetry)
	}
}

// unavailable is the error for a log that fails.
func unavailable(err error) *Error {
	return &Error{Code: protocol.CodeUnavailable, Temporary: true, RetryAfter: time.Second, Message: "the message log is not available at present", Err: err}
}

// refusal is the error for a code, which tells whether it is one that may not come
// again.
func refusal(code protocol.Code, message string) *Error {
	e := &Error{Code: code, Message: message, Temporary: code.Temporary()}
	if e.Temporary {
		e.RetryAfter = time.Second
	}
	return e
}

// frame returns what a client is told.
func (e *Error) frame(id uint32) *protocol.Err {
	return &protocol.Err{ID: id, Code: e.Code, Temporary: e.Temporary, RetryAfter: milliseconds(e.RetryAfter), Message: e.Message}
}

// milliseconds is a time as frames have it.
func milliseconds(d time.Duration) uint32 {
	return uint32(max(0, min(d.Milliseconds(), 1<<32-1)))
}

// authError is the error for a token that was refused.
func authError(err error) *Error {
	e := &Error{Code: protocol.CodeUnauthorized, Message: "the token is not valid", Err: err}
	switch {
	case errors.Is(err, ErrExpired):
		e.Code, e.Message = protocol.CodeExpired, "the token has expired"
	case errors.Is(err, ErrRevoked):
		e.Code, e.Message = protocol.CodeRevoked, "the token was revoked"
	}
	return e
}
