package web

import (
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/http1"
)

// Limits bound what a client can ask of an HTTP. The zero value of each field is a
// default that suits a server on the open internet.
type Limits struct {
	// MaxHead is the size in bytes of the largest head of a request, the
	// request line included. A larger one is answered with 431, or 414 if it is
	// the request line alone. 0: 16 KiB.
	MaxHead int

	// MaxHeaders is the largest number of header lines. More are answered with
	// 431. 0: 100.
	MaxHeaders int

	// MaxBody is the size in bytes of the largest body of a request. A larger
	// one is answered with 413. 0: 1 MiB for Fast, which holds a body in
	// memory, and none for Handler, which streams it; there, see also
	// http.MaxBytesReader. Negative: none, for Handler only.
	MaxBody int64

	// BufferBody is the size in bytes of the largest body that is received
	// whole before the http.Handler is called, so that one which comes slowly
	// costs no goroutine. Larger ones, and those in chunks, are streamed. It
	// means nothing to Fast. 0: 64 KiB.
	BufferBody int

	// HeadTimeout is how long a client may take to send a request's head, from
	// its first byte on, and a second more for every BodyRate bytes of it. The
	// connection is closed with weir.ErrFrameTimeout. 0: 10 s, negative: for
	// ever.
	HeadTimeout time.Duration

	// BodyRate is the number of bytes per second that a client has to manage
	// when it sends a body, on the average, after HeadTimeout as a grace. The
	// connection is closed with weir.ErrFrameTimeout if the body was to be
	// received whole, and with ErrSlowBody if not; time in which the handler
	// does not ask for more does not count. 0: 1,024, negative: any rate will do.
	BodyRate int

	// IdleTimeout is how long a connection may be silent between requests. It
	// is closed with weir.ErrIdleTimeout. 0: 60 s, negative: for ever.
	IdleTimeout time.Duration

	// MaxRequests is the number of requests after which a connection is closed,
	// so that load balancers get a chance to spread clients anew. They are
	// counted in the Context of the weir.Conn: a connection of which the handler
	// has set another is not closed. 0: none.
	MaxRequests int
}

// withDefaults returns l with every zero replaced, or a *weir.ConfigError.
func (l Limits) withDefaults(fast bool) (Limits, error) {
	for _, f := range []struct {
		name string
		p    *int
		zero int
	}{
		{"MaxHead", &l.MaxHead, http1.DefaultMaxHead},
		{"MaxHeaders", &l.MaxHeaders, http1.DefaultMaxHeaders},
		{"BufferBody", &l.BufferBody, 64 << 10},
		{"MaxRequests", &l.MaxRequests, 0},
	} {
		if *f.p < 0 {
			return l, &weir.ConfigError{Field: "web.Limits." + f.name, Problem: "is negative"}
		}
		if *f.p == 0 {
			*f.p = f.zero
		}
	}
	switch {
	case fast && l.MaxBody < 0:
		return l, &weir.ConfigError{Field: "web.Limits.MaxBody", Problem: "is negative: Fast holds bodies in memory, so they must have a limit"}
	case fast && l.MaxBody == 0:
		l.MaxBody = 1 << 20
	case l.MaxBody <= 0:
		l.MaxBody = -1
	}
	if l.HeadTimeout == 0 {
		l.HeadTimeout = 10 * time.Second
	}
	if l.BodyRate == 0 {
		l.BodyRate = 1 << 10
	}
	if l.IdleTimeout == 0 {
		l.IdleTimeout = 60 * time.Second
	}
	return l, nil
}

// bodyAllowance is how long a client may have kept a reader of its body waiting
// when it has sent n bytes of it; 0: for ever.
func (l *Limits) bodyAllowance(n int64) time.Duration {
	if l.BodyRate < 0 || l.HeadTimeout < 0 {
		return 0
	}
	return l.HeadTimeout + time.Duration(float64(n)/float64(l.BodyRate)*float64(time.Second))
}
