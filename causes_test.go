package weir_test

import (
	"errors"
	"io"
	"syscall"

	"github.com/weir-go/weir"
)

// What OnClose or a write is expected to get.

func is(want error) func(error) bool {
	return func(err error) bool { return errors.Is(err, want) }
}

var (
	isEOF    = is(io.EOF)
	isReset  = is(syscall.ECONNRESET)
	isBroken = is(syscall.EPIPE)
)

func isPanic(value any) func(error) bool {
	return func(err error) bool {
		var p *weir.PanicError
		return errors.As(err, &p) && p.Value == value && len(p.Stack) > 0
	}
}
