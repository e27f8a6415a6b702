package codec_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec"
)

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

// decode does what a connection does: it gathers chunks, cuts frames as long as
// there are any, resumes and finishes where the codec can, and checks each
// answer against the contract.
func decode(t testing.TB, c codec.Codec, chunks ...[]byte) decoding {
	t.Helper()
	var (
		d     decoding
		seen  int // of d.rest, searched without an answer
		sized int // the size announced for the frame at the start of d.rest
	)
	take := func(frame []byte, n int) {
		checkFrame(t, c, d.rest, frame, n)
		if sized > 0 && n != sized {
			t.Fatalf("%#v: FrameSize said %d, the frame has %d bytes", c, sized, n)
		}
		if frame != nil {
			d.frames = append(d.frames, bytes.Clone(frame))
		}
		d.rest, seen, sized = d.rest[n:], 0, 0
	}
	for _, chunk := range chunks {
		d.rest = append(d.rest[:len(d.rest):len(d.rest)], chunk...)
		for {
			frame, n, err := decodeFrom(c, d.rest, seen)
			if err != nil {
				checkError(t, c, frame, n, err)
				d.err, d.rest = err, nil
				return d
			}
			if n == 0 {
				if frame != nil {
					t.Fatalf("%#v: a frame of no bytes", c)
				}
				break
			}
			take(frame, n)
		}
		seen = len(d.rest)
		if s, ok := c.(codec.Sizer); ok {
			size := s.FrameSize(d.rest)
			if size != 0 && size <= len(d.rest) || sized != 0 && size != sized {
				t.Fatalf("%#v: FrameSize said %d, then %d, with %d bytes there", c, sized, size, len(d.rest))
			}
			sized = size
		}
	}
	if f, ok := c.(codec.Finisher); ok {
		for {
			frame, n, err := f.Finish(d.rest)
			if err != nil {
				checkError(t, c, frame, n, err)
				d.err, d.rest = err, nil
				return d
			}
			if n == 0 {
				break
			}
			take(frame, n)
		}
	}
	return d
}

func decodeFrom(c codec.Codec, buf []byte, seen int) ([]byte, int, error) {
	if r, ok := c.(codec.Resumer); ok && seen > 0 {
		return r.DecodeFrom(buf, seen)
	}
	return c.Decode(buf)
}

func checkFrame(t testing.TB, c codec.Codec, buf, frame []byte, n int) {
	t.Helper()
	if n < 0 || n > len(buf) {
		t.Fatalf("%#v: consumed %d of %d bytes", c, n, len(buf))
	}
	if len(frame) != cap(frame) {
		t.Fatalf("%#v: frame %q has capacity %d", c, frame, cap(frame))
	}
	if _, ok := c.(codec.Split); ok {
		return // its tokens may come from elsewhere
	}
	if len(frame) > 0 && !within(buf[:n], frame) {
		t.Fatalf("%#v: frame %q is not a part of the %d bytes consumed", c, frame, n)
	}
}

// within reports whether part is a sub-slice of whole, not merely equal to one.
func within(whole, part []byte) bool {
	for i := range whole {
		if &whole[i] == &part[0] {
			return i+len(part) <= len(whole)
		}
	}
	return false
}

func checkError(t testing.TB, c codec.Codec, frame []byte, n int, err error) {
	t.Helper()
	if frame != nil || n != 0 {
		t.Fatalf("%#v: error with frame %q and n %d", c, frame, n)
	}
	var e *codec.Error
	if !errors.As(err, &e) {
		t.Fatalf("%#v: error %v (%T) is no *codec.Error", c, err, err)
	}
	kinds := 0
	for _, kind := range []error{codec.ErrTooLarge, codec.ErrMalformed, codec.ErrConfig} {
		if errors.Is(err, kind) {
			kinds++
		}
	}
	if kinds != 1 {
		t.Fatalf("%#v: error %v is of %d kinds", c, err, kinds)
	}
	if errors.Is(err, codec.ErrTooLarge) && (e.Max < 0 || e.Size <= uint64(e.Max)) {
		t.Fatalf("%#v: error %v: size %d within the maximum %d", c, err, e.Size, e.Max)
	}
}

