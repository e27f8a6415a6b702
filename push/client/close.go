package client

import (
	"context"
	"fmt"

	"github.com/weir-go/weir/codec/websocket"
)

// Close ends the client: it waits for the answers to publications that were made before,
// connecting again if need be, acknowledges what callbacks have handled, closes the
// connection, and returns when the callback that runs has returned and OnState was told.
// From now on nothing can be published or subscribed to.
//
// When ctx ends first, publications without an answer get ErrClosed, the connection is
// aborted, and ctx's error is returned; the callback that runs is not waited for. So a
// ctx that has ended already closes at once. Closing again waits as the first call
// does. Close must not be called in a callback, for which it would wait: use a goroutine.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	r := c.ext()
	if r.done == nil {
		r.done = make(chan struct{})
		if c.over {
			close(r.done)
		}
	}
	done := r.done
	c.closing = true
	if c.state == Idle {
		c.aborted = true
	}
	if c.closed() {
		c.finish()
	}
	c.unlock()
	select {
	case <-done:
		return nil
	default:
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		c.abort()
		return fmt.Errorf("push client: closed before all was answered: %w", ctx.Err())
	}
}

// abort closes the client at once.
func (c *Client) abort() {
	c.mu.Lock()
	defer c.unlock()
	if c.state == Closed {
		return
	}
	c.closing, c.aborted = true, true
	c.cut(ErrClosed)
	c.failPubs(ErrClosed)
}

// finish closes the connection, or ends the attempt to make one: nothing is waited for
// any more. c.mu is held.
func (c *Client) finish() {
	if c.cancel != nil {
		c.cancel()
	}
	switch {
	case c.conn == nil:
	case c.connected && !c.aborted:
		c.sendAcks()
		if c.to.ws {
			c.sendClose(c.conn, websocket.NormalClosure)
		}
		_ = c.conn.Close()
	default:
		_ = c.conn.Abort()
	}
}

// end is the last that a client does. c.mu is held, and given back.
func (c *Client) end() {
	g := c.group
	c.ended, c.state = false, Closed
	c.stateBy, c.renewAt, c.ackBy, c.retryAt = 0, 0, 0, 0
	c.failPubs(ErrClosed)
	c.failCalls(ErrClosed)
	for len(c.exact) > 0 {
		c.drop(c.exact[len(c.exact)-1], ErrClosed)
	}
	for len(c.wild) > 0 {
		c.drop(c.wild[len(c.wild)-1], ErrClosed)
	}
	c.announce()
	g.remove(c)
	c.unlock()
	c.notify(StateChange{State: Closed})
	if c.own {
		_ = g.Close() // has no error
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.rare != nil && c.rare.done != nil {
		close(c.rare.done)
	}
}
