package websocket

import (
	"strconv"

	"github.com/gobwas/ws/wsflate"
)

// DeflateOptions is how a server wants permessage-deflate (RFC 7692). The zero
// value compresses each message by itself, which needs no memory per connection.
type DeflateOptions struct {
	// Takeover lets the server's messages refer to those before, unless the
	// client asks not to: a [Deflater] is then kept per connection.
	Takeover bool

	// PeerTakeover lets the client's messages do so: 32 KiB of window are then
	// kept per connection, by its [Inflater].
	PeerTakeover bool

	// PeerWindowBits asks the client to keep to a window of 2^PeerWindowBits
	// bytes, 9 to 14, to make that smaller; anything else asks for nothing. A
	// client that has not offered client_max_window_bits cannot be asked.
	PeerWindowBits int
}

// DeflateParams is what was agreed upon.
type DeflateParams struct {
	Takeover       bool // this side's messages may refer to those before
	PeerTakeover   bool // the peer's may
	PeerWindowBits int  // the logarithm of the peer's window, 8 to 15
	response       string
}

// Response returns the value of the server's Sec-WebSocket-Extensions field.
func (p DeflateParams) Response() string { return p.response }

// Inflater returns a new Inflater for the peer's messages. Without PeerTakeover
// one will do for all connections.
func (p DeflateParams) Inflater() *Inflater {
	return &Inflater{Takeover: p.PeerTakeover, WindowBits: p.PeerWindowBits}
}

// Deflater returns a new Deflater for this side's messages.
func (p DeflateParams) Deflater(level int) *Deflater {
	return &Deflater{Level: level, Takeover: p.Takeover}
}

// Negotiate looks through the Sec-WebSocket-Extensions fields of a client's
// request, one string for each line, for the first offer of permessage-deflate
// that a server can accept (RFC 7692, section 5). If there is none, ok is false,
// and the connection goes without compression.
//
// Declined are offers with unknown, repeated or invalid parameters (section 7.1),
// and those that ask for a server_max_window_bits below 15: compress/flate has no
// smaller window. A field that is not well-formed offers nothing from there on.
func (o DeflateOptions) Negotiate(fields []string) (p DeflateParams, ok bool) {
	for _, field := range fields {
		for e, rest, more := nextExtension(field); more; e, rest, more = nextExtension(rest) {
			if p, ok := o.accept(e); ok {
				return p, true
			}
		}
	}
	return DeflateParams{}, false
}

const (
	serverNoTakeover = "server_no_context_takeover"
	clientNoTakeover = "client_no_context_takeover"
	serverWindowBits = "server_max_window_bits"
	clientWindowBits = "client_max_window_bits"
)

func (o DeflateOptions) accept(e extension) (p DeflateParams, ok bool) {
	offer, ok := e.deflate()
	if !ok || offer.ServerMaxWindowBits.Defined() && offer.ServerMaxWindowBits < maxWindowBits {
		return p, false
	}
	p = DeflateParams{
		Takeover:       o.Takeover && !offer.ServerNoContextTakeover,
		PeerTakeover:   o.PeerTakeover && !offer.ClientNoContextTakeover,
		PeerWindowBits: maxWindowBits,
		response:       wsflate.ExtensionName,
	}
	add := func(param string) { p.response += "; " + param }
	if !p.Takeover {
		add(serverNoTakeover)
	}
	if !p.PeerTakeover {
		add(clientNoTakeover)
	}
	if offer.ServerMaxWindowBits.Defined() {
		// Section 7.1.2.1: it is accepted by naming it, or a smaller one.
		add(serverWindowBits + "=" + strconv.Itoa(maxWindowBits))
	}
	// Section 7.1.2.2: it may be in the response only if it was offered. Below
	// 8, which a value cannot be, stands for an offer without one: 15.
	if bits := int(offer.ClientMaxWindowBits); bits > 0 {
		if bits < 8 {
			bits = maxWindowBits
		}
		if 9 <= o.PeerWindowBits && o.PeerWindowBits < bits {
			bits = o.PeerWindowBits
		}
		// The offer is a hint that the client keeps to it in any case.
		if p.PeerWindowBits = bits; bits < maxWindowBits {
			add(clientWindowBits + "=" + strconv.Itoa(bits))
		}
	}
	return p, true
}

// deflate returns the parameters of e if it is a valid permessage-deflate.
func (e extension) deflate() (p wsflate.Parameters, ok bool) {
	if e.name != wsflate.ExtensionName {
		return p, false
	}
	option := wsflate.Parameters{}.Option()
	for i, param := range e.params {
		for _, other := range e.params[:i] {
			if other.name == param.name {
				return p, false
			}
		}
		// Sections 7.1.2.1 and 7.1.2.2: "a decimal integer value without
		// leading zeroes between 8 to 15". wsflate would take 2^64+15.
		if param.given && (param.value == "" || param.value[0] == '0' || len(param.value) > 2) {
			return p, false
		}
		option.Parameters.Set([]byte(param.name), []byte(param.value))
	}
	return p, p.Parse(option) == nil
}
