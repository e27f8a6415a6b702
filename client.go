package weir

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/internal/socket"
	"github.com/weir-go/weir/reactor"
)

// Client makes connections that are served as those of a Server are. Handler is
// required; the zero value of every other field is a default. The fields must
// not be changed after the first Dial.
type Client struct {
	// Handler is told of what happens on the connections.
	Handler Handler

	// Codec cuts the streams into frames. nil: codec.Raw.
	Codec codec.Codec

	// Server, if set, lends its loops and workers, and its Config counts; it
	// must be serving. If nil, the Client has its own.
	Server *Server

	// Config is for a Client with loops of its own.
	Config

	// Dialer makes the connections. The zero value resolves names, tries IPv6
	// and IPv4, and sets TCP keep-alive, as net.Dial does.
	Dialer net.Dialer

	mu     sync.Mutex
	engine *engine
	proto  *Protocol
	closed bool
}

// Dial connects to an address; network is tcp, tcp4, tcp6 or unix. It blocks its
// caller, no loop, until the connection is made or ctx ends. OnOpen may come
// before Dial returns.
func (c *Client) Dial(ctx context.Context, network, address string) (*Conn, error) {
	if _, _, err := c.start(); err != nil {
		return nil, err
	}
	nc, err := c.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return c.Adopt(nc)
}

// Adopt takes over a connection that was made otherwise, a *net.TCPConn or
// *net.UnixConn. nc is closed in any case, and must not be used any more.
func (c *Client) Adopt(nc net.Conn) (*Conn, error) {
	defer nc.Close() // its descriptor is duplicated
	e, proto, err := c.start()
	if err != nil {
		return nil, err
	}
	fd, err := connFD(nc)
	if err != nil {
		return nil, err
	}
	local, err := socket.LocalAddr(fd)
	if err == nil {
		var remote socket.Addr
		if remote, err = socket.RemoteAddr(fd); err == nil {
			return e.attach(proto, fd, local, remote)
		}
	}
	socket.Close(fd)
	return nil, err
}

// connFD duplicates the descriptor of a connection.
func connFD(nc net.Conn) (int, error) {
	switch nc := nc.(type) {
	case *net.TCPConn:
		return dupFD(nc)
	case *net.UnixConn:
		return dupFD(nc)
	}
	return -1, fmt.Errorf("weir: cannot adopt a %T: only *net.TCPConn and *net.UnixConn have a socket to poll: %w", nc, errors.ErrUnsupported)
}

// attach places a connection on a loop and waits until it is registered there.
func (e *engine) attach(proto *Protocol, fd int, local, remote socket.Addr) (*Conn, error) {
	if err := socket.Set(fd, remote.IsTCP(), e.config.Socket.socket()); err != nil {
		socket.Close(fd)
		return nil, err
	}
	l := e.leastLoaded()
	c := newConn(l, proto, fd, &local, remote)
	l.conns.Add(1)
	l.stats.accepted.Add(1)
	adopted := make(chan error, 1)
	if !l.reactor.Post(reactor.TaskFunc(func() { adopted <- l.adopt(c) })) {
		l.refuse(c)
		return nil, ErrClosed
	}
	if err := <-adopted; err != nil {
		return nil, err
	}
	return c, nil
}

// start makes the engine, once, or borrows the server's.
func (c *Client) start() (*engine, *Protocol, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, ErrClosed
	}
	if c.engine != nil {
		return c.engine, c.proto, nil
	}
	proto, err := NewProtocol(c.Codec, c.Handler)
	if err != nil {
		return nil, nil, err
	}
	e := (*engine)(nil)
	if c.Server != nil {
		if e = c.Server.running(); e == nil {
			return nil, nil, &ConfigError{Field: "Server", Problem: "does not serve yet", Err: ErrServerClosed}
		}
		if err := proto.fits(&e.config); err != nil {
			return nil, nil, err
		}
	} else {
		config, err := c.Config.withDefaults()
		if err == nil {
			err = proto.fits(&config)
		}
		if err != nil {
			return nil, nil, err
		}
		if e, err = newEngine(config, 0); err != nil {
			return nil, nil, err
		}
	}
	c.engine, c.proto = e, proto
	return e, proto, nil
}

// end marks the client as closed and returns its own engine, if it has one.
func (c *Client) end() *engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.Server != nil {
		return nil
	}
	return c.engine
}

// Shutdown ends the client gracefully, as Server.Shutdown does. Connections on
// the loops of a server are that server's to end.
func (c *Client) Shutdown(ctx context.Context) error {
	e := c.end()
	if e == nil {
		return nil
	}
	return e.shutdown(ctx)
}

// Close ends the client at once: its connections are aborted. Connections on the
// loops of a server are that server's to end.
func (c *Client) Close() error {
	if e := c.end(); e != nil {
		e.stop()
	}
	return nil
}

// Stats returns a snapshot of the counters. On the loops of a server they are
// that server's.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	e := c.engine
	c.mu.Unlock()
	if e == nil {
		return Stats{}
	}
	return e.stats()
}
