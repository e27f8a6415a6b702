package push

import (
	"errors"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

var (
	// ErrServerClosed is returned by a Server that is shutting down or closed.
	ErrServerClosed = errors.New("push: server closed")
	// ErrExpired and ErrRevoked are wrapped by errors of an Authenticator.
	ErrExpired = errors.New("push: the token has expired")
	ErrRevoked = errors.New("push: the token was revoked")
)

// Error is why something was refused, with the code that a client is told.
type Error struct {
	Code       protocol.Code
	Temporary  bool
	RetryAfter time.Duration
	Message    string
	Err        error // what is behind it, or nil
}

func (e *Error) Error() string { return "push: " + e.Message }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }
