package web

import (
	"compress/flate"
	"sync"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
)

// Opcode tells what a message is: Text or Binary.
type Opcode = websocket.Opcode

// The kinds of messages (RFC 6455, 5.6).
const (
	Text   = websocket.Text   // UTF-8, which is checked
	Binary = websocket.Binary // any bytes
)

// Compression selects whether messages are compressed (permessage-deflate, RFC
// 7692) if the client offers it.
type Compression int

const (
	// CompressionOff negotiates no compression. The default.
	CompressionOff Compression = iota
	// CompressionNoTakeover compresses each message on its own. An idle socket
	// owns nothing for it: what deflates and inflates is lent while a message
	// is under way.
	CompressionNoTakeover
	// CompressionTakeover lets a message refer to the ones before, which makes
	// many small, similar messages several times smaller. It takes memory: a
	// socket that compresses has a deflater of its own, of 1.2 MB at
	// flate.BestSpeed and 0.8 MB at other levels, which it gives back when the
	// peer has been silent for PingInterval and nothing was compressed
	// meanwhile; and one that receives compressed messages keeps the last 32
	// KiB of them.
	CompressionTakeover
)

// WebSocket is an endpoint for WebSockets (RFC 6455): an http.Handler, to be
// mounted in any router that is served by [Handler], and by ServeFast within
// [Fast]. It costs no goroutine per socket, and an idle socket owns no buffer.
//
// The callbacks of one [Socket] come one after the other: OnOpen first, OnClose
// last. Those of different sockets run in parallel. With weir.Pool, the default,
// they may block; with weir.Inline they must not, nor call what does.
//
// What a peer does not read is bounded by the watermarks of weir.Config: writing fails
// with weir.ErrBacklog or what else weir.Conn's Write lists, and by default nothing is
// read from such a peer, see weir.OverflowPause. What a peer sends is bounded by
// MaxMessage, and a frame of it by FrameTimeout.
//
// The zero value of each field is a default. The fields must not be changed after
// the first request, and a WebSocket must not be copied.
type WebSocket struct {
	// OnOpen is called first, when the handshake is done.
	OnOpen func(s *Socket)

	// OnMessage is called for each message, whole, op being Text or Binary. A
	// text is valid UTF-8. data is valid only until OnMessage returns; it may
	// be changed, but not kept.
	OnMessage func(s *Socket, op Opcode, data []byte)

	// OnClose is called last, once. err is a [*CloseError], always.
	OnClose func(s *Socket, err error)

	// OnPong is told of pongs, with what the ping has carried, and those that
	// no ping has asked for. data is valid only until OnPong returns. Pings are
	// answered without asking.
	OnPong func(s *Socket, data []byte)

	// OnWritable is told when the outbound backlog of a socket, having been
	// above the high watermark, has fallen to the low one.
	OnWritable func(s *Socket)

	// Accept is asked before a handshake is answered: to authenticate, to add
	// headers to the response, to give the Socket a value. An error refuses the
	// handshake: a [*HandshakeError] with its status, any other with 403
	// Forbidden, without its text. It may block where callbacks may.
	Accept func(h *Handshake) error

	// CheckOrigin replaces the check of the Origin header that browsers send.
	// nil: the host and the port of the origin have to be those of the Host
	// header; requests without Origin, which no browser sends, are allowed.
	// Whoever allows all origins has to guard against the pages of others using
	// their visitors' cookies.
	CheckOrigin func(h *Handshake) bool

	// Subprotocols are the ones that this endpoint speaks, in the order of its
	// preference. The first that the client offers is chosen; if there is none
	// the connection goes without, see Socket.Subprotocol. At most 65,535.
	Subprotocols []string

	// Compression selects whether messages are compressed if the client offers
	// it. 0: CompressionOff.
	Compression Compression

	// CompressionThreshold is the size in bytes from which on a message is
	// compressed; smaller ones would gain nothing. 0: 256, negative: all are.
	CompressionThreshold int

	// CompressionLevel is flate.BestSpeed (1) to flate.BestCompression (9), or
	// flate.HuffmanOnly (-2). 0: flate.BestSpeed.
	CompressionLevel int

	// MaxMessage is the size in bytes of the largest message that is received,
	// whole and inflated. A peer that sends a larger one is told so (1009), as
	// soon as the frame's head says it, and disconnected. 0: 1 MiB.
	MaxMessage int

	// MaxQueued is the number of bytes of messages that may wait behind one
	// that NextWriter sends. More are refused with weir.ErrBacklog. 0: 1 MiB.
	MaxQueued int

	// PingInterval is the silence of the peer after which it is sent a ping.
	// 0: 30 s, negative: none, then weir.Config.IdleTimeout holds, if set.
	PingInterval time.Duration

	// PongTimeout is how long a peer may take to send anything after a ping,
	// before it is disconnected with ErrPongTimeout. 0: 10 s. It says nothing
	// without a PingInterval.
	PongTimeout time.Duration

	// CloseTimeout is how long a peer may take to answer a close frame, before
	// TCP is closed. 0: 5 s.
	CloseTimeout time.Duration

	// FrameTimeout is how long a peer may take to send a frame that it has
	// begun; FrameRate bytes of it prolong it by a second. A peer that takes
	// longer is disconnected with weir.ErrFrameTimeout. 0: 10 s and 1,024 bytes
	// per second, negative: none.
	FrameTimeout time.Duration
	FrameRate    int

	once     sync.Once
	problem  error // with the fields
	settings settings
	table    [phases]*weir.Protocol
	deflater websocket.Deflater // without context takeover, for all
	inflater websocket.Inflater // without context takeover, for all
	counters counters
}

