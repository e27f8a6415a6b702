package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/weir-go/weir"
)

// proxy is the handler of the clients' connections, until OnOpen has given each
// of them one of its own.
type proxy struct {
	srv         *weir.Server
	target      string
	dialTimeout time.Duration
	grace       time.Duration
	log         *slog.Logger
}

func newProxy(log *slog.Logger) *proxy {
	p := &proxy{srv: &weir.Server{}, dialTimeout: 5 * time.Second, grace: 10 * time.Second, log: log}
	p.srv.Handler = p
	p.srv.Config = weir.Config{
		Dispatch:      weir.Inline, // nothing here blocks
		HighWatermark: 256 << 10,
		Linger:        5 * time.Second,
		Logger:        log,
		// A backlog stops the reading from the other side, see end.OnFrame.
		// weir.OverflowPause would also stop the reading from the side that
		// does not read, and if that one does not read because it cannot
		// write, both would wait for ever.
		Overflow: weir.OverflowNotify,
	}
	return p
}

// OnOpen begins a session: a client is here, and is not read from until there is
// a target to write to.
func (p *proxy) OnOpen(client *weir.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), p.dialTimeout)
	e := &end{proxy: p, cancel: cancel}
	client.PauseRead()
	client.SetProtocol(nil, e)
	// Not with Server.Go: a target that does not answer would keep the workers
	// from those that do.
	go p.connect(ctx, client, e)
}

func (p *proxy) OnFrame(*weir.Conn, []byte) {}
func (p *proxy) OnClose(*weir.Conn, error)  {}

// connect dials the target. The rest is done by end.OnOpen.
func (p *proxy) connect(ctx context.Context, client *weir.Conn, e *end) {
	defer e.cancel()
	target := &end{proxy: p, partner: e}
	target.peer.Store(client)
	dialer := weir.Client{Server: p.srv, Handler: target}
	_, err := dialer.Dial(ctx, "tcp", p.target)
	if err == nil {
		return
	}
	client.Abort()
	if !errors.Is(err, context.Canceled) { // the client has gone
		p.log.Warn("client turned away: no connection to the target",
			"client", client.RemoteAddr(), "target", p.target, "err", err)
	}
}

// end is the handler of one of the two connections of a session. They may be on
// different loops, so each acts on the other by methods that any goroutine may
// call.
//
// A connection that has carried both FINs is over, and leaves the other one to
// end likewise. If it ends otherwise, the other one is closed, with which what
// that has accepted is still sent.
type end struct {
	proxy   *proxy
	peer    atomic.Pointer[weir.Conn] // the other connection; nil for a client without target
	partner *end                      // of the target's end: the client's
	cancel  context.CancelFunc        // of the client's end: stops the dialling
}

// OnOpen is called for the target's connection only.
func (e *end) OnOpen(target *weir.Conn) {
	client := e.peer.Load()
	e.partner.peer.Store(target)
	if client.ResumeRead() != nil {
		target.Close() // the client has ended before it could know of the target
	}
}

// OnFrame forwards. The peer is written to from here only, so while c is paused
// the peer's backlog can only fall.
func (e *end) OnFrame(c *weir.Conn, data []byte) {
	peer := e.peer.Load()
	if _, err := peer.Write(data); err != nil {
		// The peer has ended or is about to, and its OnClose ends c. Until
		// then it may have something to send, but nothing to take.
		c.PauseRead()
		if errors.Is(err, weir.ErrBudget) {
			peer.Close()
		}
		return
	}
	if !peer.Writable() {
		c.PauseRead()
		if peer.Writable() { // meanwhile, so OnWritable may have come too early
			c.ResumeRead()
		}
	}
}

// OnWritable has the other side read again.
func (e *end) OnWritable(*weir.Conn) { e.peer.Load().ResumeRead() }

// OnEOF carries a half-close across.
func (e *end) OnEOF(*weir.Conn) { e.peer.Load().CloseWrite() }

// OnShutdown gives the session time to come to its end.
func (e *end) OnShutdown(c *weir.Conn) {
	c.AfterFunc(e.proxy.grace, func(c *weir.Conn) { c.Close() })
}

func (e *end) OnClose(_ *weir.Conn, err error) {
	if e.cancel != nil {
		e.cancel()
	}
	peer := e.peer.Load()
	if peer != nil && err != io.EOF {
		peer.Close()
	}
}
