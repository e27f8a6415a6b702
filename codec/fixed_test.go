package codec_test

import (
	"testing"

	"github.com/weir-go/weir/codec"
)

func TestFixedDecode(t *testing.T) {
	runDecodeTests(t, []decodeTest{
		{name: "nothing", codec: codec.Fixed{Size: 3}},
		{name: "two and a half", codec: codec.Fixed{Size: 2}, stream: "abcde", frames: []string{"ab", "cd"}, rest: "e"},
		{name: "single bytes", codec: codec.Fixed{Size: 1}, stream: "abc", frames: []string{"a", "b", "c"}},
		{name: "no size", codec: codec.Fixed{}, stream: "a", err: codec.ErrConfig, detail: "Size is not positive"},
		{name: "negative size", codec: codec.Fixed{Size: -1}, stream: "a", err: codec.ErrConfig},
	})
}

func TestFixedFrameSize(t *testing.T) {
	for _, size := range []int{1, 1500, 100 << 20} {
		if got := (codec.Fixed{Size: size}).FrameSize(nil); got != size {
			t.Errorf("FrameSize is %d, want %d", got, size)
		}
	}
	if got := (codec.Fixed{Size: -1}).FrameSize(nil); got != 0 {
		t.Errorf("FrameSize of an invalid Size is %d", got)
	}
}

func TestFixedAppend(t *testing.T) {
	c := codec.Fixed{Size: 3}
	runAppendTests(t, []appendTest{
		{name: "exact", codec: c, payload: "abc", frame: "abc"},
		{name: "longer", codec: c, payload: "abcd", err: codec.ErrTooLarge, detail: "4 bytes, the maximum is 3"},
		{name: "shorter", codec: c, payload: "ab", err: codec.ErrMalformed, detail: "shorter than a frame"},
		{name: "empty", codec: c, err: codec.ErrMalformed},
		{name: "no size", codec: codec.Fixed{}, err: codec.ErrConfig},
	})
}
