package codec_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec"
)

func TestVarintDecode(t *testing.T) {
	const ten = "\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	runDecodeTests(t, []decodeTest{
		{name: "nothing", codec: codec.Varint{}},
		{name: "short", codec: codec.Varint{}, stream: "\x01a\x00\x03bcd\x02e", frames: []string{"a", "", "bcd"}, rest: "\x02e"},
		{name: "two bytes", codec: codec.Varint{}, stream: "\x80\x01" + strings.Repeat("x", 128), frames: []string{strings.Repeat("x", 128)}},
		{name: "length pending", codec: codec.Varint{}, stream: "\x80", rest: "\x80"},
		{name: "padded", codec: codec.Varint{}, stream: "\x81\x80\x00a", frames: []string{"a"}},
		{name: "padded to ten", codec: codec.Varint{}, stream: "\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00a", frames: []string{"a"}},

		{name: "Max", codec: codec.Varint{Max: 3}, stream: "\x03abc", frames: []string{"abc"}},
		{name: "Max padded", codec: codec.Varint{Max: 3}, stream: "\x83\x00abc", frames: []string{"abc"}},
		{name: "Max+1", codec: codec.Varint{Max: 3}, stream: "\x00\x04", frames: []string{""}, err: codec.ErrTooLarge, detail: "4 bytes, the maximum is 3"},
		{name: "DefaultMax+1", codec: codec.Varint{}, stream: "\x81\x80\x40", err: codec.ErrTooLarge, detail: "1048577 bytes"},
		{name: "2^63", codec: codec.Varint{}, stream: "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", err: codec.ErrTooLarge, detail: "9223372036854775808 bytes"},
		{name: "2^64-1", codec: codec.Varint{Max: maxInt}, stream: ten + "\x01", err: codec.ErrTooLarge, detail: "18446744073709551615 bytes"},
		{name: "2^64", codec: codec.Varint{}, stream: ten + "\x02", err: codec.ErrMalformed, detail: "overflows 64 bits"},
		{name: "eleven bytes", codec: codec.Varint{}, stream: ten + "\x80\x00", err: codec.ErrMalformed},
		{name: "known after ten", codec: codec.Varint{}, stream: ten + "\x80", err: codec.ErrMalformed},
	})
}

func TestVarintFrameSize(t *testing.T) {
	tests := []struct {
		max  int
		buf  string
		want int
	}{
		{0, "", 0},
		{0, "\x80", 0},
		{0, "\x05", 6},
		{0, "\x80\x01", 130},
		{0, "\x80\x80\x40", 3 + codec.DefaultMax},
		{100 << 20, "\x80\x80\x80\x32", 4 + 100<<20},
	}
	for _, tt := range tests {
		if got := (codec.Varint{Max: tt.max}).FrameSize([]byte(tt.buf)); got != tt.want {
			t.Errorf("FrameSize(%q) is %d, want %d", tt.buf, got, tt.want)
		}
	}
}

func TestVarintAppend(t *testing.T) {
	long := strings.Repeat("x", 300)
	runAppendTests(t, []appendTest{
		{name: "empty", codec: codec.Varint{}, frame: "\x00"},
		{name: "short", codec: codec.Varint{}, payload: "abc", frame: "\x03abc"},
		{name: "two bytes", codec: codec.Varint{}, payload: long, frame: "\xac\x02" + long},
		{name: "Max", codec: codec.Varint{Max: 3}, payload: "abc", frame: "\x03abc"},
		{name: "Max+1", codec: codec.Varint{Max: 3}, payload: "abcd", err: codec.ErrTooLarge, detail: "4 bytes, the maximum is 3"},
	})
	for _, n := range []int{0, 1, 127, 128, 16383, 16384, codec.DefaultMax} {
		roundTrip(t, codec.Varint{}, bytes.Repeat([]byte{'x'}, n))
	}
}
