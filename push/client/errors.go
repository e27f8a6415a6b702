package client

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

var (
	// ErrClosed is returned by a Client, and is what its publications get, after Close.
	ErrClosed = fmt.Errorf("push client: closed: %w", net.ErrClosed)

	// ErrNotConnected is returned by what needs a connection at once, and got by what
	// the loss of the connection has left without an answer.
	ErrNotConnected = errors.New("push client: not connected")

	// ErrBacklog: Config.MaxWaiting publications, or MaxWaitingBytes, wait already; or,
	// for QoS 0, the connection does not take more at present.
	ErrBacklog = errors.New("push client: too many publications wait")

	// ErrSubscribed: the client has a subscription to that filter already.
	ErrSubscribed = errors.New("push client: subscribed to this filter already")

	// ErrUnsubscribed is what Ready returns for a Subscription that has ended.
	ErrUnsubscribed = errors.New("push client: the subscription has ended")

	// ErrHeartbeat: nothing came from the server for an interval, and no answer to a
	// PING either.
	ErrHeartbeat = errors.New("push client: the server is silent")

	// ErrConnectTimeout: the connection was not made, or HELLO not answered, within
	// Config.ConnectTimeout.
	ErrConnectTimeout = errors.New("push client: no connection in time")

	// ErrGoAway: the server has asked the client to come back later.
	ErrGoAway = errors.New("push client: sent away by the server")

	// ErrProtocol is wrapped by errors about frames that make no sense.
	ErrProtocol = errors.New("push client: the server does not keep to the protocol")
)

// Error is an ERR of the server, or what it would have answered.
type Error struct {
	Code       protocol.Code
	Temporary  bool          // the same may succeed later
	RetryAfter time.Duration // with Temporary
	Message    string
}

func (e *Error) Error() string {
	return fmt.Sprintf("push client: refused by the server: %d: %s", e.Code, e.Message)
}

// errorOf returns the Error of an ERR.
func errorOf(f *protocol.Err) *Error {
	return &Error{
		Code: f.Code, Temporary: f.Temporary, Message: f.Message,
		RetryAfter: time.Duration(f.RetryAfter) * time.Millisecond,
	}
}

// final reports whether a client does not come back by itself after e on its connection,
// or, but for CodeDisconnected, only with another token.
func (e *Error) final() bool { return !e.Code.Retryable() }

// ConfigError says which field of a configuration cannot be used, and why.
type ConfigError struct {
	Field   string
	Problem string
	Err     error // what is behind it, or nil
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("push client: %s %s", e.Field, e.Problem)
}

// Unwrap returns Err.
func (e *ConfigError) Unwrap() error { return e.Err }

// HandshakeError is an answer to the WebSocket handshake that refuses it.
type HandshakeError struct {
	Status     int           // of HTTP; 101 if the answer is not a proper one
	RetryAfter time.Duration // of the Retry-After field, if it has seconds
	Problem    string
}

func (e *HandshakeError) Error() string {
	return fmt.Sprintf("push client: WebSocket handshake: %s", e.Problem)
}
