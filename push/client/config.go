package client

import (
	"context"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// Config holds the settings of a Client. URL is required; the zero value of every other
// field is a default.
type Config struct {
	// URL is where the server is: tcp://host:port, or ws://host:port/path. The port of
	// ws is 80 if it is left out, and the path /ws.
	URL string

	// Encoding is how frames are written on a WebSocket: protocol.Binary or
	// protocol.JSON. TCP has Binary only.
	Encoding protocol.Encoding

	// Session is the name under which the server keeps what was acknowledged, so that
	// another process can go on with it. A second client of the user with the same name
	// takes the session over, and the first one stops. "": a name chosen by the server,
	// with which this Client comes back.
	Session string

	// Token returns a token. It is asked before the first connect, again when the
	// token has expired or was refused, and when four fifths of its time are over or
	// somewhat more, to renew it on the connection. It may block; ctx ends with the
	// client, or after ConnectTimeout. It may be called at the same time for different
	// clients. After an error it is asked again later. nil: no token. See StaticToken.
	Token func(ctx context.Context) (string, error)

	// Group is the Group that the client belongs to. nil: one of its own, with one
	// event loop, which ends with the client.
	Group *Group

	// InitialJitter is the time of which a random part passes before the first
	// connect, so that many processes that start at once do not all come at once.
	// 0: none.
	InitialJitter time.Duration

	// ConnectTimeout bounds the time from dialling to WELCOME. It is above the 10 s
	// that a busy server may let clients wait in line. 0: 30 s.
	ConnectTimeout time.Duration

	// MaxWaiting is the number of publications of QoS 1 that may be without an answer,
	// sent or not, and MaxWaitingBytes how many bytes of data they may have. More are
	// refused with ErrBacklog. 0: 1,024 and 8 MiB.
	MaxWaiting      int
	MaxWaitingBytes int

	// AckDelay bounds the time that an acknowledgement may wait for others to leave
	// with, unless 32 messages have come. 0: 1 s.
	AckDelay time.Duration

	// OnState is told what becomes of the connection. Calls come one after the other,
	// and not at the same time as callbacks of subscriptions.
	OnState func(StateChange)

	// OnError is told of errors that concern no call and no subscription, such as a
	// publication of QoS 0 that was refused, or a token that could not be renewed; they
	// end nothing. It may be called at the same time as other callbacks.
	OnError func(error)
}

// StaticToken is a Config.Token that has one token only.
func StaticToken(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

const (
	defaultConnectTimeout  = 30 * time.Second
	defaultMaxWaiting      = 1024
	defaultMaxWaitingBytes = 8 << 20
	defaultAckDelay        = time.Second
)

// withDefaults returns the configuration with its defaults filled in, and where the
// server is. The error is a *ConfigError.
func (c Config) withDefaults() (*Config, *endpoint, error) {
	to, err := parseURL(c.URL)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case c.Encoding != protocol.Binary && c.Encoding != protocol.JSON:
		return nil, nil, &ConfigError{Field: "Encoding", Problem: "is neither Binary nor JSON"}
	case c.Encoding != protocol.Binary && !to.ws:
		return nil, nil, &ConfigError{Field: "Encoding", Problem: "has to be Binary on TCP"}
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"InitialJitter", int64(c.InitialJitter)}, {"ConnectTimeout", int64(c.ConnectTimeout)},
		{"MaxWaiting", int64(c.MaxWaiting)}, {"MaxWaitingBytes", int64(c.MaxWaitingBytes)},
		{"AckDelay", int64(c.AckDelay)},
	} {
		if f.value < 0 {
			return nil, nil, &ConfigError{Field: f.name, Problem: "is negative"}
		}
	}
	orDefault(&c.ConnectTimeout, defaultConnectTimeout)
	orDefault(&c.MaxWaiting, defaultMaxWaiting)
	orDefault(&c.MaxWaitingBytes, defaultMaxWaitingBytes)
	orDefault(&c.AckDelay, defaultAckDelay)
	return &c, to, nil
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
