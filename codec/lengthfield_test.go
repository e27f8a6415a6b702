package codec_test

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"github.com/weir-go/weir/codec"
)

const (
	maxInt = math.MaxInt
	minInt = math.MinInt
)

// TestLengthFieldNetty holds the seven cases by which Netty explains
// LengthFieldBasedFrameDecoder, and what Append makes of their frames again.
func TestLengthFieldNetty(t *testing.T) {
	tests := []struct {
		name  string
		codec codec.LengthField
		wire  string
		frame string
		again string // what Append makes of frame, where it is not wire
	}{
		{"2 bytes length at offset 0, header kept",
			codec.LengthField{Width: 2},
			"\x00\x0cHELLO, WORLD", "\x00\x0cHELLO, WORLD", ""},
		{"2 bytes length at offset 0, header stripped",
			codec.LengthField{Width: 2, Strip: 2},
			"\x00\x0cHELLO, WORLD", "HELLO, WORLD", ""},
		{"2 bytes length at offset 0, counting the whole message",
			codec.LengthField{Width: 2, Adjust: -2},
			"\x00\x0eHELLO, WORLD", "\x00\x0eHELLO, WORLD", ""},
		{"3 bytes length at the end of a 5 bytes header",
			codec.LengthField{Offset: 2, Width: 3},
			"\xca\xfe\x00\x00\x0cHELLO, WORLD", "\xca\xfe\x00\x00\x0cHELLO, WORLD", ""},
		{"3 bytes length at the start of a 5 bytes header",
			codec.LengthField{Width: 3, Adjust: 2},
			"\x00\x00\x0c\xca\xfeHELLO, WORLD", "\x00\x00\x0c\xca\xfeHELLO, WORLD", ""},
		{"2 bytes length in the middle of a 4 bytes header, head and length stripped",
			codec.LengthField{Offset: 1, Width: 2, Adjust: 1, Strip: 3},
			"\xca\x00\x0c\xfeHELLO, WORLD", "\xfeHELLO, WORLD", "\x00\x00\x0c\xfeHELLO, WORLD"},
		{"the same, the length counting the whole message",
			codec.LengthField{Offset: 1, Width: 2, Adjust: -3, Strip: 3},
			"\xca\x00\x10\xfeHELLO, WORLD", "\xfeHELLO, WORLD", "\x00\x00\x10\xfeHELLO, WORLD"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			runDecodeTests(t, []decodeTest{{
				name: "decode", codec: tt.codec, stream: tt.wire + tt.wire, frames: []string{tt.frame, tt.frame},
			}})
			again := tt.again
			if again == "" {
				again = tt.wire
			}
			runAppendTests(t, []appendTest{{name: "append", codec: tt.codec, payload: tt.frame, frame: again}})
			roundTrip(t, tt.codec, []byte(tt.frame))
		})
	}
}

func TestLengthFieldWidthsAndOrders(t *testing.T) {
	wires := []struct {
		width       int
		big, little string
	}{
		{1, "\x03", "\x03"},
		{2, "\x00\x03", "\x03\x00"},
		{3, "\x00\x00\x03", "\x03\x00\x00"},
		{4, "\x00\x00\x00\x03", "\x03\x00\x00\x00"},
		{8, "\x00\x00\x00\x00\x00\x00\x00\x03", "\x03\x00\x00\x00\x00\x00\x00\x00"},
	}
	for _, w := range wires {
		native := w.big
		if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
			native = w.little
		}
		for _, o := range []struct {
			order binary.ByteOrder
			wire  string
		}{{nil, w.big}, {binary.BigEndian, w.big}, {binary.LittleEndian, w.little}, {binary.NativeEndian, native}} {
			c := codec.LengthField{Width: w.width, Order: o.order, Strip: w.width}
			got := decodeAllWays(t, c, []byte(o.wire+"abc"))
			if len(got.frames) != 1 || string(got.frames[0]) != "abc" {
				t.Errorf("%#v: got %v", c, got)
			}
			if frame, err := appendTo(t, c, []byte("abc")); string(frame) != o.wire+"abc" {
				t.Errorf("%#v: Append made %q, error %v", c, frame, err)
			}
		}
	}
}

