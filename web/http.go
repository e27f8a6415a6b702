package web

import (
	"errors"
	"net/http"
	"sync"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/codec/http1"
)

// HTTP serves HTTP/1.1 and HTTP/1.0 (RFC 9110, RFC 9112) on the connections of a
// weir.Server: it is the server's Handler, and brings its own codec.
//
// A request that breaks the rules where that has been used for attacks (lengths
// that contradict each other, bare line feeds, and the like) is answered with the
// status that the RFC has for it, and its connection is closed.
type HTTP struct {
	// Limits bound what a client can ask. They must not be changed once the
	// server serves.
	Limits Limits

	std     http.Handler          // one of the two, or with sockets both
	fast    func(*Ctx)            // with sockets, for these alone
	sockets map[string]*WebSocket // by path

	once     sync.Once
	problem  error  // with the limits
	limits   Limits // with the defaults
	codec    http1.Codec
	counters httpCounters

	protocol func() (*weir.Protocol, error) // of codec and the HTTP itself
}

// Handler serves requests with an http.Handler: a router, middleware and handlers
// that were written for net/http run as they are. It needs a server in Pool mode,
// the default.
//
// What differs from net/http's own server:
//
//   - Bodies of up to Limits.BufferBody are received before the handler is called.
//   - Content-Length is computed for responses of up to 4 KiB, not 2.
//   - A panic before anything was sent is answered with 500. One after Hijack closes
//     the connection.
//   - A body that the handler has not read is taken in for five seconds at the most,
//     and up to 256 KiB, before the connection is given up. http.MaxBytesReader does
//     not close it otherwise.
//   - Limits.BodyRate ends a body that comes too slowly, with ErrSlowBody, without any
//     deadline being set.
//   - Requests are held to the letter of RFC 9112; so CONNECT with a path, of net/rpc,
//     is refused. Informational responses are not sent to HTTP/1.0.
//   - http.ServerContextKey gives an *http.Server that does not run and only tells the
//     limits. Request.TLS is nil, and HTTP/2 is not spoken.
//   - From Flush or Hijack on, a handler does not count against weir.Config.Workers, so
//     that event streams do not keep others waiting.
func Handler(h http.Handler) *HTTP {
	if h == nil {
		h = http.DefaultServeMux
	}
	return &HTTP{std: h}
}

// WebSocket has ws answer the handshakes for a path, to the letter, ahead of the
// http.Handler, and returns h, which Handler has made. It is for servers to which very
// many WebSockets come: no *http.Request is made for a handshake. In WebSocket.Accept,
// Handshake.Request returns nil. Other requests for the path are the http.Handler's. It
// must not be called once the server serves.
func (h *HTTP) WebSocket(path string, ws *WebSocket) *HTTP {
	if h.sockets == nil {
		h.sockets = map[string]*WebSocket{}
		h.fast = func(x *Ctx) { h.sockets[string(x.Path())].ServeFast(x) }
	}
	h.sockets[path] = ws
	return h
}

// handshake reports whether a request is for one of the sockets.
func (h *HTTP) handshake(req *http1.Request) bool {
	return h.sockets != nil && string(req.Method) == http.MethodGet && h.sockets[string(req.Path())] != nil &&
		!req.Chunked && req.ContentLength <= 0 && req.HasToken("Upgrade", "websocket")
}

// Fast serves requests with a function that gets views of the request as it was
// received, and whose response goes straight to what the connection sends: nothing
// is allocated for a request. It runs in Pool mode, where it may block, and in
// Inline mode, where it must not.
func Fast(f func(*Ctx)) *HTTP { return &HTTP{fast: f} }

// setup puts the defaults in, once.
func (h *HTTP) setup() error {
	h.once.Do(func() {
		if h.std == nil && h.fast == nil {
			h.problem = &weir.ConfigError{Field: "Handler", Problem: "use web.Handler or web.Fast to make a web.HTTP"}
			return
		}
		if h.limits, h.problem = h.Limits.withDefaults(h.std == nil); h.problem != nil {
			return
		}
		h.codec = http1.Codec{
			Limits:  http1.Limits{MaxHead: h.limits.MaxHead, MaxHeaders: h.limits.MaxHeaders},
			MaxBody: h.limits.MaxBody,
		}
		if h.std != nil {
			h.codec.MaxBody = int64(h.limits.BufferBody)
		}
		h.protocol = sync.OnceValues(func() (*weir.Protocol, error) { return weir.NewProtocol(h.codec, h) })
	})
	return h.problem
}

