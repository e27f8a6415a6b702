package push

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// Config holds the settings of a Server. The zero value of every field is a default.
type Config struct {
	// Log keeps the messages of QoS 1. nil: msglog.NewMemory with its defaults. The
	// server closes it.
	Log msglog.Log

	// Auth checks tokens. nil: everybody may do everything, but for publishing to
	// topics that begin with "$".
	Auth Authenticator

	// Ping is the silence after which one side sends PING, told by WELCOME; a peer
	// that is silent for 1.5 times as long is disconnected. PingFor, if set, chooses
	// it for each client, 0 being Ping. 0: 30 s.
	Ping    time.Duration
	PingFor func(c ClientInfo) time.Duration

	// HelloTimeout bounds the time from attaching to HELLO. 0: 10 s.
	HelloTimeout time.Duration

	// MaxMessage is the size in bytes of the largest data of a message. Larger ones
	// are refused with CodeTooLarge. 0: 64 KiB.
	MaxMessage int

	// MaxTopic is the size in bytes of the longest topic, filter, session and message
	// id. 0: 255.
	MaxTopic int

	// MaxSubs is the largest number of subscriptions of a session. 0: 1,000.
	MaxSubs int

	// MaxFlight is the number of PUB of QoS 1 that a session may have unanswered; no
	// more is read from it then. 0: 1,024.
	MaxFlight int

	// MaxPending is the number of bytes of messages that may wait to be appended and
	// fanned out, in all. More are refused with CodeOverloaded. 0: 64 MiB.
	MaxPending int

	// MaxQueue is the number of bytes of QoS 0 messages that may wait for a session
	// whose connection is not writable; see Policy. 0: 64 KiB.
	MaxQueue int

	// Policy tells what becomes of QoS 0 messages of a topic that a session does not
	// keep up with. nil: DropOldest for all.
	Policy func(topic string) Policy

	// AcceptRate is the number of HELLO that are admitted per second, and AcceptBurst
	// how many at once; the others wait in line, up to AcceptWait, and are told by
	// GOAWAY to come back later if that does not do. 0: 5,000 a second, a burst of
	// 2,000, 10 s. Negative AcceptRate: no limit.
	AcceptRate  float64
	AcceptBurst int
	AcceptWait  time.Duration

	// ResumeRate is the number of records per second that may be read for those who
	// catch up and have to be served from the disk. 0: 200,000, negative: no limit.
	ResumeRate float64

	// MaxDetached is the number of sessions whose cursors are remembered in memory
	// when their connection has ended, for DetachedTTL. 0: 100,000, 24 h.
	MaxDetached int
	DetachedTTL time.Duration

	// MaxPresence is the largest number of clients in a list of PRESENCE. 0: 100.
	MaxPresence int

	// Logger gets what an operator should know, and, at debug level, each message
	// with its trace id. nil: slog.Default().
	Logger *slog.Logger

	// Tracer, if set, gets spans: publish, append, fan-out.
	Tracer trace.Tracer
}

// Policy tells what becomes of QoS 0 messages for a session whose connection does not
// take them.
type Policy uint8

const (
	DropOldest Policy = iota // the oldest that waits makes room for the new one
	KeepLatest               // only the latest of each topic waits
	Disconnect               // the session is ended with CodeSlowConsumer, and resumes
)

// withDefaults fills in the defaults, or says which field cannot be used.
func (c Config) withDefaults() (Config, error) {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Ping", int64(c.Ping)}, {"HelloTimeout", int64(c.HelloTimeout)}, {"MaxMessage", int64(c.MaxMessage)},
		{"MaxTopic", int64(c.MaxTopic)}, {"MaxSubs", int64(c.MaxSubs)}, {"MaxFlight", int64(c.MaxFlight)},
		{"MaxPending", int64(c.MaxPending)}, {"MaxQueue", int64(c.MaxQueue)}, {"AcceptBurst", int64(c.AcceptBurst)},
		{"AcceptWait", int64(c.AcceptWait)}, {"MaxDetached", int64(c.MaxDetached)}, {"DetachedTTL", int64(c.DetachedTTL)},
		{"MaxPresence", int64(c.MaxPresence)},
	} {
		if f.value < 0 {
			return c, fmt.Errorf("push: Config.%s is negative", f.name)
		}
	}
	c.Ping = cmp.Or(c.Ping, 30*time.Second)
	c.HelloTimeout = cmp.Or(c.HelloTimeout, 10*time.Second)
	c.MaxMessage = cmp.Or(c.MaxMessage, 64<<10)
	c.MaxTopic = cmp.Or(c.MaxTopic, 255)
	c.MaxSubs = cmp.Or(c.MaxSubs, 1000)
	c.MaxFlight = cmp.Or(c.MaxFlight, 1024)
	c.MaxPending = cmp.Or(c.MaxPending, 64<<20)
	c.MaxQueue = cmp.Or(c.MaxQueue, 64<<10)
	c.AcceptRate = cmp.Or(c.AcceptRate, 5000)
	c.AcceptBurst = cmp.Or(c.AcceptBurst, 2000)
	c.AcceptWait = cmp.Or(c.AcceptWait, 10*time.Second)
	c.ResumeRate = cmp.Or(c.ResumeRate, 200_000)
	c.MaxDetached = cmp.Or(c.MaxDetached, 100_000)
	c.DetachedTTL = cmp.Or(c.DetachedTTL, 24*time.Hour)
	c.MaxPresence = min(cmp.Or(c.MaxPresence, 100), protocol.MaxList)
	c.MaxPending = max(c.MaxPending, c.MaxMessage+1<<10) // or else the largest message would never have a turn
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Log == nil {
		c.Log = msglog.NewMemory(msglog.MemoryOptions{})
	}
	return c, nil
}
