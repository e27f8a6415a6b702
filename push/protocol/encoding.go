package protocol

import "errors"

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

// ErrMalformed is wrapped by every error of Decode.
var ErrMalformed = errors.New("push: malformed frame")

// Append appends f, encoded, to dst. Strings have to be UTF-8.
func Append(dst []byte, e Encoding, f Frame) ([]byte, error) { panic("protocol") }

// Decode decodes a frame: a pointer to one of the frame structs. Data of a binary
// frame is a part of b; strings are not. The error wraps ErrMalformed and says what is
// wrong, fit to be told to the peer.
func Decode(e Encoding, b []byte) (Frame, error) { panic("protocol") }
