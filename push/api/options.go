package api

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

// Server is what the API uses of a *push.Server.
type Server interface {
	PublishAll(ctx context.Context, ps []push.Publication) ([]push.Receipt, []error)
	History(topic string, after uint64, limit int) (push.History, error)
	Presence(topic string) (protocol.Presence, error)
	Topics(prefix, after string, limit int) ([]push.TopicStats, error)
	Clients(limit int) []push.ClientStats
	Disconnect(user, session string, code protocol.Code) int
	Stats() push.Stats
}

var _ Server = (*push.Server)(nil)

// Options are the settings of a Handler. The zero value of every field is a default.
type Options struct {
	// Auth checks tokens. nil: everybody may do everything.
	Auth push.Authenticator

	// Hosts are the names that the Host of a request may have, without port; "*" stands
	// for all. localhost and IP addresses are always allowed: no other site can point
	// them elsewhere. nil: no other names without Auth, all with it. /health is not
	// concerned.
	Hosts []string

	// Revoke, if set, is called for the user of /api/disconnect with "revoke": true,
	// before the sessions are ended, such as auth.JWT's RevokeUser.
	Revoke func(user string) error

	// Health, if set, returns why the process should get no more work, or nil.
	Health func() error

	// Timeout bounds how long a publisher waits for the log. 0: 10 s.
	Timeout time.Duration

	// MaxBody is the size in bytes of the largest body of a request, and MaxBatchBody
	// that of a batch. More is answered by 413. 0: 512 KiB, which holds a message of
	// 64 KiB however it is escaped, and 8 MiB.
	MaxBody      int64
	MaxBatchBody int64

	// MaxBatch is the largest number of messages of a batch. 0: 1,000.
	MaxBatch int

	// MaxLimit is the largest limit of a list; without one it is 100. 0: 1,000.
	MaxLimit int

	// MaxTopic is the size in bytes of the longest topic, and key or id of a message.
	// 0: 255, as push.Config has it.
	MaxTopic int

	// MaxKeys is the number of keys of messages of QoS 0 that are remembered, for
	// KeyTTL. Beyond it the oldest are forgotten. 0: 10,000, 10 min.
	MaxKeys int
	KeyTTL  time.Duration

	// Tracer, if set, gets a span for each request, a part of the trace that its
	// traceparent names. Without one the trace is handed on to the server as it is.
	Tracer trace.Tracer

	// Logger gets a line for each request at debug level, and failures of the server.
	// nil: slog.Default().
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	or(&o.Timeout, 10*time.Second)
	or(&o.MaxBody, 512<<10)
	or(&o.MaxBatchBody, 8<<20)
	or(&o.MaxBatch, 1000)
	or(&o.MaxLimit, 1000)
	or(&o.MaxTopic, 255)
	or(&o.MaxKeys, 10_000)
	or(&o.KeyTTL, 10*time.Minute)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

func or[T int | int64 | time.Duration](p *T, v T) {
	if *p <= 0 {
		*p = v
	}
}
