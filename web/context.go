package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/weir-go/weir"
)

// requestContext is the context of a request: it ends when the client has gone or
// the handler has returned. It is a type of its own because most handlers never
// ask: then it costs a few words of the response, where context.WithCancel would
// cost an allocation and a goroutine that looks out for the end.
//
// It has the AfterFunc that package context looks for, so that contexts derived
// from it need no goroutine either.
type requestContext struct {
	http *HTTP
	conn *weir.Conn

	mu       sync.Mutex
	err      error // why it has ended
	done     chan struct{}
	watching bool // NotifyEnd is set
	after    map[*afterFunc]struct{}
}

type afterFunc struct{ f func() }

// Deadline says that there is none.
func (c *requestContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done makes the channel when it is first asked for.
func (c *requestContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	c.watch()
	return c.done
}

// Err returns nil or context.Canceled.
func (c *requestContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch()
	return c.err
}

// Value knows the two keys of net/http. The *http.Server is one that nobody runs:
// some look for it to know that they are served, such as httputil.ReverseProxy,
// which panics with http.ErrAbortHandler only then.
func (c *requestContext) Value(key any) any {
	switch key {
	case http.ServerContextKey:
		l := &c.http.limits
		return &http.Server{
			Handler:           c.http.std,
			MaxHeaderBytes:    l.MaxHead,
			ReadHeaderTimeout: l.HeadTimeout,
			IdleTimeout:       l.IdleTimeout,
		}
	case http.LocalAddrContextKey:
		return c.conn.LocalAddr()
	}
	return nil
}

// AfterFunc has f called when the context ends, by whoever ends it; f must not
// block. Package context passes what cancels a child, so that children have ended
// when the context has. If it has ended already f is called in a goroutine.
func (c *requestContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	if c.after == nil {
		c.after = make(map[*afterFunc]struct{})
	}
	a := &afterFunc{f}
	c.after[a] = struct{}{}
	c.watch()
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, found := c.after[a]
		delete(c.after, a)
		return found
	}
}

// watch looks out for the end of the connection from now on. It needs mu.
func (c *requestContext) watch() {
	if !c.watching && c.err == nil {
		c.watching = true
		c.conn.NotifyEnd(c.cancel)
	}
}

// cancel is what NotifyEnd calls.
func (c *requestContext) cancel() { c.stop() }

// end ends the context because the handler has returned. The connection's next
// request has a context of its own.
func (c *requestContext) end() {
	if c.stop() {
		c.conn.NotifyEnd(nil)
	}
}

// stop ends the context, and reports whether NotifyEnd was set.
func (c *requestContext) stop() (watching bool) {
	c.mu.Lock()
	watching = c.watching
	if c.err != nil {
		c.mu.Unlock()
		return watching
	}
	c.err = context.Canceled
	if c.done != nil {
		close(c.done)
	}
	after := c.after
	c.after = nil
	c.mu.Unlock()
	for a := range after {
		a.f()
	}
	return watching
}
