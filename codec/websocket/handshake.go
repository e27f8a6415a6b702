package websocket

import (
	"crypto/sha1"
	"encoding/base64"
	"strings"
)

// Version is the only version of the protocol, as Sec-WebSocket-Version has it.
const Version = "13"

// Handshake is what of an upgrade request matters to the opening handshake (RFC
// 6455, section 4.2.1). The fields that may be repeated have a string for each
// line, as http.Header has them.
type Handshake struct {
	Method       string
	Major, Minor int      // of the HTTP version
	Connection   []string // Connection
	Upgrade      []string // Upgrade
	Version      []string // Sec-WebSocket-Version
	Key          []string // Sec-WebSocket-Key
}

// HandshakeError is why an upgrade request is refused.
type HandshakeError struct {
	// Status is that of the response: 400, 405 or 426. With 405 it has to have
	// "Allow: GET" (RFC 9110, section 15.5.6); with 426 "Upgrade: websocket",
	// "Connection: Upgrade" (section 15.5.22) and "Sec-WebSocket-Version: 13"
	// (RFC 6455, section 4.2.2).
	Status int
	Detail string // what is wrong, fit to be told to the client
}

func (e *HandshakeError) Error() string { return "websocket: handshake: " + e.Detail }

// Check returns the key of a request that is a valid opening handshake. The error
// is a [*HandshakeError]. Host and Origin are left to the caller.
func (h *Handshake) Check() (key string, err error) {
	refuse := func(status int, detail string) (string, error) {
		return "", &HandshakeError{Status: status, Detail: detail}
	}
	switch {
	case h.Method != "GET":
		return refuse(405, "the method is not GET")
	case h.Major != 1 || h.Minor < 1:
		return refuse(400, "the version is not HTTP/1.1")
	case !hasToken(h.Upgrade, "websocket"):
		return refuse(426, "this resource speaks WebSocket only")
	case !hasToken(h.Connection, "upgrade"):
		return refuse(400, "Connection does not say upgrade")
	case len(h.Version) != 1 || h.Version[0] != Version:
		return refuse(426, "Sec-WebSocket-Version is not 13")
	case len(h.Key) != 1 || !validKey(h.Key[0]):
		return refuse(400, "Sec-WebSocket-Key is not one nonce of 16 bytes")
	}
	return h.Key[0], nil
}

// validKey: "a base64-encoded value that, when decoded, is 16 bytes in length".
func validKey(key string) bool {
	var nonce [18]byte
	if len(key) != base64.StdEncoding.EncodedLen(16) {
		return false
	}
	n, err := base64.StdEncoding.Decode(nonce[:], []byte(key))
	return err == nil && n == 16
}

// hasToken looks for token, in any case, in the comma-separated fields.
func hasToken(fields []string, token string) bool {
	for _, field := range fields {
		for element := range strings.SplitSeq(field, ",") {
			if strings.EqualFold(strings.Trim(element, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// AcceptKey returns the value of Sec-WebSocket-Accept for a Sec-WebSocket-Key
// (RFC 6455, section 4.2.2).
func AcceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// SelectProtocol returns the first of supported that the client has offered in its
// Sec-WebSocket-Protocol fields, one string for each line, or "" if there is none.
// Names are compared as they are (RFC 6455, section 11.3.4).
func SelectProtocol(supported, offered []string) string {
	for _, name := range supported {
		for _, field := range offered {
			for element := range strings.SplitSeq(field, ",") {
				if name != "" && strings.Trim(element, " \t") == name {
					return name
				}
			}
		}
	}
	return ""
}

// AppendResponse appends the head of the response that accepts the handshake, but
// for the empty line at its end: further fields may follow, and then "\r\n" has to.
// protocol and extensions are left out if they are empty; nothing is checked.
func AppendResponse(dst []byte, key, protocol, extensions string) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\n"+
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = append(append(dst, AcceptKey(key)...), "\r\n"...)
	if protocol != "" {
		dst = append(append(append(dst, "Sec-WebSocket-Protocol: "...), protocol...), "\r\n"...)
	}
	if extensions != "" {
		dst = append(append(append(dst, "Sec-WebSocket-Extensions: "...), extensions...), "\r\n"...)
	}
	return dst
}
