package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/push/protocol"
)

// frame takes a frame of the server. The turn's.
func (c *Client) frame(conn *weir.Conn, e protocol.Encoding, b []byte) {
	f, err := protocol.Decode(e, b)
	if err != nil {
		c.malformed(conn, err)
		return
	}
	if m, ok := f.(*protocol.Msg); ok {
		if !c.message(conn, m) {
			c.malformed(conn, errors.New("MSG before WELCOME"))
		}
		return
	}
	c.mu.Lock()
	defer c.unlock()
	if c.conn != conn {
		return
	}
	if err := c.handle(conn, f); err != nil {
		c.refuseLocked(conn, err)
	}
}

// handle takes all frames but MSG. c.mu is held.
func (c *Client) handle(conn *weir.Conn, f protocol.Frame) error {
	switch f := f.(type) {
	case *protocol.Ping:
		if c.connected { // before that nothing but HELLO is sent
			_ = c.send(protocol.Pong{}) // the end of the connection will be told
		}
		return nil
	case *protocol.Pong:
		return nil
	case *protocol.Err:
		c.refusedBy(f)
		return nil
	case *protocol.GoAway:
		c.goAway(f)
		return nil
	case *protocol.Welcome:
		if c.connected {
			return errors.New("a second WELCOME")
		}
		return c.welcome(conn, f)
	}
	if !c.connected {
		return fmt.Errorf("%T before WELCOME", f)
	}
	switch f := f.(type) {
	case *protocol.SubOK:
		c.subscribed(f)
	case *protocol.PubAck:
		c.stored(f)
	case *protocol.Token:
		c.renewed(f)
	case *protocol.Presence:
		c.present(f)
	default:
		return fmt.Errorf("%T from a server", f)
	}
	return nil
}

// malformed ends a connection whose server does not keep to the protocol.
func (c *Client) malformed(conn *weir.Conn, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == conn {
		c.refuseLocked(conn, err)
	}
}

func (c *Client) refuseLocked(conn *weir.Conn, err error) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	if c.to.ws && c.key == "" {
		code := websocket.PolicyViolation
		if e, ok := errors.AsType[*websocket.Error](err); ok {
			code = e.Code
		}
		c.sendClose(conn, code)
	}
	_ = conn.Close()
}

// welcome begins the session. c.mu is held.
func (c *Client) welcome(conn *weir.Conn, f *protocol.Welcome) error {
	p, err := c.group.protocolsFor(protocolKey{ws: c.to.ws, ping: time.Duration(f.Ping) * time.Millisecond})
	if err != nil {
		return err
	}
	if conn.Switch(p.alive) != nil {
		return nil // it has ended
	}
	c.group.counts.connects.Add(1)
	c.group.counts.connected.Add(1)
	c.state, c.connected, c.since = Connected, true, c.group.now()
	c.session = f.Session
	c.limits = limits{message: f.MaxMessage, topic: f.MaxTopic, flight: f.MaxFlight}
	c.stateBy = 0
	c.expiresIn(f.Expires) // arms the timer
	c.announce()
	change := StateChange{State: Connected, Session: f.Session}
	c.todo = append(c.todo, func() { c.notify(change) })
	c.sendSubs()
	c.pump()
	return nil
}

// goAway notes when to come back. The server closes the connection; if it does not,
// that is done here. c.mu is held.
func (c *Client) goAway(f *protocol.GoAway) {
	c.group.counts.sentAway.Add(1)
	c.leaving = true
	c.retry = time.Duration(f.RetryAfter) * time.Millisecond
	c.spread = time.Duration(f.Spread) * time.Millisecond
	if c.err == nil {
		c.err = ErrGoAway
		if f.Reason != "" {
			c.err = fmt.Errorf("%w: %s", ErrGoAway, f.Reason)
		}
	}
	c.stateBy = c.group.now() + leaveTimeout
	c.arm()
}

// leaveTimeout is how long a server may take to close a connection that it has said it
// would.
const leaveTimeout = 10 * time.Second

// refusedBy takes an ERR. c.mu is held.
func (c *Client) refusedBy(f *protocol.Err) {
	e := errorOf(f)
	switch {
	case f.ID == 0:
		c.fatal(e)
	case c.refusePub(f.ID, e), c.refuseSub(f.ID, e), c.refuseCall(f.ID, e):
	case f.ID == c.tokenID:
		c.renewLater(e)
	default:
		c.report(e)
	}
}

// fatal notes why the server ends the connection. c.mu is held.
func (c *Client) fatal(e *Error) {
	if _, known := errors.AsType[*Error](c.err); !known {
		c.err = e
	}
	c.retry = e.RetryAfter
	c.stateBy = c.group.now() + leaveTimeout
	c.arm()
}
