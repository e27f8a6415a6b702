//go:build (linux || darwin) && (amd64 || arm64)

package main

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/cloudwego/netpoll"
)

// netpollPeers are netpoll as its guide has it: NewEventLoop with a handler that
// reads what is there by Next, writes and flushes, and then releases. What the
// handler writes and what is broadcast must not meet in a Writer, so both lock.
// WithIdleTimeout is TCP's keep-alive, which does not end a silent connection: a
// timer of its own does.
var netpollPeers = []peer{{
	name:  "netpoll",
	about: "cloudwego/netpoll, a reactor with a goroutine pool",
	start: startNetpoll,
}}

type netpollConn struct {
	netpoll.Connection
	mu   sync.Mutex // of the Writer
	idle *time.Timer
}

type netpollKey struct{} // of a netpollConn in its context

func startNetpoll(s *stage) (string, error) {
	ln, err := s.listen()
	if err != nil {
		return "", err
	}
	netpoll.SetLoggerOutput(io.Discard) // standard error is the benchmark's
	var conns roster[*netpollConn]
	s.broadcast = func(payload []byte) (int, error) {
		return conns.each(func(c *netpollConn) error { return c.send(payload) }), nil
	}
	prepare := func(connection netpoll.Connection) context.Context {
		c := &netpollConn{Connection: connection}
		if s.idle > 0 {
			c.idle = time.AfterFunc(s.idle, func() { _ = c.Close() })
		}
		conns.add(c)
		_ = c.AddCloseCallback(func(netpoll.Connection) error {
			conns.remove(c)
			if c.idle != nil {
				c.idle.Stop()
			}
			return nil
		})
		return context.WithValue(context.Background(), netpollKey{}, c)
	}
	handle := func(ctx context.Context, _ netpoll.Connection) error {
		c := ctx.Value(netpollKey{}).(*netpollConn)
		if c.idle != nil {
			c.idle.Reset(s.idle)
		}
		reader := c.Reader()
		message, err := reader.Next(reader.Len())
		if err != nil {
			return err
		}
		s.work()
		if err := c.send(message); err != nil {
			return err
		}
		return reader.Release()
	}
	loop, err := netpoll.NewEventLoop(handle, netpoll.WithOnPrepare(prepare))
	if err != nil {
		return "", err
	}
	go func() { panic(loop.Serve(ln)) }() // there is no end but a failure
	return ln.Addr().String(), nil
}

// send returns when the kernel has all of p, which must not change until then.
func (c *netpollConn) send(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.Writer().WriteBinary(p); err != nil {
		return err
	}
	return c.Writer().Flush()
}
