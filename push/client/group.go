package client

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// GroupConfig holds the settings of a Group. The zero value of every field is a default.
type GroupConfig struct {
	// Net is for the event loops and workers; see weir.Config. Callbacks run on its
	// workers, and may block; with weir.Inline they run on the loops and must not.
	// Overflow, MaxFrame, IdleTimeout and HandshakeTimeout are the Group's to set.
	Net weir.Config

	// Dialers is the largest number of goroutines that dial, or ask for a token, at the
	// same time. 0: 64.
	Dialers int

	// MaxFrame is the size in bytes of the largest frame that a server may send. It
	// has to be somewhat larger than the largest message; for JSON, several times.
	// 0: 4 MiB.
	MaxFrame int

	// Dial makes the connections, in place of a net.Dialer: to go through a proxy, or
	// to have a local address. It has to return a *net.TCPConn, on which nothing has
	// been read. network is tcp.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Clock tells the time for all but heartbeats and sockets. nil: the system's.
	Clock Clock

	// Random returns numbers in [0, 1), for the jitter. It may be called from any
	// goroutine. nil: math/rand/v2.
	Random func() float64
}

// Clock tells the time, and waits. It may be called from any goroutine.
type Clock interface {
	Now() time.Time
	// AfterFunc has f called in its own goroutine after d, unless stop is called
	// before.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, f).Stop
}

const (
	defaultDialers  = 64
	defaultMaxFrame = 4 << 20
)

// Group is what many clients of a process share: event loops, workers, those who dial,
// and one timer. Its methods may be called from any goroutine.
type Group struct {
	config GroupConfig // immutable
	weir   *weir.Client
	began  time.Time // what times of the group count from
	counts counters

	upgrading *weir.Protocol // immutable

	mu        sync.Mutex // taken after Client.mu; guards what follows
	closed    bool
	first     *Client // list of those that are not closed
	clients   int
	timers    timers
	slow      pool // dials and asks for tokens
	quick     pool // everything else that calls the user's functions
	protocols map[protocolKey]*protocols
}

// NewGroup makes a Group. It costs nothing until a client of it connects. The error is
// a *ConfigError.
func NewGroup(config GroupConfig) (*Group, error) {
	if config.Dialers < 0 {
		return nil, &ConfigError{Field: "Dialers", Problem: "is negative"}
	}
	if config.MaxFrame < 0 {
		return nil, &ConfigError{Field: "MaxFrame", Problem: "is negative"}
	}
	orDefault(&config.Dialers, defaultDialers)
	orDefault(&config.MaxFrame, defaultMaxFrame)
	if config.Clock == nil {
		config.Clock = systemClock{}
	}
	if config.Random == nil {
		config.Random = rand.Float64
	}
	if config.Dial == nil {
		var d net.Dialer
		config.Dial = d.DialContext
	}
	g := &Group{config: config, began: config.Clock.Now().Add(-1)}
	g.slow.limit, g.quick.limit = config.Dialers, config.Dialers
	g.protocols = map[protocolKey]*protocols{}
	net := config.Net
	// A client that writes more than the server takes stops writing by itself. It must
	// not stop reading: the server may wait for that with what it has for the client.
	net.Overflow = weir.OverflowNotify
	net.MaxFrame = config.MaxFrame + frameHeader
	net.IdleTimeout, net.HandshakeTimeout = 0, 0
	var err error
	if g.upgrading, err = weir.NewProtocol(nil, upgrading{}); err != nil {
		return nil, err
	}
	g.weir = &weir.Client{Handler: fresh{}, Codec: held{}, Config: net}
	return g, nil
}

// frameHeader is the most that a transport puts before a frame.
const frameHeader = 14

// Stats returns a snapshot of the counters. It is cheap.
func (g *Group) Stats() Stats {
	s := g.counts.snapshot()
	g.mu.Lock()
	defer g.mu.Unlock()
	s.Clients, s.Dialling = g.clients, g.slow.running
	return s
}

// NetStats returns the counters of the event loops.
func (g *Group) NetStats() weir.Stats { return g.weir.Stats() }

// Close ends the group and all its clients at once: publications without an answer get
// ErrClosed, and what was not acknowledged yet is not. It does not wait for callbacks
// that run.
func (g *Group) Close() error {
	g.mu.Lock()
	g.closed = true
	var all []*Client
	for c := g.first; c != nil; c = c.next {
		all = append(all, c)
	}
	g.mu.Unlock()
	for _, c := range all {
		c.abort()
	}
	return g.weir.Close()
}

// add takes a client in.
func (g *Group) add(c *Client) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return ErrClosed
	}
	if c.next = g.first; c.next != nil {
		c.next.prev = c
	}
	g.first = c
	g.clients++
	return nil
}

// remove takes it out, and stops its timer.
func (g *Group) remove(c *Client) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.prev == nil && g.first != c {
		return
	}
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		g.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
	g.clients--
	g.timers.set(c, 0)
	g.wind()
}

// now is the time, from when the group began; never 0, unless a clock goes back.
func (g *Group) now() time.Duration {
	return g.config.Clock.Now().Sub(g.began)
}

// held is the codec of a connection that is no client's yet: it delivers nothing.
type held struct{}

var _ codec.Codec = held{}

func (held) Decode([]byte) ([]byte, int, error)         { return nil, 0, nil }
func (held) Append(dst, payload []byte) ([]byte, error) { return append(dst, payload...), nil }
