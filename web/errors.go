package web

import (
	"errors"
	"net/http"
	"os"

	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/codec/http1"
)

// ErrSlowBody: the client has sent the body of a request at less than
// Limits.BodyRate. Reading the body fails with it, and the connection is closed.
// errors.Is(err, os.ErrDeadlineExceeded) holds for it.
var ErrSlowBody error = slowBodyError{}

type slowBodyError struct{}

func (slowBodyError) Error() string        { return "web: the body came more slowly than Limits.BodyRate" }
func (slowBodyError) Timeout() bool        { return true }
func (slowBodyError) Temporary() bool      { return false }
func (slowBodyError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// errBodyTooLarge refuses a body by MaxBody.
var errBodyTooLarge = &http1.Error{Status: http.StatusRequestEntityTooLarge, Detail: "the body is larger than this server accepts"}

// errCollectedTooSlowly refuses a body that Fast has waited for.
var errCollectedTooSlowly = &http1.Error{Status: http.StatusRequestTimeout, Detail: "the body came too slowly"}

// status returns what a client is told of a request that was refused.
func status(err error) (code int, detail string) {
	var e *http1.Error
	switch {
	case errors.As(err, &e):
		return e.Status, e.Detail
	case errors.Is(err, codec.ErrTooLarge): // weir.Config.MaxFrame
		return http.StatusRequestEntityTooLarge, "the request is larger than this server accepts"
	}
	return http.StatusBadRequest, ""
}