func TestLengthFieldDecode(t *testing.T) {
	const ff8 = "\xff\xff\xff\xff\xff\xff\xff\xff"
	max6 := codec.LengthField{Width: 2, Strip: 2, Max: 6}
	runDecodeTests(t, []decodeTest{
		{name: "nothing", codec: max6},
		{name: "empty frames", codec: max6, stream: "\x00\x00\x00\x00", frames: []string{"", ""}},
		{name: "header pending", codec: max6, stream: "\x00", rest: "\x00"},
		{name: "payload pending", codec: max6, stream: "\x00\x02a", rest: "\x00\x02a"},
		{name: "Max", codec: max6, stream: "\x00\x04abcd", frames: []string{"abcd"}},
		{name: "Max+1", codec: max6, stream: "\x00\x05", err: codec.ErrTooLarge, detail: "7 bytes, the maximum is 6"},
		{name: "all stripped", codec: codec.LengthField{Width: 1, Strip: 3}, stream: "\x02ab", frames: []string{""}},
		{name: "Strip within the length", codec: codec.LengthField{Width: 2, Strip: 1}, stream: "\x00\x01a", frames: []string{"\x01a"}},
		{name: "larger than DefaultMax", codec: codec.LengthField{Width: 4}, stream: "\x00\x0f\xff\xfd", err: codec.ErrTooLarge, detail: "1048577 bytes"},

		{name: "top bit of 4", codec: codec.LengthField{Width: 4}, stream: "\x80\x00\x00\x00", err: codec.ErrTooLarge, detail: "2147483652 bytes"},
		{name: "top bit of 8", codec: codec.LengthField{Width: 8}, stream: "\x80\x00\x00\x00\x00\x00\x00\x00", err: codec.ErrTooLarge, detail: "9223372036854775816 bytes"},
		{name: "all bits of 8", codec: codec.LengthField{Width: 8, Max: maxInt}, stream: ff8, err: codec.ErrTooLarge, detail: "18446744073709551615 bytes"},
		{name: "all bits of 8 and Adjust", codec: codec.LengthField{Width: 8, Adjust: maxInt - 8, Max: maxInt}, stream: ff8, err: codec.ErrTooLarge, detail: "18446744073709551615 bytes"},
		{name: "MaxInt64", codec: codec.LengthField{Width: 8, Max: maxInt}, stream: "\x7f" + ff8[1:], err: codec.ErrTooLarge, detail: "9223372036854775815 bytes"},
		{name: "MaxInt32", codec: codec.LengthField{Width: 4, Max: math.MaxInt32}, stream: "\x7f" + ff8[1:4], err: codec.ErrTooLarge, detail: "2147483651 bytes"},
		{name: "smallest Adjust", codec: codec.LengthField{Width: 8, Adjust: minInt}, stream: "\x00\x00\x00\x00\x00\x00\x00\x08", err: codec.ErrMalformed},

		{name: "length less than Adjust takes", codec: codec.LengthField{Width: 2, Adjust: -2}, stream: "\x00\x03a\x00\x01", frames: []string{"\x00\x03a"}, err: codec.ErrMalformed, detail: "ends before its length does"},
		{name: "negative size", codec: codec.LengthField{Width: 2, Adjust: -100}, stream: "\x00\x01", err: codec.ErrMalformed},
		{name: "shorter than Strip", codec: codec.LengthField{Width: 1, Strip: 3}, stream: "\x01", err: codec.ErrMalformed, detail: "shorter than its header"},

		{name: "invalid", codec: codec.LengthField{}, stream: "a", err: codec.ErrConfig, detail: "Width"},
	})
}

func TestLengthFieldFrameSize(t *testing.T) {
	tests := []struct {
		codec codec.LengthField
		buf   string
		want  int
	}{
		{codec.LengthField{Width: 4, Strip: 4, Max: 200 << 20}, "\x06\x40\x00\x00", 4 + 100<<20},
		{codec.LengthField{Width: 4, Strip: 4, Max: 200 << 20}, "\x06\x40\x00", 0},
		{codec.LengthField{Width: 4, Adjust: -4, Max: 200 << 20}, "\x06\x40\x00\x00", 100 << 20},
		{codec.LengthField{Offset: 1, Width: 1, Adjust: 1, Strip: 3}, "\xca\x05\xfe", 8},
		{codec.LengthField{Width: 4}, "\xff\xff\xff\xff", 0},
		{codec.LengthField{}, "abc", 0},
	}
	for _, tt := range tests {
		if got := tt.codec.FrameSize([]byte(tt.buf)); got != tt.want {
			t.Errorf("%#v: FrameSize(%q) is %d, want %d", tt.codec, tt.buf, got, tt.want)
		}
	}
}

