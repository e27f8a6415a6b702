package web

import (
	"net/http"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/http1"
)

// serveStd serves a request with the http.Handler. body is what came of the
// request's body together with its head.
func (h *HTTP) serveStd(c *weir.Conn, req *http1.Request, _, body []byte) {
	if h.limits.MaxBody >= 0 && req.ContentLength > h.limits.MaxBody {
		h.refuse(c, errBodyTooLarge)
		return
	}
	w := &response{
		h:         h,
		conn:      c,
		minor:     req.Minor,
		head:      string(req.Method) == http.MethodHead,
		lastOne:   req.Close,
		keepAlive: req.KeepAlive,
		scratch:   scratches.Get().(*scratch),
		length:    -1,
	}
	w.ctx.http, w.ctx.conn = h, c
	r := w.newRequest(req)
	if r == nil {
		w.scratch.release()
		h.refuse(c, errTarget)
		return
	}
	w.req = r
	r.Body = w.body.open(w, req, body)
	w.serve(r)
}

// errTarget refuses a target that package url cannot parse.
var errTarget = &http1.Error{Status: http.StatusBadRequest, Detail: "invalid request target"}

// serve calls the handler and finishes the response.
func (w *response) serve(r *http.Request) {
	returned := false
	defer func() {
		if !returned {
			w.rescue(recover())
		}
	}()
	if r.RequestURI == "*" && r.Method == http.MethodOptions {
		w.Header().Set("Content-Length", "0") // about the server, not a resource
	} else {
		w.h.std.ServeHTTP(w, r)
	}
	returned = true
	w.finish(r)
}

// finish sends the rest of the response.
func (w *response) finish(r *http.Request) {
	w.ctx.end()
	if w.hijacked {
		w.leave()
		if w.start != nil {
			w.start(w.conn)
		}
		return
	}
	if !w.wroteHeader {
		w.expectNothing()
		w.settle(http.StatusOK)
	}
	if !w.sent || w.chunked || len(w.scratch.buffered()) > 0 {
		_ = w.emit(nil, true) // if it fails the connection is closed
	}
	if !w.body.end(w.closing) {
		w.closing = true
	}
	if r.MultipartForm != nil {
		_ = r.MultipartForm.RemoveAll() // temporary files: nobody to tell
	}
	if w.err != nil {
		w.closing = true
	}
	// A response shorter than it has said would swallow the next.
	if w.length >= 0 && w.written != w.length && !w.head && bodyAllowed(w.status) {
		w.closing = true
	}
	w.release()
	if w.closing {
		w.conn.Close()
	}
}

// leave takes away from the handler what a hijacked connection has no use for.
func (w *response) leave() {
	w.body.end(true)
	w.release()
}

func (w *response) release() {
	if w.writeDeadline && !w.hijacked {
		w.stream.SetWriteDeadline(time.Time{}) // never fails
	}
	w.scratch.release()
	w.scratch = nil
}

// rescue ends a response whose handler has panicked with v. If nothing of it has
// been sent the client gets a 500. Unless it was http.ErrAbortHandler, the panic
// goes on to weir, which logs it and closes the connection when what was written has
// been sent. v is nil if the handler has ended its goroutine.
func (w *response) rescue(v any) {
	w.ctx.end()
	if v != nil && v != http.ErrAbortHandler {
		w.h.counters.panics.Add(1)
		if !w.sent && !w.hijacked {
			w.apologize()
		}
	}
	w.body.end(true)
	if w.scratch != nil {
		w.release()
	}
	if v != nil && v != http.ErrAbortHandler {
		panic(v)
	}
	w.conn.Close()
}

// apologize sends a 500 in place of the response.
func (w *response) apologize() {
	w.expectNothing()
	w.header = http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"}}
	w.fields, w.trailers, w.length, w.closing = fieldInfo{}, nil, -1, true
	w.scratch.out = w.scratch.out[:chunkHead]
	w.settle(http.StatusInternalServerError)
	w.scratch.out = append(w.scratch.out, http.StatusText(http.StatusInternalServerError)+"\n"...)
	_ = w.emit(nil, true) // the connection is closed anyway
}

// misuse logs what a handler should not have done, and where.
func (w *response) misuse(what string) {
	pc := make([]uintptr, 16)
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc)])
	var at runtime.Frame
	for more := true; more; {
		at, more = frames.Next()
		if !strings.HasPrefix(at.Function, "github.com/weir-go/weir/web.") && !strings.HasPrefix(at.Function, "net/http.") {
			break
		}
	}
	w.conn.Logger().Warn("weir: http: "+what, "function", at.Function, "file", path.Base(at.File), "line", at.Line)
}
