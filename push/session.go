package push

import (
	"errors"
	"sync"
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
	server *Server
	sink   Sink
	format *Format
	id     uint32 // in the server's table
	opened uint32 // seconds since the server started

	mu       sync.Mutex // guards what follows; may be held when something is sent
	flags    sessionFlags
	nBehind  uint32         // how many subscriptions are behind, all with wildcards being one
	key      string         // the user, a zero byte, and the session's name; "": HELLO was not accepted yet
	identity *Identity      // its User never changes
	subs     []subscription // by serial of their topics
	rare     *rare
}

// rare is what few sessions have.
type rare struct {
	wild    *wild
	queue   *queue
	acks    []protocol.Frame      // PUBACK and ERR that wait for a turn
	flight  int                   // PUB of QoS 1 that are not answered
	dropped uint64                // messages of QoS 0 not delivered
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
		c.server.counts.behind.Add(1)
	case was > 0 && c.nBehind == 0:
		c.server.counts.behind.Add(-1)
		if !c.has(sessionEnded) {
			c.server.counts.caughtUp.Add(1)
		}
	}
}

// Attach begins a session on a connection, on which frames in that format are sent. The
// transport hands in what comes, see Session.
func (s *Server) Attach(k Sink, f *Format) *Session {
	c := &Session{server: s, sink: k, format: f, opened: uint32(time.Since(s.started) / time.Second)}
	c.id = s.table.put(c)
	s.counts.opened.Add(1)
	s.counts.attached[f.index].Add(1)
	s.alarms.set(time.Now().Add(s.config.HelloTimeout), c, alarmHello)
	return c
}

// Receive takes a frame, undecoded. frame is the caller's again when it returns. It may
// block, for as long as an Authenticator does.
func (c *Session) Receive(frame []byte) {
	c.server.counts.framesIn.Add(1)
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
		if flags&sessionHello != 0 {
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

// Refuse is for what the transport itself refuses, such as a stream that makes no
// sense: it tells the client, counts, and closes the sink.
func (c *Session) Refuse(code protocol.Code, message string) {
	c.fail(&Error{Code: code, Message: message, Temporary: code.Temporary()})
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
	s := c.server
	s.table.drop(c.id)
	s.counts.closed.Add(1)
	s.counts.attached[c.format.index].Add(-1)
	if key != "" {
		s.unregister(c, key)
	}
}

// endLocked ends what the session takes part in. The connection may live on for what
// was sent to leave. c.mu is held.
func (c *Session) endLocked() {
	if c.has(sessionEnded) {
		return
	}
	c.set(sessionEnded)
	s := c.server
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
	c.server.counts.sentAway.Add(1)
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
	c.server.refused(e.Code)
	c.sendLocked(e.frame(id))
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
	w, err := c.format.wire(f)
	if err != nil {
		c.server.config.Logger.Error("push: a frame cannot be encoded, and is left out", "type", f.Type(), "err", err)
		return
	}
	if err := c.sink.Send(w.sent); err != nil {
		c.endLocked()
		c.server.refused(protocol.CodeSlowConsumer)
		c.sink.Close(protocol.CodeSlowConsumer)
		return
	}
	c.server.counts.bytesOut.Add(uint64(w.size))
}

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
		c.server.alarms.set(time.Now().Add(time.Second), c, alarmRetry)
	}
}

// unavailable is the error for a log that fails.
func unavailable(err error) *Error {
	return &Error{Code: protocol.CodeUnavailable, Temporary: true, RetryAfter: time.Second, Message: "the message log is not available at present", Err: err}
}

// refusal is an error that will be the same next time.
func refusal(code protocol.Code, message string) *Error {
	return &Error{Code: code, Message: message}
}

// temporary is an error that may not come again.
func temporary(code protocol.Code, message string) *Error {
	return &Error{Code: code, Message: message, Temporary: true, RetryAfter: time.Second}
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
