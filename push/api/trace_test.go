package api_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/api"
)

const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"

func TestTrace(t *testing.T) {
	f := &fake{}
	h := newAPI(f, api.Options{})
	a := do(t, h, request("POST", "/api/publish", `{"topic":"a"}`, "traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")).is(200, "")
	if got := a.Header().Get("X-Trace-Id"); got != traceID {
		t.Errorf("X-Trace-Id %q", got)
	}
	sc := trace.SpanContextFromContext(f.trace)
	if sc.TraceID().String() != traceID || sc.SpanID().String() != "00f067aa0ba902b7" || !sc.IsSampled() {
		t.Errorf("%+v", sc)
	}
	for _, bad := range []string{"", "x", "00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01"} {
		a := do(t, h, request("POST", "/api/publish", `{"topic":"a"}`, "traceparent", bad)).is(200, "")
		if got := a.Header().Get("X-Trace-Id"); got != "" {
			t.Errorf("%q: X-Trace-Id %q", bad, got)
		}
	}
}

// TestSpans: the spans of the server are in the caller's trace, below that of the request.
func TestSpans(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(spans))
	quiet := slog.New(slog.DiscardHandler)
	s, err := push.New(push.Config{Tracer: provider.Tracer("push"), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	h := api.New(s, api.Options{Tracer: provider.Tracer("api"), Logger: quiet})
	do(t, h, request("POST", "/api/publish", `{"topic":"a","qos":1}`, "traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")).is(200, "")
	do(t, h, request("GET", "/api/history", "")).is(400, "")
	if err := s.Close(); err != nil { // ends all spans
		t.Fatal(err)
	}
	parents := map[string]string{} // of the spans in the trace, by name
	names := map[string]string{"00f067aa0ba902b7": "the caller"}
	for _, span := range spans.GetSpans() {
		names[span.SpanContext.SpanID().String()] = span.Name
	}
	for _, span := range spans.GetSpans() {
		if span.SpanContext.TraceID().String() == traceID {
			parents[span.Name] = names[span.Parent.SpanID().String()]
		}
	}
	if parents["POST /api/publish"] != "the caller" || parents["push.publish"] != "POST /api/publish" || parents["push.append"] != "push.publish" {
		t.Errorf("%v", parents)
	}
	if parents["GET /api/history"] != "" {
		t.Error("another request is in the trace")
	}
}

func TestAccessLog(t *testing.T) {
	var mu sync.Mutex
	var logged bytes.Buffer
	h := newAPI(&fake{}, api.Options{Auth: people, Logger: slog.New(slog.NewTextHandler(writer(func(p []byte) {
		mu.Lock()
		defer mu.Unlock()
		logged.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))})
	do(t, h, request("POST", "/api/publish", `{"topic":"a/b"}`, "token", "ada", "traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")).is(200, "")
	do(t, h, request("GET", "/api/stats", "", "token", "secret-token")).is(401, "")
	lines := strings.Split(strings.TrimSpace(logged.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%q", lines)
	}
	for i, parts := range [][]string{
		{"status=200", "method=POST", "path=/api/publish", "user=ada", "trace_id=" + traceID, "took="},
		{"status=401", "path=/api/stats", "err="},
	} {
		for _, part := range parts {
			if !strings.Contains(lines[i], part) {
				t.Errorf("%s is missing in %s", part, lines[i])
			}
		}
	}
	if strings.Contains(logged.String(), "secret-token") {
		t.Error("a token was logged")
	}
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }
