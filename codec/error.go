package codec

import (
	"errors"
	"fmt"
)

// What an error of this package is about, to be met with errors.Is. The error
// returned is always an [*Error] that wraps one of them.
var (
	// ErrTooLarge: a frame is larger than the codec's maximum.
	ErrTooLarge = errors.New("frame too large")
	// ErrMalformed: the bytes cannot be a frame.
	ErrMalformed = errors.New("malformed frame")
	// ErrConfig: the codec's own fields contradict each other, so that it can
	// neither decode nor append. It is no fault of the peer.
	ErrConfig = errors.New("invalid configuration")
)

// Error is a protocol error: the peer sent, or the caller wants to send, what
// the codec cannot accept. It is met with errors.As.
//
// Size is what is known at the moment of refusal. A codec that reads the length
// from a header knows it all; one that searches for an end stops looking at
// Max, and says Max+1.
type Error struct {
	Codec  string // the codec that refused, such as "line"
	Err    error  // ErrTooLarge, ErrMalformed or ErrConfig, or wraps one of them
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

func tooLarge(codec string, size uint64, max int) error {
	return &Error{Codec: codec, Err: ErrTooLarge, Size: size, Max: max}
}

func malformed(codec, detail string) error {
	return &Error{Codec: codec, Err: ErrMalformed, Detail: detail}
}

func misconfigured(codec, detail string) error {
	return &Error{Codec: codec, Err: ErrConfig, Detail: detail}
}
