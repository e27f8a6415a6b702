package client

import (
	"context"
	"slices"

	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/push/topic"
)

// Presence is who is subscribed to a topic.
type Presence struct {
	Topic     string
	Count     int
	Clients   []string // some of them, if Truncated
	Truncated bool
}

// presenceCall is a PRESENCE without answer.
type presenceCall struct {
	id     uint32
	answer chan presenceAnswer
}

type presenceAnswer struct {
	Presence
	err error
}

// maxCalls is how many PRESENCE a client may have without answer.
const maxCalls = 64

// Presence asks who is subscribed to an exact topic. The error is ErrNotConnected, also
// when the connection is lost meanwhile, ErrBacklog for more than 64 questions at a
// time, an *Error, a *ConfigError, or ctx's.
func (c *Client) Presence(ctx context.Context, name string) (Presence, error) {
	if err := topic.Check(name, maxFilter); err != nil {
		return Presence{}, &ConfigError{Field: "topic", Problem: err.Error(), Err: err}
	}
	call := &presenceCall{answer: make(chan presenceAnswer, 1)}
	if err := c.ask(call, name); err != nil {
		return Presence{}, err
	}
	select {
	case a := <-call.answer:
		return a.Presence, a.err
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		c.takeCall(call.id)
		return Presence{}, ctx.Err()
	}
}

func (c *Client) ask(call *presenceCall, name string) error {
	c.mu.Lock()
	defer c.unlock()
	switch {
	case c.closing:
		return ErrClosed
	case !c.connected || c.leaving:
		return ErrNotConnected
	case len(c.ext().calls) >= maxCalls:
		return ErrBacklog
	}
	call.id = c.id()
	if err := c.send(protocol.Presence{ID: call.id, Topic: name}); err != nil {
		return ErrNotConnected
	}
	c.rare.calls = append(c.rare.calls, call)
	return nil
}

// takeCall returns the call with an ID, which ends, or nil. c.mu is held.
func (c *Client) takeCall(id uint32) *presenceCall {
	if c.rare == nil {
		return nil
	}
	i := slices.IndexFunc(c.rare.calls, func(p *presenceCall) bool { return p.id == id })
	if i < 0 {
		return nil
	}
	call := c.rare.calls[i]
	if c.rare.calls = slices.Delete(c.rare.calls, i, i+1); len(c.rare.calls) == 0 {
		c.rare.calls = nil
	}
	return call
}

// present takes a PRESENCE. c.mu is held.
func (c *Client) present(f *protocol.Presence) {
	if f.ID != 0 {
		if call := c.takeCall(f.ID); call != nil {
			call.answer <- presenceAnswer{Presence: Presence{
				Topic: f.Topic, Count: int(f.Count), Clients: f.Clients, Truncated: f.Truncated,
			}}
		}
		return
	}
	i, ok := find(c.exact, f.Topic)
	if !ok || c.exact[i].state != subActive {
		return
	}
	if on := c.exact[i].options.OnPresence; on != nil {
		change := PresenceChange{Topic: f.Topic, Joined: f.Joined, Left: f.Left, Truncated: f.Truncated}
		c.todo = append(c.todo, func() { on(change) })
	}
}

// refuseCall takes an ERR that answers a PRESENCE. c.mu is held.
func (c *Client) refuseCall(id uint32, e *Error) bool {
	call := c.takeCall(id)
	if call != nil {
		call.answer <- presenceAnswer{err: e}
	}
	return call != nil
}

// failCalls answers all calls with err. c.mu is held.
func (c *Client) failCalls(err error) {
	if c.rare == nil {
		return
	}
	for _, call := range c.rare.calls {
		call.answer <- presenceAnswer{err: err}
	}
	c.rare.calls = nil
}
