package codec

import (
	"bufio"
	"errors"
	"fmt"
)

var _ Finisher = Split{}

// Split makes a codec of a bufio.SplitFunc, such as bufio.ScanWords. It has no
// useful zero value: Func must be set.
//
// The function is called anew for whatever is buffered, so that the cost of a
// frame arriving in small pieces is that of the function times their number,
// bounded by Max. For lines and delimiters, [Line] and [Delimiter] search every
// byte once.
//
// A token need not be a part of the buffer: bufio.ScanRunes has one of its own
// for invalid UTF-8. Such a token lives as long as the function lets it.
//
// Where bufio.Scanner has state, Split, which has none, differs:
//
//   - A token without an advance is an error, not a frame, for nothing would
//     keep it from being delivered for ever.
//   - bufio.ErrFinalToken is honoured at the end of the stream: the token, if
//     there is one, is the last frame and what is left is dropped. Before the
//     end it is an error, since nobody would remember to ignore what follows.
//   - The function is not called with no data, at the end of the stream either,
//     since there are no bytes for its token to occupy.
type Split struct {
	// Func finds the frames. It must be safe for concurrent use, must not
	// retain its data, and must not write to it.
	Func bufio.SplitFunc

	// Suffix is what Append puts after a payload, such as "\n"; may be empty.
	Suffix []byte

	// Max is the largest frame in bytes, all that the function advances over
	// included; zero means DefaultMax. The function is never shown more. What
	// it skips without a token counts for no frame.
	Max int

	// Name is what errors call the codec; empty means "split".
	Name string
}

func (s Split) name() string {
	if s.Name == "" {
		return "split"
	}
	return s.Name
}

// Validate returns an ErrConfig if Func is nil, and otherwise nil.
func (s Split) Validate() error {
	if s.Func == nil {
		return misconfigured(s.name(), "Func is nil")
	}
	return nil
}

// Decode asks the function for the first token; a nil one with an advance skips
// bytes. The error is ErrTooLarge when the function wants more than Max bytes,
// ErrMalformed when it fails, which also wraps its error, or when it advances
// out of range or not at all with a token, or that of Validate.
func (s Split) Decode(buf []byte) (frame []byte, n int, err error) {
	return s.split(buf, false)
}

// Finish is Decode that tells the function that the stream ends here.
func (s Split) Finish(buf []byte) (frame []byte, n int, err error) {
	return s.split(buf, true)
}

func (s Split) split(buf []byte, atEOF bool) (frame []byte, n int, err error) {
	if s.Func == nil {
		return nil, 0, s.Validate()
	}
	if len(buf) == 0 {
		return nil, 0, nil
	}
	max := limit(s.Max)
	data := buf[:min(len(buf), max)]
	over := len(buf) > max
	n, frame, err = s.Func(data[:len(data):len(data)], atEOF && !over)
	switch {
	case errors.Is(err, bufio.ErrFinalToken) && atEOF:
		n = len(buf)
	case err != nil:
		return nil, 0, &Error{Codec: s.name(), Err: fmt.Errorf("%w: %w", ErrMalformed, err)}
	case n < 0 || n > len(data):
		return nil, 0, malformed(s.name(), "split function advanced out of range")
	case n == 0 && frame != nil:
		return nil, 0, malformed(s.name(), "split function returned a token without an advance")
	case n == 0 && over:
		return nil, 0, tooLarge(s.name(), uint64(max)+1, max)
	}
	return frame[:len(frame):len(frame)], n, nil
}

// Append appends payload and Suffix. The payload is not checked: only the
// function knows whether it stays one frame. The error is ErrTooLarge when both
// together are larger than Max, or that of Validate.
func (s Split) Append(dst, payload []byte) ([]byte, error) {
	if s.Func == nil {
		return dst, s.Validate()
	}
	if max := limit(s.Max); len(payload) > max-len(s.Suffix) {
		return dst, tooLarge(s.name(), uint64(len(payload))+uint64(len(s.Suffix)), max)
	}
	return append(append(dst, payload...), s.Suffix...), nil
}
