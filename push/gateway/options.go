package gateway

import (
	"time"

	"github.com/weir-go/weir/web"
)

// Options are the settings of a transport. The zero value of every field is a
// default.
type Options struct {
	// Ping is the silence of a client after which the transport pings it; if
	// nothing comes for half as long after that, the connection is ended. It has to
	// be push.Config's, which the clients are told. 0: 30 s.
	Ping time.Duration

	// HelloTimeout bounds the time from the opening of a WebSocket to its first
	// message, which tells the encoding. From there on it is push.Config's. 0: 10 s.
	HelloTimeout time.Duration

	// MaxFrame is the size in bytes of the largest frame. It should leave room for
	// push.Config.MaxMessage bytes of data, which take up to six times as many in
	// JSON if they have to be escaped, and for a HELLO with all subscriptions of a
	// client. A client that sends a larger frame is disconnected: on a WebSocket
	// with the close code 1009, on TCP with protocol.CodeTooLarge. 0: 512 KiB.
	MaxFrame int

	// CheckOrigin is that of web.WebSocket.
	CheckOrigin func(h *web.Handshake) bool
}

// or returns a setting, or its default if it is zero.
func or[T int | time.Duration](v, zero T) T {
	if v == 0 {
		return zero
	}
	return v
}

func (o *Options) fill() {
	o.Ping = or(o.Ping, 30*time.Second)
	o.HelloTimeout = or(o.HelloTimeout, 10*time.Second)
	o.MaxFrame = or(o.MaxFrame, 512<<10)
}
