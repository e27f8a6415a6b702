package client

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/push/protocol"
)

// Client is a session with a push server, over one connection after the other. Its
// methods may be called from any goroutine.
type Client struct {
	// Immutable.
	group  *Group
	config *Config
	to     *endpoint
	own    bool // the group is this client's own

	// Guarded by Group.mu.
	prev, next *Client   // list of the group
	queue      *Client   // list of a pool
	timer      timerSlot // when due is called
	task       task

	reader websocket.Reader // the turn's, that is of whoever runs a callback of conn

	mu sync.Mutex // guards what follows; taken before Group.mu and those of weir

	state     State
	connected bool // WELCOME received, on conn
	leaving   bool // GOAWAY received, on conn
	closing   bool // Close was called
	aborted   bool // and nothing is waited for any more
	connect   bool // it is time to
	renew     bool // it is time to get another token
	ended     bool // a connection, or an attempt, has ended; settle has not seen to it
	held      bool // and it was connected
	over      bool // Closed, and OnState was told

	conn    *weir.Conn // or nil
	cancel  func()     // ends the call of Dial or Token under way
	key     string     // of the WebSocket handshake under way
	session string
	err     error         // why conn ends or the last one has ended
	retry   time.Duration // what the server has asked to wait at least, after conn
	spread  time.Duration // and a random part of this
	attempt int           // how many have failed
	since   time.Duration // when WELCOME came
	limits  limits
	nextID  uint32 // of a frame, on conn

	token   string
	fresh   bool          // there is a token that was not refused
	refused string        // the one that was, while !fresh
	refusal error         // and why
	expires time.Duration // when the token does; 0: never, or it is not known
	tokenID uint32        // of a TOKEN without answer

	// When something is due; 0: never.
	stateBy time.Duration // Waiting: to connect; else: to give up connecting
	renewAt time.Duration
	ackBy   time.Duration
	retryAt time.Duration // what was refused for the time being

	exact    []*Subscription // by filter
	wild     []*Subscription // replaced, never changed
	unacked  int             // messages since ACK was sent
	wildSent uint64          // position in the last ACK

	pubs *publisher // nil: nothing was published yet
	rare *rare
	todo []func() // what unlock calls
}

// limits are those of WELCOME.
type limits struct{ message, topic, flight uint32 }

// rare is what few clients have at a time.
type rare struct {
	calls []*presenceCall // without answer
	ready chan struct{}   // closed when the state is Connected, Stopped or Closed
	done  chan struct{}   // closed when it is Closed
}

// New makes a Client. It does nothing until Start; subscriptions may be added before.
// The error is a *ConfigError, or ErrClosed if the group is.
func New(config Config) (*Client, error) {
	filled, to, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{config: filled, to: to, group: filled.Group, session: filled.Session, fresh: filled.Token == nil}
	if c.group == nil {
		c.own = true
		if c.group, err = NewGroup(GroupConfig{Net: weir.Config{Loops: 1}}); err != nil {
			return nil, err
		}
	}
	c.reader.MaxMessage = c.group.config.MaxFrame
	if err := c.group.add(c); err != nil {
		return nil, err
	}
	return c, nil
}

// Dial makes a Client, starts it and waits until it is connected. If it is not before
// ctx ends, or is refused, the client is closed.
func Dial(ctx context.Context, config Config) (*Client, error) {
	c, err := New(config)
	if err != nil {
		return nil, err
	}
	if err = c.Start(); err == nil {
		if err = c.Connected(ctx); err == nil {
			return c, nil
		}
	}
	c.abort()
	return nil, err
}

// Start begins to connect. It returns at once; see OnState and Connected. Starting
// again does nothing. The error is ErrClosed.
func (c *Client) Start() error {
	c.mu.Lock()
	defer c.unlock()
	switch {
	case c.closing:
		return ErrClosed
	case c.state != Idle:
		return nil
	}
	c.state = Waiting
	if j := c.config.InitialJitter; j > 0 {
		c.stateBy = c.group.now() + time.Duration(c.group.config.Random()*float64(j))
		c.arm()
	} else {
		c.connect = true
	}
	return nil
}

