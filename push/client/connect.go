package client

import (
	"context"
	"errors"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push/protocol"
)

// The life of a client between its connections. All of it but lost is done by a
// goroutine of the group's pools, one at a time for a client; so OnState is called in
// order.

// needs tells what there is to do. c.mu is held.
func (c *Client) needs() need {
	switch {
	case c.state == Closed:
	case c.conn == nil && c.closed():
		return needEnd
	case c.conn == nil && c.ended:
		return needSettle
	case c.conn == nil && c.connect:
		return needConnect
	case c.connected && c.renew:
		return needToken
	}
	return needNothing
}

// work does it; what is slow only if that is allowed.
func (c *Client) work(slow bool) {
	c.mu.Lock()
	n := c.needs()
	if n.slow() && !slow {
		n = needNothing
	}
	switch n {
	case needEnd:
		c.end()
	case needSettle:
		c.settle()
	case needConnect:
		c.attach()
	case needToken:
		c.renewToken()
	default:
		c.mu.Unlock()
	}
}

// attach makes a connection. c.mu is held, and given back.
func (c *Client) attach() {
	c.connect, c.state, c.err = false, Connecting, nil
	c.retry, c.spread = 0, 0
	timeout := c.config.ConnectTimeout
	c.stateBy = c.group.now() + timeout
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c.cancel = cancel
	c.arm()
	c.mu.Unlock()
	c.notify(StateChange{State: Connecting})

	conn, err := c.dial(ctx)
	c.mu.Lock()
	defer c.unlock()
	c.cancel = nil
	switch {
	case err == nil && c.closed():
		err = ErrClosed
	case err == nil && c.err != nil:
		err = c.err
	}
	if err == nil {
		c.conn = conn
		conn.SetContext(c)
		if err = c.begin(conn); err == nil {
			return
		}
		c.conn = nil
	}
	if conn != nil {
		_ = conn.Abort()
	}
	if c.err == nil {
		c.err = err
	}
	c.ended = true
}

// dial gets a token, if one is needed, and connects.
func (c *Client) dial(ctx context.Context) (*weir.Conn, error) {
	if err := c.freshToken(ctx); err != nil {
		return nil, err
	}
	nc, err := c.group.config.Dial(ctx, "tcp", c.to.address)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = errors.Join(ErrConnectTimeout, err)
		}
		return nil, err
	}
	return c.group.weir.Adopt(nc)
}

// begin says the first words on a connection. c.mu is held.
func (c *Client) begin(conn *weir.Conn) error {
	if c.to.ws {
		return c.upgrade(conn)
	}
	p, err := c.group.protocolsFor(protocolKey{})
	if err != nil {
		return err
	}
	if err := conn.Switch(p.alive); err != nil {
		return err
	}
	return c.hello()
}

// hello sends HELLO, with all subscriptions. c.mu is held.
func (c *Client) hello() error {
	h := &protocol.Hello{Version: protocol.Version, Token: c.token, Session: c.session}
	c.nextID = 0
	for _, s := range c.exact {
		h.Cursors = append(h.Cursors, s.request(c.id()))
	}
	for _, s := range c.wild {
		h.Cursors = append(h.Cursors, s.request(c.id()))
	}
	return c.send(h)
}

// lost is told by a connection that it has ended, once.
func (c *Client) lost(conn *weir.Conn, err error) {
	c.mu.Lock()
	defer c.unlock()
	if c.conn != conn {
		return
	}
	c.reader.Reset()
	if c.err == nil {
		c.err = err
		if err == nil || errors.Is(err, weir.ErrClosed) {
			c.err = ErrNotConnected
		}
	}
	c.conn, c.ended, c.key = nil, true, ""
	if c.connected {
		c.connected, c.held = false, true
		c.group.counts.connected.Add(-1)
	}
}

// cut ends the connection, or the attempt, because of err. c.mu is held.
func (c *Client) cut(err error) {
	if c.err == nil {
		c.err = err
	}
	if c.conn != nil {
		_ = c.conn.Abort()
	}
	if c.cancel != nil {
		c.cancel()
	}
}

// settle sees what follows from a connection that has ended, or was not made. c.mu is
// held, and given back.
func (c *Client) settle() {
	g := c.group
	now := g.now()
	refused, _ := errors.AsType[*Error](c.err)
	c.ended = false
	if c.held {
		g.counts.lost.Add(1)
		if now-c.since >= backoffReset {
			c.attempt = 0
		}
	} else {
		g.counts.failed.Add(1)
	}
	sentAway := c.leaving
	c.held, c.leaving, c.renew = false, false, false
	c.stateBy, c.renewAt, c.ackBy, c.retryAt = 0, 0, 0, 0
	c.tokenID = 0
	c.disconnectSubs()
	c.disconnectPubs()
	c.failCalls(ErrNotConnected)

	wait := c.retry + time.Duration(g.config.Random()*float64(c.spread))
	switch {
	case errors.Is(c.err, errSameToken):
		c.err = c.refusal
		c.stop()
		return
	case refused != nil && refused.Code == protocol.CodeDisconnected,
		refused != nil && refused.final() && !c.refuse():
		c.stop()
		return
	case refused != nil && refused.Code == protocol.CodeTakenOver && c.config.Session != "":
		c.stop() // or else the two would take it from each other for ever
		return
	}
	if !sentAway {
		wait += backoff(c.attempt, g.config.Random())
		c.attempt = min(c.attempt+1, manyAttempts)
	}
	c.state = Waiting
	change := StateChange{State: Waiting, Err: c.err, Retry: wait}
	c.arm()
	c.unlock()
	c.notify(change)
	c.mu.Lock()
	defer c.unlock()
	if c.state == Waiting && !c.connect && !c.closed() {
		c.stateBy = g.now() + wait
		c.arm()
	}
}

// manyAttempts have the longest time.
const manyAttempts = 5

// stop leaves the client as it is, until Reconnect: it was refused. c.mu is held, and
// given back.
func (c *Client) stop() {
	c.group.counts.refused.Add(1)
	c.state = Stopped
	err := c.err
	c.failPubs(err)
	c.announce()
	c.arm()
	c.unlock()
	c.notify(StateChange{State: Stopped, Err: err})
}

// closed reports whether nothing keeps the client from ending. c.mu is held.
func (c *Client) closed() bool { return c.closing && (c.aborted || !c.publishing()) }
