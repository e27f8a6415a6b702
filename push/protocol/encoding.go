package protocol

import (
	"errors"
	"fmt"
)

// Encoding is how frames are written: Binary or JSON.
type Encoding uint8

const (
	// Binary: a byte for the type, then its fields, numbers as LEB128 varints. One
	// frame is one binary message of a WebSocket; on TCP its length comes before
	// it, as a varint.
	Binary Encoding = iota
	// JSON: an object with "type" and the fields. One frame is one text message of a
	// WebSocket.
	JSON
)

// String returns "binary" or "json".
func (e Encoding) String() string {
	switch e {
	case Binary:
		return "binary"
	case JSON:
		return "json"
	}
	return fmt.Sprintf("encoding %d", uint8(e))
}

var (
	// ErrMalformed is wrapped by every error of Decode.
	ErrMalformed = errors.New("push: malformed frame")
	// ErrUnencodable is wrapped by every error of Append.
	ErrUnencodable = errors.New("push: frame cannot be encoded")
)

const (
	// MaxNumber is the largest epoch, offset or position: JSON numbers hold it.
	MaxNumber = 1<<53 - 1
	// MaxQoS is the largest QoS that can be written. 2 and 3 mean nothing, and are
	// refused by the server with CodeQoS.
	MaxQoS = 3
	// MaxList is the largest number of cursors in HELLO, and of clients in a list of
	// PRESENCE.
	MaxList = 10_000
)

// Append appends f, a frame or a pointer to one, encoded, to dst. Of a pointer it
// allocates nothing beyond dst. The error wraps ErrUnencodable; dst is then returned
// as it was: strings have to be UTF-8, numbers and lists within their limits.
//
// Of a HELLO of another Version than that of this package only the version is written.
func Append(dst []byte, e Encoding, f Frame) ([]byte, error) {
	f = pointer(f)
	if err := check(f); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrUnencodable, err)
	}
	if e == JSON {
		return appendJSON(dst, f), nil
	}
	return appendBinary(dst, f), nil
}

// Decode decodes a frame: a pointer to one of the frame structs. Data of a binary
// frame is a part of b; strings are not. What is empty is nil. The error wraps
// ErrMalformed and says what is wrong, fit to be told to the peer.
//
// Of a HELLO of another version than that of this package only Version is set, so that
// it can be answered with CodeVersion whatever else that version has.
func Decode(e Encoding, b []byte) (Frame, error) {
	decode := decodeBinary
	if e == JSON {
		decode = decodeJSON
	}
	f, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return f, nil
}
