package push_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

func TestReport(t *testing.T) {
	b := start(t, push.Config{})
	c, pub := b.connect(""), b.connect("")
	c.sub("busy", 1, nil)
	c.sub("$weir/stats", 0, nil)
	for range 10 {
		pub.pub("busy", 1, "x")
	}
	for {
		m := next[*protocol.Msg](c)
		if m.Topic != "$weir/stats" {
			continue
		}
		var r push.Report
		if err := json.Unmarshal(m.Data, &r); err != nil {
			t.Fatal(err)
		}
		if r.Stats.Published < 10 {
			continue
		}
		if r.Stats.Sessions != 2 || r.Memory == 0 || len(r.Slowest) != 2 {
			t.Fatalf("%s", m.Data)
		}
		break
	}
	topics, err := b.Topics("", "", 10)
	if err != nil || len(topics) != 2 || topics[1].Name != "busy" || topics[1].Messages != 10 || topics[1].Subscribers != 1 {
		t.Fatalf("%+v %v", topics, err)
	}
}

// locked is a buffer for a logger.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) { l.mu.Lock(); defer l.mu.Unlock(); return l.b.Write(p) }
func (l *locked) String() string              { l.mu.Lock(); defer l.mu.Unlock(); return l.b.String() }

func TestSpansAndLogs(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(spans))
	var out locked
	b := start(t, push.Config{
		Tracer: provider.Tracer("test"),
		Logger: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	c, pub := b.connect(""), b.connect("")
	c.sub("t", 1, nil)
	pub.pub("t", 1, "x")
	eventually(t, "three spans", func() bool { return len(spans.Ended()) == 3 })
	names := map[string]bool{}
	id := spans.Ended()[0].SpanContext().TraceID()
	for _, s := range spans.Ended() {
		names[s.Name()] = true
		if s.SpanContext().TraceID() != id {
			t.Error("another trace")
		}
	}
	if !names["push.publish"] || !names["push.append"] || !names["push.fanout"] {
		t.Fatal(names)
	}
	eventually(t, "a line in the log", func() bool { return strings.Contains(out.String(), "trace_id="+id.String()) })
	if !strings.Contains(out.String(), "receivers=1") {
		t.Fatal(out.String())
	}
}
