package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/weir-go/weir/push"
)

// Handler serves /api/ and /health. It has no goroutines, and needs no closing.
type Handler struct {
	server Server
	o      Options
	mux    *http.ServeMux
	sites  *http.CrossOriginProtection
	keys   *window
	health health

	requests, unauthorized, forbidden, tooLarge, failed atomic.Uint64
}

// Stats are the counters of a Handler, from the start on unless they say "now".
type Stats struct {
	Requests     uint64 // all
	Unauthorized uint64 // refused with 401
	Forbidden    uint64 // refused with 403
	TooLarge     uint64 // refused with 413: MaxBody, MaxBatchBody, MaxBatch, the server's MaxMessage
	Failed       uint64 // answered by 500 to 599
	Keys         int    // of QoS 0, remembered now
	KeysDropped  uint64 // and forgotten before KeyTTL, because of MaxKeys
}

// New returns the API of a server.
func New(p Server, o Options) *Handler {
	h := &Handler{server: p, o: o.withDefaults(), mux: http.NewServeMux(), sites: http.NewCrossOriginProtection()}
	h.keys = newWindow(h.o.MaxKeys, h.o.KeyTTL)
	for _, rt := range routes() {
		h.mux.HandleFunc(rt.method+" "+rt.pattern(), func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, &rt) })
	}
	h.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, &nowhere) })
	return h
}

// ServeHTTP implements http.Handler. It blocks, at most for Options.Timeout and for as
// long as the body takes.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Stats returns a snapshot of the counters.
func (h *Handler) Stats() Stats {
	s := Stats{
		Requests: h.requests.Load(), Unauthorized: h.unauthorized.Load(), Forbidden: h.forbidden.Load(),
		TooLarge: h.tooLarge.Load(), Failed: h.failed.Load(),
	}
	s.Keys, s.KeysDropped = h.keys.stats()
	return s
}

// call is a request that is being answered.
type call struct {
	*Handler
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context // with the trace
	who *push.Identity
}

// serve answers a request.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, rt *route) {
	started := time.Now()
	h.requests.Add(1)
	c := &call{Handler: h, w: w, r: r}
	c.ctx = propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	var span trace.Span
	if h.o.Tracer != nil {
		c.ctx, span = h.o.Tracer.Start(c.ctx, rt.method+" "+rt.path, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
	}
	traced := trace.SpanContextFromContext(c.ctx)
	if traced.HasTraceID() {
		w.Header().Set("X-Trace-Id", traced.TraceID().String())
	}
	body, err := h.answer(c, rt)
	status := http.StatusOK
	if err != nil {
		f := asFailure(err)
		status, body = f.status, f
		f.header(w.Header())
		h.count(c, f, err)
	}
	size := reply(w, status, body)
	if span != nil {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= 500 {
			span.SetStatus(codes.Error, err.Error())
		}
	}
	h.log(c, err, slog.Int("status", status), slog.Int("bytes", size), slog.Duration("took", time.Since(started)))
}

// answer is everything up to the response. err is a *failure, or whatever the server has
// returned.
func (h *Handler) answer(c *call, rt *route) (body any, err error) {
	if !rt.open {
		if err := h.checkSite(c.r); err != nil {
			return nil, err
		}
		if c.who, err = h.caller(c.r); err != nil {
			return nil, err
		}
		if rt.operator && !c.who.API {
			return nil, forbidden("the token does not allow the operations of the API (Identity.API)")
		}
	}
	return rt.serve(c)
}

// count counts what was refused, and tells the operator of what is the server's fault.
func (h *Handler) count(c *call, f *failure, err error) {
	switch {
	case f.status == http.StatusUnauthorized:
		h.unauthorized.Add(1)
	case f.status == http.StatusForbidden:
		h.forbidden.Add(1)
	case f.status == http.StatusRequestEntityTooLarge:
		h.tooLarge.Add(1)
	case f.status >= 500:
		h.failed.Add(1)
		if f.status == http.StatusInternalServerError {
			h.o.Logger.LogAttrs(c.ctx, slog.LevelError, "api: failed", slog.String("path", c.r.URL.Path), slog.Any("err", err))
		}
	}
	if errors.Is(err, push.ErrServerClosed) {
		h.health.closed.Store(true)
	}
}

// log is the access log.
func (h *Handler) log(c *call, err error, attrs ...slog.Attr) {
	if !h.o.Logger.Enabled(c.ctx, slog.LevelDebug) {
		return
	}
	attrs = append(attrs, slog.String("method", c.r.Method), slog.String("path", c.r.URL.Path), slog.String("remote", c.r.RemoteAddr))
	if c.who != nil {
		attrs = append(attrs, slog.String("user", c.who.User))
	}
	if err != nil {
		attrs = append(attrs, slog.Any("err", err))
	}
	if sc := trace.SpanContextFromContext(c.ctx); sc.HasTraceID() {
		attrs = append(attrs, slog.String("trace_id", sc.TraceID().String()))
	}
	h.o.Logger.LogAttrs(c.ctx, slog.LevelDebug, "api: request", attrs...)
}
