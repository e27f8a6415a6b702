package web

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/weir-go/weir/codec/websocket"
)

// CloseError tells how a WebSocket has ended. It is what OnClose gets.
type CloseError struct {
	// Code and Reason are those of the first close frame, be it the peer's or
	// this side's: websocket.NoStatus if it had none, and websocket.Abnormal
	// if the connection has ended without a close frame.
	Code   int
	Reason string

	// Remote tells that the peer has begun the closing, by a close frame.
	Remote bool

	// Err is what has gone wrong, or nil: io.ErrUnexpectedEOF if the peer has
	// ended the stream without a close frame, ErrPongTimeout, ErrCloseTimeout,
	// a *websocket.Error for what the peer must not send, a *weir.PanicError,
	// or what else weir.Handler's OnClose lists.
	Err error
}

func (e *CloseError) Error() string {
	s := fmt.Sprintf("websocket: closed with %d", e.Code)
	if e.Remote {
		s = fmt.Sprintf("websocket: closed by the peer with %d", e.Code)
	}
	if e.Reason != "" {
		s += fmt.Sprintf(" %q", e.Reason)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns Err.
func (e *CloseError) Unwrap() error { return e.Err }

// abnormal is the end of a connection without a close frame.
func abnormal(err error) *CloseError {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the stream is whole, the WebSocket is not
	}
	return &CloseError{Code: websocket.Abnormal, Err: err}
}

// HandshakeError is the error with which WebSocket.Accept refuses a handshake.
type HandshakeError struct {
	Status int    // of the response, 400 to 599; another becomes 403
	Reason string // the response's body, for humans; may be empty
}

func (e *HandshakeError) Error() string {
	s := fmt.Sprintf("websocket: handshake refused with %d", e.Status)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	return s
}

// Timeouts. errors.Is(err, os.ErrDeadlineExceeded) holds for each, and each is a
// net.Error whose Timeout is true.
var (
	// ErrPongTimeout: the peer has sent nothing for WebSocket.PongTimeout after
	// a ping.
	ErrPongTimeout error = &timeoutError{"no pong within the pong timeout"}
	// ErrCloseTimeout: the peer has not answered a close frame within
	// WebSocket.CloseTimeout.
	ErrCloseTimeout error = &timeoutError{"no close frame within the close timeout"}
)

type timeoutError struct{ what string }

func (e *timeoutError) Error() string        { return "websocket: " + e.what }
func (e *timeoutError) Timeout() bool        { return true }
func (e *timeoutError) Temporary() bool      { return false }
func (e *timeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

var (
	// ErrOpcode: a message is Text or Binary.
	ErrOpcode = errors.New("websocket: a message is Text or Binary")
	// ErrCloseCode: the code must not be sent (websocket.ValidCode), or the
	// reason is longer than websocket.MaxReason or not UTF-8.
	ErrCloseCode = errors.New("websocket: invalid close code or reason")
	// ErrPingSize: a ping carries 125 bytes at the most.
	ErrPingSize = errors.New("websocket: a ping carries at most 125 bytes")
	// ErrWriterClosed: the writer of NextWriter has been closed.
	ErrWriterClosed = errors.New("websocket: the message has been finished already")
	// ErrUnfinished: the writer of NextWriter could not send all of a message
	// of which it had sent a part. The socket is closed with
	// websocket.InternalError.
	ErrUnfinished = errors.New("websocket: a message was left unfinished")
)