// Codec returns the codec that cuts requests. A weir.Server uses it by itself.
func (h *HTTP) Codec() codec.Codec {
	h.setup() // CheckConfig returns the error
	return h.codec
}

// Timeouts returns the timeouts of the connections, which are of Limits.
func (h *HTTP) Timeouts() weir.Timeouts {
	h.setup() // CheckConfig returns the error
	return weir.Timeouts{Idle: h.limits.IdleTimeout, Frame: h.limits.HeadTimeout, FrameRate: h.limits.BodyRate}
}

// CheckConfig refuses Inline mode for Handler, and limits that make no sense.
func (h *HTTP) CheckConfig(c weir.Config) error {
	if err := h.setup(); err != nil {
		return err
	}
	if h.std != nil && c.Dispatch == weir.Inline {
		return &weir.ConfigError{Field: "Dispatch", Problem: "an http.Handler may block, so web.Handler needs weir.Pool; use web.Fast on the event loop"}
	}
	return nil
}

// OnOpen does nothing.
func (h *HTTP) OnOpen(*weir.Conn) {}

// OnClose does nothing.
func (h *HTTP) OnClose(*weir.Conn, error) {}

// OnFrame serves a request. frame is its head, and its body, too, if the codec has
// found that it can be had whole.
func (h *HTTP) OnFrame(c *weir.Conn, frame []byte) {
	x := contexts.Get().(*Ctx)
	defer x.release()
	n, err := x.Request.Parse(frame, 0, h.codec.Limits)
	if err != nil || n == 0 {
		h.refuse(c, err)
		return
	}
	if h.limits.MaxRequests > 0 {
		h.count(c, &x.Request)
	}
	body := frame[n:]
	if h.std != nil && !h.handshake(&x.Request) {
		h.serveStd(c, &x.Request, frame, body)
		return
	}
	x.http, x.conn, x.body = h, c, body
	switch {
	case h.std != nil:
		x.serve()
	case x.Request.ContentLength > h.limits.MaxBody:
		h.refuse(c, errBodyTooLarge)
	case x.Request.Chunked || x.Request.ContentLength > int64(len(body)):
		h.collect(c, x, frame)
	default:
		x.serve()
	}
}

// count makes a request the last one of its connection when MaxRequests says so.
func (h *HTTP) count(c *weir.Conn, req *http1.Request) {
	var n *requestCount
	switch v := c.Context().(type) {
	case *requestCount:
		n = v
	case nil:
		n = new(requestCount)
		c.SetContext(n)
	default:
		return // somebody else's
	}
	if *n++; int(*n) >= h.limits.MaxRequests && !req.Close {
		req.Close = true
		h.counters.lastOnes.Add(1)
	}
}

// requestCount is the Context of a connection whose requests are counted.
type requestCount int

// OnError answers a stream that the codec has refused.
func (h *HTTP) OnError(c *weir.Conn, err error) { h.refuse(c, err) }

// refuse answers a request that breaks a rule or a limit, and closes the
// connection: where the next request would begin is not known any more.
func (h *HTTP) refuse(c *weir.Conn, err error) {
	code, detail := status(err)
	switch {
	case code == http.StatusRequestTimeout:
		h.counters.slowBodies.Add(1)
	case code == http.StatusRequestEntityTooLarge || errors.Is(err, codec.ErrTooLarge):
		h.counters.tooLarge.Add(1)
	default:
		h.counters.malformed.Add(1)
	}
	text := http.StatusText(code)
	if detail != "" {
		text += ": " + detail
	}
	// Should the connection have ended, nobody waits for the answer.
	_ = c.Append(func(dst []byte) []byte {
		dst = http1.AppendStatus(dst, code)
		dst = http1.AppendDate(dst)
		dst = http1.AppendHeader(dst, "Content-Type", "text/plain; charset=utf-8")
		dst = http1.AppendContentLength(dst, int64(len(text)+1))
		dst = append(dst, "Connection: close\r\n\r\n"...)
		return append(append(dst, text...), '\n')
	})
	c.Close()
}
