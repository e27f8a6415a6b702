package http1_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/codec/http1"
)

// A parsing is all that the bytes of a head come to.
type parsing struct {
	n   int
	err error
	req string // all that the request says, if n > 0
}

func (p parsing) String() string { return fmt.Sprintf("n %d, error %v, %s", p.n, p.err, p.req) }

func describe(r *http1.Request) string {
	s := fmt.Sprintf("%q %q path %q query %q minor %d host %q length %d chunked %v close %v keep-alive %v expect %v upgrade %v",
		r.Method, r.Target, r.Path(), r.Query(), r.Minor, r.Host, r.ContentLength, r.Chunked, r.Close, r.KeepAlive, r.Expect100, r.Upgrade)
	for _, h := range r.Headers {
		s += fmt.Sprintf(" %q:%q", h.Name, h.Value)
	}
	return s
}

// parse feeds the chunks to a Request as a connection would, which has the bytes
// at another address each time, until there is an answer.
func parse(t testing.TB, r *http1.Request, l http1.Limits, chunks ...[]byte) parsing {
	t.Helper()
	var buf []byte
	seen := 0
	for _, chunk := range chunks {
		buf = append(buf[:len(buf):len(buf)], chunk...)
		n, err := r.Parse(buf, seen, l)
		if err != nil {
			checkError(t, n, err)
			return parsing{err: err}
		}
		if n != 0 {
			if n < 0 || n > len(buf) {
				t.Fatalf("%q: parsed %d bytes of %d", buf, n, len(buf))
			}
			return parsing{n: n, req: describe(r)}
		}
		seen = len(buf)
	}
	return parsing{}
}

// parseAllWays parses stream whole, byte by byte and at every split (of the long
// ones, at a thousand), fails unless all come to the same, and returns what they
// come to. r is used for all.
func parseAllWays(t testing.TB, r *http1.Request, l http1.Limits, stream []byte) parsing {
	t.Helper()
	whole := parse(t, r, l, bytes.Clone(stream))
	same := func(how string, got parsing) {
		t.Helper()
		if got.String() != whole.String() {
			t.Fatalf("%q with %+v\n%-12s: %v\nwhole       : %v", stream, l, how, got, whole)
		}
	}
	same("byte by byte", parse(t, r, l, bytesOf(stream)...))
	for i := 0; i < len(stream); i += 1 + len(stream)/1000 {
		same(fmt.Sprintf("split at %d", i), parse(t, r, l, stream[:i], stream[i:]))
	}
	same("whole again", parse(t, r, l, bytes.Clone(stream)))
	return whole
}

// bytesOf cuts stream into its bytes, behind the empty chunk that a stream of
// none comes to as well.
func bytesOf(stream []byte) [][]byte {
	chunks := [][]byte{{}}
	for i := range stream {
		chunks = append(chunks, stream[i:i+1])
	}
	return chunks
}

func checkError(t testing.TB, n int, err error) {
	t.Helper()
	var e *http1.Error
	if n != 0 || !errors.As(err, &e) {
		t.Fatalf("n %d with error %v (%T)", n, err, err)
	}
	tooLarge := e.Status == 413 || e.Status == 414 || e.Status == 431
	if e.Detail == "" || http1.Reason(e.Status) == "" ||
		errors.Is(err, codec.ErrTooLarge) != tooLarge || errors.Is(err, codec.ErrMalformed) == tooLarge {
		t.Fatalf("error %#v", e)
	}
}

// A decoding is all that a stream comes to: the frames, what was left of the
// stream when it ended, and the error that ended it before.
type decoding struct {
	frames [][]byte
	rest   []byte
	err    error
}

func (d decoding) String() string {
	return fmt.Sprintf("%q, rest %q, error %v", d.frames, d.rest, d.err)
}

type resumer interface {
	codec.Resumer
	codec.Sizer
}

// decode does what a connection does: it gathers chunks, cuts frames as long as
// there are any, and checks each answer against the contract.
func decode(t testing.TB, c resumer, chunks ...[]byte) decoding {
	t.Helper()
	var (
		d     decoding
		seen  int // of d.rest, searched without an answer
		sized int // the size announced for the frame at the start of d.rest
	)
	for _, chunk := range chunks {
		d.rest = append(d.rest[:len(d.rest):len(d.rest)], chunk...)
		for {
			frame, n, err := c.DecodeFrom(d.rest, seen)
			if err != nil {
				checkError(t, n, err)
				return decoding{frames: d.frames, err: err}
			}
			if n == 0 {
				if frame != nil {
					t.Fatalf("%#v: a frame of no bytes", c)
				}
				break
			}
			if n < 0 || n > len(d.rest) || sized > 0 && n != sized || len(frame) != cap(frame) ||
				frame != nil && (len(frame) != n || &frame[0] != &d.rest[0]) {
				t.Fatalf("%#v: %q: frame %q, capacity %d, n %d, size announced %d", c, d.rest, frame, cap(frame), n, sized)
			}
			if frame != nil {
				d.frames = append(d.frames, bytes.Clone(frame))
			}
			d.rest, seen, sized = d.rest[n:], 0, 0
		}
		seen = len(d.rest)
		size := c.FrameSize(d.rest)
		if size != 0 && size <= len(d.rest) || sized != 0 && size != sized {
			t.Fatalf("%#v: FrameSize said %d, then %d, with %d bytes there", c, sized, size, len(d.rest))
		}
		sized = size
	}
	return d
}

// decodeAllWays is parseAllWays for a stream of frames.
func decodeAllWays(t testing.TB, c resumer, stream []byte) decoding {
	t.Helper()
	whole := decode(t, c, bytes.Clone(stream))
	same := func(how string, got decoding) {
		t.Helper()
		if got.String() != whole.String() {
			t.Fatalf("%#v: %q\n%-12s: %v\nwhole       : %v", c, stream, how, got, whole)
		}
	}
	same("byte by byte", decode(t, c, bytesOf(stream)...))
	for i := 0; i < len(stream); i += 1 + len(stream)/1000 {
		same(fmt.Sprintf("split at %d", i), decode(t, c, stream[:i], stream[i:]))
	}
	return whole
}

// checkRefusal compares an error with the status and a part of the detail that
// are wanted; status 0 wants none.
func checkRefusal(t testing.TB, err error, status int, detail string) {
	t.Helper()
	var e *http1.Error
	switch {
	case err == nil && status == 0:
	case !errors.As(err, &e):
		t.Errorf("got error %v, want status %d", err, status)
	case e.Status != status || !bytes.Contains([]byte(e.Detail), []byte(detail)):
		t.Errorf("got %v, want status %d and %q", err, status, detail)
	}
}
