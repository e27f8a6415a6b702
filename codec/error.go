package codec

import (
	"errors"
	"fmt"
)

// The two ways in which a stream or a payload can be refused, to be met with
// errors.Is. The error returned is always an [*Error] that wraps one of them.
var (
	// ErrTooLarge: a frame is larger than the codec's maximum.
	ErrTooLarge = errors.New("frame too large")
	// ErrMalformed: the bytes cannot be a frame.
	ErrMalformed = errors.New("malformed frame")
)

// Error is a protocol error: the peer sent, or the caller wants to send, what
// the codec cannot accept. It is met with errors.As.
type Error struct {
	Codec  string // the codec that refused, such as "line"
	Err    error  // ErrTooLarge or ErrMalformed
	Detail string // what is wrong, fit to be told to the peer; may be empty
	Size   uint64 // for ErrTooLarge: the frame's size in bytes as far as it is known
	Max    int    // for ErrTooLarge: the maximum in force, in bytes
}

func (e *Error) Error() string {
	s := "codec " + e.Codec + ": " + e.Err.Error()
	if errors.Is(e.Err, ErrTooLarge) {
		s += fmt.Sprintf(": %d bytes, the maximum is %d", e.Size, e.Max)
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }
