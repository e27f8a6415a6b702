package codec_test

import (
	"bytes"
	"testing"

	"github.com/weir-go/weir/codec"
)

// TestResumeLooksAtNewBytesOnly shows without a clock that the cost of bytes
// arriving one at a time is linear. All but the bytes that a codec may look at
// again are frame ends, a lie that only a codec that has looked would notice.
func TestResumeLooksAtNewBytesOnly(t *testing.T) {
	tests := []struct {
		codec codec.Resumer
		end   string
	}{
		{codec.Line{}, "\n"},
		{delimiter("\x00", 0), "\x00"},
		{delimiter("\r\n.\r\n", 0), "\r\n.\r\n"},
		{delimiter("====", 0), "===="},
	}
	const size = 64 << 10
	for _, tt := range tests {
		again := len(tt.end) - 1
		poison := bytes.Repeat([]byte(tt.end), size/len(tt.end)+1)
		buf := make([]byte, size, size+len(tt.end))
		for i := range buf {
			buf[i] = 'x'
			if i > again {
				buf[i-1-again] = poison[i-1-again]
			}
			if frame, n, err := tt.codec.DecodeFrom(buf[:i+1], i); frame != nil || n != 0 || err != nil {
				t.Fatalf("%#v: at byte %d: frame of %d, n %d, error %v", tt.codec, i, len(frame), n, err)
			}
		}
		frame, n, err := tt.codec.DecodeFrom(append(buf, tt.end...), size)
		if len(frame) != size || n != size+len(tt.end) || err != nil {
			t.Errorf("%#v: frame of %d, n %d, error %v", tt.codec, len(frame), n, err)
		}
	}
}

// TestResumeAtEveryPoint resumes one frame from every earlier answer.
func TestResumeAtEveryPoint(t *testing.T) {
	streams := []struct {
		codec  codec.Resumer
		stream string
	}{
		{codec.Line{}, "abc\r\n"},
		{codec.Line{Max: 3}, "abc\r\n"},
		{delimiter("aab", 0), "xaaaab"},
		{delimiter("abab", 2), "xaababab"},
	}
	for _, tt := range streams {
		want := decode(t, tt.codec, []byte(tt.stream)).String()
		for end := range len(tt.stream) + 1 {
			for seen := range end {
				got := decode(t, tt.codec, []byte(tt.stream[:seen]), []byte(tt.stream[seen:end]), []byte(tt.stream[end:]))
				if got.String() != want {
					t.Errorf("%#v: seen %d of %d: got %v, want %v", tt.codec, seen, end, got, want)
				}
			}
		}
	}
}