// Reconnect has a client that waits, or has stopped, connect at once. Connected ones,
// and those that are not started, it leaves alone.
func (c *Client) Reconnect() error {
	c.mu.Lock()
	defer c.unlock()
	switch {
	case c.closing:
		return ErrClosed
	case c.state == Waiting && !c.ended, c.state == Stopped:
		c.state, c.connect, c.stateBy = Waiting, true, 0
		c.refused = ""
		c.arm()
	}
	return nil
}

// Connected waits until the client is connected. The error is ctx's, that for which the
// client has stopped, or ErrClosed.
func (c *Client) Connected(ctx context.Context) error {
	for {
		c.mu.Lock()
		switch {
		case c.state == Closed || c.closing:
			c.mu.Unlock()
			return ErrClosed
		case c.state == Stopped:
			err := c.err
			c.mu.Unlock()
			return err
		case c.connected:
			c.mu.Unlock()
			return nil
		}
		r := c.ext()
		if r.ready == nil {
			r.ready = make(chan struct{})
		}
		ready, last := r.ready, c.err
		c.mu.Unlock()
		select {
		case <-ready:
		case <-ctx.Done():
			if last != nil {
				return fmt.Errorf("push client: not connected (%w): %w", last, ctx.Err())
			}
			return fmt.Errorf("push client: not connected: %w", ctx.Err())
		}
	}
}

// Session returns the name of the session; "" before a server has given it one.
func (c *Client) Session() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session
}

// State returns what the client is at.
func (c *Client) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// ext returns the rare part. c.mu is held.
func (c *Client) ext() *rare {
	if c.rare == nil {
		c.rare = &rare{}
	}
	return c.rare
}

// announce wakes those who wait in Connected. c.mu is held.
func (c *Client) announce() {
	if c.rare != nil && c.rare.ready != nil {
		close(c.rare.ready)
		c.rare.ready = nil
	}
}

// unlock gives c.mu back, has done what is needed outside of it, and calls the user's
// functions that have come up.
func (c *Client) unlock() {
	todo := c.todo
	c.todo = nil
	n := c.needs()
	c.mu.Unlock()
	c.group.call(c, n)
	for _, f := range todo {
		f()
	}
}

// notify calls OnState. c.mu is not held.
func (c *Client) notify(s StateChange) {
	if c.config.OnState != nil {
		c.config.OnState(s)
	}
}

// report has OnError called. c.mu is held.
func (c *Client) report(err error) {
	if f := c.config.OnError; f != nil {
		c.todo = append(c.todo, func() { f(err) })
	}
}

// arm sets the timer to what is due first. c.mu is held.
func (c *Client) arm() {
	first := time.Duration(math.MaxInt64)
	for _, at := range []time.Duration{c.stateBy, c.renewAt, c.ackBy, c.retryAt} {
		if at != 0 {
			first = min(first, at)
		}
	}
	if first == math.MaxInt64 {
		first = 0
	}
	c.group.arm(c, first)
}

// due is called when the timer has fired.
func (c *Client) due(now time.Duration) {
	c.mu.Lock()
	defer c.unlock()
	if c.state == Closed {
		return
	}
	is := func(at *time.Duration) bool {
		if *at == 0 || *at > now {
			return false
		}
		*at = 0
		return true
	}
	if is(&c.stateBy) {
		if c.state == Waiting {
			c.connect = true
		} else {
			c.cut(ErrConnectTimeout)
		}
	}
	if is(&c.renewAt) {
		c.renew = true
	}
	if is(&c.ackBy) {
		c.sendAcks()
	}
	if is(&c.retryAt) {
		c.again()
	}
	c.arm()
}

// again sends what was refused for the time being. c.mu is held.
func (c *Client) again() {
	if c.pubs != nil {
		c.pubs.paused = false
	}
	c.sendSubs()
	c.pump()
}

// id returns the ID of the next frame. c.mu is held.
func (c *Client) id() uint32 {
	if c.nextID++; c.nextID == 0 {
		c.nextID = 1
	}
	return c.nextID
}

// prefix returns 80 random bits, with which the ids of a client's messages begin.
func prefix() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails
	return base32.HexEncoding.EncodeToString(b[:])
}

// oversized is what the server would answer to a message that is too large.
func oversized(size int, most uint32) *Error {
	return &Error{Code: protocol.CodeTooLarge, Message: fmt.Sprintf("a message of %d bytes is larger than the %d that the server takes", size, most)}
}