// settings are fields of a WebSocket with the defaults put in.
type settings struct {
	threshold, maxMessage, maxQueued int
	pongTimeout, closeTimeout        time.Duration
	normal, awaiting                 weir.Timeouts
}

// setup checks the fields and makes what all sockets share, once.
func (ws *WebSocket) setup() error {
	ws.once.Do(func() {
		if ws.problem = ws.check(); ws.problem == nil {
			ws.problem = ws.makeTable()
		}
	})
	return ws.problem
}

// check puts the defaults in, or returns a *weir.ConfigError.
func (ws *WebSocket) check() error {
	refuse := func(field, problem string) error {
		return &weir.ConfigError{Field: "WebSocket." + field, Problem: problem}
	}
	switch {
	case ws.Compression < CompressionOff || ws.Compression > CompressionTakeover:
		return refuse("Compression", "unknown value")
	case ws.CompressionLevel < flate.HuffmanOnly || ws.CompressionLevel > flate.BestCompression:
		return refuse("CompressionLevel", "unknown value")
	case ws.MaxMessage < 0:
		return refuse("MaxMessage", "is negative")
	case ws.MaxQueued < 0:
		return refuse("MaxQueued", "is negative")
	case ws.PongTimeout < 0:
		return refuse("PongTimeout", "is negative")
	case ws.CloseTimeout < 0:
		return refuse("CloseTimeout", "is negative")
	case len(ws.Subprotocols) > maxSubprotocols:
		return refuse("Subprotocols", "are too many")
	}
	for _, p := range ws.Subprotocols {
		if !isFieldName(p) {
			return refuse("Subprotocols", "no token of RFC 9110: "+p)
		}
	}
	ws.deflater.Level = ws.CompressionLevel
	frame := weir.Timeouts{Frame: or(ws.FrameTimeout, 10*time.Second), FrameRate: or(ws.FrameRate, 1<<10)}
	ws.settings = settings{
		threshold:    or(ws.CompressionThreshold, 256),
		maxMessage:   or(ws.MaxMessage, 1<<20),
		maxQueued:    or(ws.MaxQueued, 1<<20),
		pongTimeout:  or(ws.PongTimeout, 10*time.Second),
		closeTimeout: or(ws.CloseTimeout, 5*time.Second),
		normal:       frame,
		awaiting:     frame,
	}
	if interval := or(ws.PingInterval, 30*time.Second); interval > 0 {
		ws.settings.normal.Idle = interval
		ws.settings.awaiting.Idle = ws.settings.pongTimeout
	}
	return nil
}

// or returns a setting, or its default if it is zero.
func or[T int | time.Duration](v, zero T) T {
	if v == 0 {
		return zero
	}
	return v
}

// maxSubprotocols is what a Socket has room for.
const maxSubprotocols = 1<<16 - 1
