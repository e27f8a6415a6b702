package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// errSameToken ends an attempt: Config.Token has no other token than the one refused.
var errSameToken = errors.New("push client: the token was refused, and there is no other")

// freshToken asks for a token, if there is none that may be good.
func (c *Client) freshToken(ctx context.Context) error {
	c.mu.Lock()
	if c.expires != 0 && c.group.now() >= c.expires {
		c.fresh = c.config.Token == nil
	}
	if c.fresh {
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	token, err := c.config.Token(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		return fmt.Errorf("push client: no token: %w", err)
	case c.refused != "" && token == c.refused:
		return errSameToken
	}
	c.token, c.fresh, c.refused, c.expires = token, true, "", 0
	return nil
}

// refuse notes that the server does not want the token. It reports whether there may be
// another one. c.mu is held.
func (c *Client) refuse() bool {
	if c.config.Token == nil {
		return false
	}
	c.refused, c.refusal, c.fresh = c.token, c.err, false
	return true
}

// A token is renewed when between renewFrom and renewTo of its time are over.
const (
	renewFrom = 0.8
	renewTo   = 0.9
)

// expiresIn notes that the token does, in so many seconds. c.mu is held.
func (c *Client) expiresIn(seconds uint32) {
	c.renewAt, c.expires = 0, 0
	if seconds != 0 {
		now, d := c.group.now(), time.Duration(seconds)*time.Second
		c.expires = now + d
		if c.config.Token != nil {
			part := renewFrom + (renewTo-renewFrom)*c.group.config.Random()
			c.renewAt = now + time.Duration(part*float64(d))
		}
	}
	c.arm()
}

// renewToken asks for another token and sends it. c.mu is held, and given back.
func (c *Client) renewToken() {
	c.renew = false
	conn := c.conn
	ctx, cancel := context.WithTimeout(context.Background(), c.config.ConnectTimeout)
	defer cancel()
	c.cancel = cancel
	c.mu.Unlock()
	token, err := c.config.Token(ctx)
	c.mu.Lock()
	defer c.unlock()
	c.cancel = nil
	if !c.connected || c.conn != conn {
		return
	}
	if err != nil {
		c.renewLater(fmt.Errorf("push client: no new token: %w", err))
		return
	}
	c.token = token
	c.tokenID = c.id()
	if err := c.send(&protocol.Token{ID: c.tokenID, Token: token}); err != nil {
		c.renewLater(err)
	}
}

// renewLater has the token renewed again. c.mu is held.
func (c *Client) renewLater(err error) {
	c.report(err)
	c.tokenID = 0
	wait := backoffBase
	if e, ok := errors.AsType[*Error](err); ok {
		wait = max(wait, e.RetryAfter)
	}
	c.renewAt = c.group.now() + wait + backoff(3, c.group.config.Random())
	c.arm()
}

// renewed takes the answer to TOKEN. c.mu is held.
func (c *Client) renewed(f *protocol.Token) {
	if f.ID != 0 && f.ID == c.tokenID {
		c.tokenID = 0
		c.expiresIn(f.Expires)
	}
}