// decodeAllWays decodes stream whole, byte by byte and at every split, fails
// unless all come to the same, and returns what they come to.
func decodeAllWays(t testing.TB, c codec.Codec, stream []byte) decoding {
	t.Helper()
	whole := decode(t, c, bytes.Clone(stream))
	same := func(how string, got decoding) {
		t.Helper()
		if _, ok := c.(codec.Raw); ok {
			// Its frames are the chunks; only their bytes can be compared.
			got.frames = [][]byte{bytes.Join(got.frames, nil)}
			whole.frames = [][]byte{bytes.Join(whole.frames, nil)}
		}
		if got.String() != whole.String() {
			t.Fatalf("%#v: %q\n%-12s: %v\nwhole       : %v", c, stream, how, got, whole)
		}
	}
	same("byte by byte", decode(t, c, bytesOf(stream)...))
	for i := range stream {
		same(fmt.Sprintf("split at %d", i), decode(t, c, stream[:i], stream[i:]))
	}
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

// A decodeTest says what a stream comes to. Where err is set, the frames are
// those before it.
type decodeTest struct {
	name   string
	codec  codec.Codec
	stream string
	frames []string
	rest   string
	err    error  // nil, or what errors.Is finds
	detail string // a part of the error's text
}

func runDecodeTests(t *testing.T, tests []decodeTest) {
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := decodeAllWays(t, tt.codec, []byte(tt.stream))
			var frames []string
			for _, f := range got.frames {
				frames = append(frames, string(f))
			}
			if fmt.Sprintf("%q", frames) != fmt.Sprintf("%q", tt.frames) || string(got.rest) != tt.rest {
				t.Errorf("got %v, want %q, rest %q", got, tt.frames, tt.rest)
			}
			checkWant(t, got.err, tt.err, tt.detail)
		})
	}
}

// An appendTest says what a payload becomes, or why it is refused.
type appendTest struct {
	name    string
	codec   codec.Codec
	payload string
	frame   string
	err     error
	detail  string
}

func runAppendTests(t *testing.T, tests []appendTest) {
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := appendTo(t, tt.codec, []byte(tt.payload))
			checkWant(t, err, tt.err, tt.detail)
			if string(got) != tt.frame {
				t.Errorf("got %q, want %q", got, tt.frame)
			}
		})
	}
}

// appendTo returns the frame made of payload, and checks that it is the same in
// a new buffer and in a used one, behind something that has to stay as it is.
func appendTo(t testing.TB, c codec.Codec, payload []byte) ([]byte, error) {
	t.Helper()
	const before = "before"
	used := append([]byte(before), bytes.Repeat([]byte{0xee}, 100+2*len(payload))...)
	sent := bytes.Clone(payload)
	out, err := c.Append(used[:len(before)], payload)
	if !bytes.HasPrefix(out, []byte(before)) || err != nil && len(out) != len(before) {
		t.Fatalf("%#v: Append(%q) made %q of dst, error %v", c, payload, out, err)
	}
	frame, again := c.Append(nil, payload)
	if string(frame) != string(out[len(before):]) || fmt.Sprint(again) != fmt.Sprint(err) {
		t.Fatalf("%#v: Append(%q) made %q, error %v, and then %q, error %v",
			c, payload, out[len(before):], err, frame, again)
	}
	if !bytes.Equal(sent, payload) {
		t.Fatalf("%#v: Append changed its payload from %q to %q", c, sent, payload)
	}
	if err != nil {
		checkError(t, c, nil, 0, err)
	}
	return frame, err
}

// roundTrip checks that a frame comes back as the payload it was made of, if
// the codec accepts that at all, alone and with another one behind it.
func roundTrip(t testing.TB, c codec.Codec, payload []byte) {
	t.Helper()
	frame, err := appendTo(t, c, payload)
	if err != nil {
		return
	}
	for _, buf := range [][]byte{frame, append(bytes.Clone(frame), frame...)} {
		got, n, err := c.Decode(buf)
		if err != nil || n != len(frame) || got == nil || !bytes.Equal(got, payload) {
			t.Fatalf("%#v: %q became %q and came back as %q, n %d of %d, error %v",
				c, payload, frame, got, n, len(frame), err)
		}
	}
}

func checkWant(t testing.TB, err, want error, detail string) {
	t.Helper()
	switch {
	case want == nil && err != nil:
		t.Errorf("unexpected error %v", err)
	case want != nil && !errors.Is(err, want):
		t.Errorf("got error %v, want %v", err, want)
	case want != nil && !strings.Contains(err.Error(), detail):
		t.Errorf("got error %q, want it to say %q", err, detail)
	}
}
