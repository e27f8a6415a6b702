package websocket

import (
	"fmt"

	"github.com/weir-go/weir/codec"
)

// Error is what the peer has done wrong, with the code that a close frame has to
// tell it (RFC 6455, section 7.4.1). It is met with errors.As; errors.Is finds
// codec.ErrTooLarge where Code is TooBig, and codec.ErrMalformed otherwise.
//
// Nothing that follows the error can be decoded: the connection has to be failed
// (section 7.1.7), best with AppendClose(dst, err.Code, err.Detail).
type Error struct {
	Code   int    // ProtocolError, InvalidPayload or TooBig
	Detail string // what is wrong, fit to be told to the peer
	Size   uint64 // for TooBig: the size in bytes as far as it is known; may be 0
	Max    int    // for TooBig: the maximum in force, in bytes; may be 0
}

func (e *Error) Error() string {
	s := fmt.Sprintf("websocket: %s (%d)", e.Detail, e.Code)
	if e.Size > 0 {
		s += fmt.Sprintf(": %d bytes, the maximum is %d", e.Size, e.Max)
	}
	return s
}

// Unwrap returns codec.ErrTooLarge or codec.ErrMalformed.
func (e *Error) Unwrap() error {
	if e.Code == TooBig {
		return codec.ErrTooLarge
	}
	return codec.ErrMalformed
}

// The errors are made for each connection, since the caller may do what it likes
// with the one it gets.

func protocolError(detail string) error { return &Error{Code: ProtocolError, Detail: detail} }

func invalidPayload(detail string) error { return &Error{Code: InvalidPayload, Detail: detail} }

func tooBig(what string, size uint64, max int) error {
	return &Error{Code: TooBig, Detail: what, Size: size, Max: max}
}

// What is wrong where several places say it.
const (
	notUTF8 = "text is not UTF-8"
)
