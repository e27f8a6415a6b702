package push

import (
	"net/netip"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// Sink is the connection of a session, of a transport. Its methods may be called from
// any goroutine, and never block nor call back.
type Sink interface {
	// Send accepts one frame or none; wire is what the sink's Format has made of it,
	// and shared with other sinks. An error says that the sink has ended, if it wraps
	// net.ErrClosed, or that more waits already than it may.
	Send(wire any) error

	// Write sends a frame that is for this client alone, encoded; it is the caller's
	// again when Write returns. It fails as Send does.
	Write(frame []byte) error

	// Writable reports whether the connection keeps up: false from a high watermark
	// of bytes waiting on, until they have fallen to a low one, when the transport
	// calls Session.Writable.
	Writable() bool

	// Buffered returns the number of bytes that wait for the peer.
	Buffered() int

	// Do has f called soon, and not at the same time as another call of a method of
	// the session by the transport. What f sends leaves together, where the transport
	// can do that.
	Do(f func()) error

	// Pause and Resume stop and restart the receiving.
	Pause()
	Resume()

	// SetPing replaces the interval of the heartbeats for this connection.
	SetPing(interval time.Duration)

	// Close ends the connection when what was sent has left. code is the reason; it
	// was sent already, as ERR or GOAWAY.
	Close(code protocol.Code)

	RemoteAddr() netip.AddrPort
}

// Format is how a transport writes frames: in an encoding, and wrapped for the wire.
// Each transport has one for each encoding, which all its sinks share, so that a
// message is encoded and wrapped once for all.
type Format struct {
	Encoding protocol.Encoding
	Wrap     func(frame []byte) (wire any, size int, err error) // keeps frame
	Join     func(wires []any) any                              // several, to be sent with one write; nil: one by one
	Name     string                                             // for metrics and the page: "tcp", "ws binary", "ws json"

	// Set by Register.
	server *Server
	index  int
}
