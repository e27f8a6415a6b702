package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

// failure is an error as the client is told it.
type failure struct {
	status    int
	code      protocol.Code
	message   string
	temporary bool
	after     time.Duration // with temporary
	headers   http.Header
	err       error // what is behind it, for the log
}

func (f *failure) Error() string {
	if f.err != nil {
		return fmt.Sprintf("%s: %v", f.message, f.err)
	}
	return f.message
}

func (f *failure) Unwrap() error { return f.err }

// MarshalJSON makes the body of a response.
func (f *failure) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{"error": f.line()})
}

// errorLine is a failure in a body.
type errorLine struct {
	Code       protocol.Code `json:"code"`
	Name       string        `json:"name"`
	Message    string        `json:"message"`
	Temporary  bool          `json:"temporary"`
	RetryAfter int64         `json:"retry_after,omitempty"` // milliseconds
}

func (f *failure) line() *errorLine {
	return &errorLine{f.code, f.code.String(), f.message, f.temporary, f.after.Milliseconds()}
}

// header sets the headers that belong to a failure.
func (f *failure) header(h http.Header) {
	for name, values := range f.headers {
		h[name] = values
	}
	if f.status == http.StatusUnauthorized {
		challenge := `Bearer realm="weir"`
		if f.code != protocol.CodeUnauthorized || f.err != nil {
			challenge += `, error="invalid_token", error_description="` + f.message + `"`
		}
		h.Set("WWW-Authenticate", challenge)
	}
	if f.temporary {
		seconds := max(1, math.Ceil(f.after.Seconds()))
		h.Set("Retry-After", strconv.FormatFloat(seconds, 'f', 0, 64))
	}
}

func malformed(format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, code: protocol.CodeMalformed, message: fmt.Sprintf(format, args...)}
}

func forbidden(format string, args ...any) *failure {
	return &failure{status: http.StatusForbidden, code: protocol.CodeForbidden, message: fmt.Sprintf(format, args...)}
}

func tooLarge(format string, args ...any) *failure {
	return &failure{status: http.StatusRequestEntityTooLarge, code: protocol.CodeTooLarge, message: fmt.Sprintf(format, args...)}
}

// asFailure makes a failure of any error. What is not known is the server's fault, and
// not told.
func asFailure(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var e *push.Error
	switch {
	case errors.As(err, &e):
		return &failure{status: status(e.Code), code: e.Code, message: e.Message, temporary: e.Temporary, after: e.RetryAfter, err: err}
	case errors.Is(err, push.ErrServerClosed):
		return &failure{status: http.StatusServiceUnavailable, code: protocol.CodeGoingAway, message: "the server shuts down", temporary: true, err: err}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &failure{
			status: http.StatusServiceUnavailable, code: protocol.CodeTimeout, temporary: true, err: err,
			message: "it is not known whether the message will be stored: send it again with the same Idempotency-Key",
		}
	}
	return &failure{status: http.StatusInternalServerError, code: protocol.CodeInternal, message: "a fault of the server", err: err}
}

// status is the HTTP status for a code.
func status(c protocol.Code) int {
	switch c {
	case protocol.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case protocol.CodeUnauthorized, protocol.CodeExpired, protocol.CodeRevoked:
		return http.StatusUnauthorized
	case protocol.CodeForbidden:
		return http.StatusForbidden
	case protocol.CodeTakenOver, protocol.CodeDisconnected:
		return http.StatusConflict
	case protocol.CodeInternal:
		return http.StatusInternalServerError
	}
	if c.Temporary() {
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}
