package push

import (
	"context"
	"log/slog"
	"math/rand/v2"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// traceBegin begins the span of a publication, or, without a Tracer but with a logger at
// debug level, gives it a trace id to be found by.
func (s *Server) traceBegin(p *publication) {
	switch {
	case s.config.Tracer != nil:
		p.ctx, p.span = s.config.Tracer.Start(p.ctx, "push.publish", trace.WithAttributes(
			attribute.String("push.topic", p.m.record.Topic),
			attribute.Int("push.qos", int(p.m.qos)),
			attribute.Int("push.bytes", len(p.m.record.Data)),
		))
	case s.logsMessages() && !trace.SpanContextFromContext(p.ctx).HasTraceID():
		p.ctx = trace.ContextWithSpanContext(p.ctx, trace.NewSpanContext(trace.SpanContextConfig{TraceID: newTraceID()}))
	}
}

// traceAppend calls f, which appends a group, within a span for each message of it.
func (s *Server) traceAppend(group []*publication, f func()) {
	if s.config.Tracer == nil {
		f()
		return
	}
	spans := make([]trace.Span, 0, len(group))
	for _, p := range group {
		_, span := s.config.Tracer.Start(p.ctx, "push.append", trace.WithAttributes(attribute.Int("push.group", len(group))))
		spans = append(spans, span)
	}
	f()
	for i, p := range group {
		if r := &p.m.record; r.Offset > 0 {
			spans[i].SetAttributes(attribute.Int64("push.offset", int64(r.Offset)), attribute.Bool("push.duplicate", r.Duplicate))
		}
		spans[i].End()
	}
}

// traceFanOut begins the span of the fan-out.
func (s *Server) traceFanOut(p *publication) {
	if s.config.Tracer != nil {
		_, p.fanOut = s.config.Tracer.Start(p.ctx, "push.fanout")
	}
}

// traceEnd ends the spans, and logs the message.
func (s *Server) traceEnd(p *publication, err *Error) {
	if p.fanOut != nil {
		p.fanOut.SetAttributes(attribute.Int64("push.receivers", p.receivers.Load()))
		p.fanOut.End()
	}
	if p.span != nil {
		if err != nil {
			p.span.SetStatus(codes.Error, err.Message)
		}
		p.span.End()
	}
	if !s.logsMessages() {
		return
	}
	r := &p.m.record
	attrs := []slog.Attr{
		slog.String("trace_id", trace.SpanContextFromContext(p.ctx).TraceID().String()),
		slog.String("topic", r.Topic), slog.Int("qos", int(p.m.qos)), slog.Uint64("offset", r.Offset),
		slog.Int("bytes", len(r.Data)), slog.Int64("receivers", p.receivers.Load()), slog.Duration("took", s.now()-p.started),
	}
	if err != nil {
		attrs = append(attrs, slog.String("err", err.Message))
	}
	s.config.Logger.LogAttrs(context.Background(), slog.LevelDebug, "push: message", attrs...)
}

// logsMessages reports whether each message is logged.
func (s *Server) logsMessages() bool {
	return s.config.Logger.Enabled(context.Background(), slog.LevelDebug)
}

func newTraceID() (id trace.TraceID) {
	for i := range id {
		id[i] = byte(rand.Uint32())
	}
	return id
}