func TestLengthFieldValidate(t *testing.T) {
	tests := []struct {
		codec codec.LengthField
		valid bool
	}{
		{codec.LengthField{Width: 1}, true},
		{codec.LengthField{Width: 2, Strip: 1}, true},
		{codec.LengthField{Offset: 6, Width: 2, Max: 8}, true},
		{codec.LengthField{Offset: 2, Width: 2, Adjust: 4, Max: 8}, true},
		{codec.LengthField{Width: 2, Adjust: -65535}, true},
		{codec.LengthField{Width: 8, Adjust: minInt}, true},
		{codec.LengthField{Width: 2, Strip: 8, Max: 8}, true},

		{codec.LengthField{}, false},
		{codec.LengthField{Width: -1}, false},
		{codec.LengthField{Width: 5}, false},
		{codec.LengthField{Width: 9}, false},
		{codec.LengthField{Offset: -1, Width: 2}, false},
		{codec.LengthField{Offset: minInt, Width: 2}, false},
		{codec.LengthField{Offset: maxInt, Width: 8}, false},
		{codec.LengthField{Offset: 7, Width: 2, Max: 8}, false},
		{codec.LengthField{Width: 8, Max: 7}, false},
		{codec.LengthField{Offset: 2, Width: 2, Adjust: 5, Max: 8}, false},
		{codec.LengthField{Width: 2, Adjust: maxInt}, false},
		{codec.LengthField{Width: 2, Adjust: -65536}, false},
		{codec.LengthField{Width: 2, Adjust: minInt}, false},
		{codec.LengthField{Width: 2, Strip: -1}, false},
		{codec.LengthField{Width: 2, Strip: 9, Max: 8}, false},
	}
	for _, tt := range tests {
		err := tt.codec.Validate()
		if (err == nil) != tt.valid || err != nil && !errors.Is(err, codec.ErrConfig) {
			t.Errorf("%#v: Validate says %v, want valid %v", tt.codec, err, tt.valid)
		}
		if err == nil {
			continue
		}
		if _, _, got := tt.codec.Decode(nil); got == nil || got.Error() != err.Error() {
			t.Errorf("%#v: Decode says %v, Validate %v", tt.codec, got, err)
		}
		if _, got := tt.codec.Append(nil, nil); got == nil || got.Error() != err.Error() {
			t.Errorf("%#v: Append says %v, Validate %v", tt.codec, got, err)
		}
	}
}

func TestLengthFieldAppend(t *testing.T) {
	runAppendTests(t, []appendTest{
		{name: "empty", codec: codec.LengthField{Width: 2, Strip: 2}, frame: "\x00\x00"},
		{name: "length overwritten in the copy", codec: codec.LengthField{Offset: 1, Width: 2}, payload: "h??abc", frame: "h\x00\x03abc"},
		{name: "zeros before the length", codec: codec.LengthField{Offset: 2, Width: 1, Strip: 1}, payload: "h?abc", frame: "\x00h\x03abc"},
		{name: "zeros after the length", codec: codec.LengthField{Width: 1, Strip: 3}, payload: "abc", frame: "\x05\x00\x00abc"},
		{name: "negative Adjust", codec: codec.LengthField{Width: 1, Adjust: -10, Strip: 1}, payload: "abc", frame: "\x0dabc"},

		{name: "Max", codec: codec.LengthField{Width: 1, Strip: 1, Max: 4}, payload: "abc", frame: "\x03abc"},
		{name: "Max+1", codec: codec.LengthField{Width: 1, Strip: 1, Max: 4}, payload: "abcd", err: codec.ErrTooLarge, detail: "5 bytes, the maximum is 4"},
		{name: "largest length", codec: codec.LengthField{Width: 1, Adjust: -252, Strip: 1}, payload: "abc", frame: "\xffabc"},
		{name: "larger than the length", codec: codec.LengthField{Width: 1, Adjust: -252, Strip: 1}, payload: "abcd", err: codec.ErrTooLarge, detail: "5 bytes, the maximum is 4"},

		{name: "no room for the length", codec: codec.LengthField{Offset: 1, Width: 2}, payload: "ab", err: codec.ErrMalformed, detail: "shorter than the header"},
		{name: "no room, whole message", codec: codec.LengthField{Offset: 1, Width: 2, Adjust: -3}, payload: "ab", err: codec.ErrMalformed},
		{name: "shorter than Adjust", codec: codec.LengthField{Width: 2, Adjust: 4, Strip: 2}, payload: "abc", err: codec.ErrMalformed},
		{name: "Strip within the length", codec: codec.LengthField{Width: 2, Strip: 1}, payload: "abc", err: codec.ErrConfig, detail: "Strip ends within"},
	})
}
