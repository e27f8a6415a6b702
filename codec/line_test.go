package codec_test

import (
	"bytes"
	"testing"

	"github.com/weir-go/weir/codec"
)

func TestLineDecode(t *testing.T) {
	max3 := codec.Line{Max: 3}
	runDecodeTests(t, []decodeTest{
		{name: "nothing", codec: codec.Line{}},
		{name: "LF", codec: codec.Line{}, stream: "a\nbc\n", frames: []string{"a", "bc"}},
		{name: "CRLF", codec: codec.Line{}, stream: "a\r\nbc\r\n", frames: []string{"a", "bc"}},
		{name: "mixed", codec: codec.Line{CRLF: true}, stream: "a\r\nbc\nd", frames: []string{"a", "bc"}, rest: "d"},
		{name: "empty lines", codec: codec.Line{}, stream: "\n\r\n\n", frames: []string{"", "", ""}},
		{name: "CR inside", codec: codec.Line{}, stream: "a\rb\n\ra\n", frames: []string{"a\rb", "\ra"}},
		{name: "one CR taken", codec: codec.Line{}, stream: "a\r\r\n", frames: []string{"a\r"}},
		{name: "CR pending", codec: codec.Line{}, stream: "a\r", rest: "a\r"},
		{name: "unfinished", codec: codec.Line{}, stream: "a\nbc", frames: []string{"a"}, rest: "bc"},

		{name: "Max", codec: max3, stream: "abc\nabc\r\n", frames: []string{"abc", "abc"}},
		{name: "Max pending", codec: max3, stream: "abc", rest: "abc"},
		{name: "Max and CR pending", codec: max3, stream: "abc\r", rest: "abc\r"},
		{name: "Max with CR", codec: max3, stream: "ab\r\r\n", frames: []string{"ab\r"}},
		{name: "Max+1", codec: max3, stream: "a\nabcd\n", frames: []string{"a"}, err: codec.ErrTooLarge, detail: "4 bytes, the maximum is 3"},
		{name: "Max+1 CRLF", codec: max3, stream: "abcd\r\n", err: codec.ErrTooLarge},
		{name: "Max+1 unfinished", codec: max3, stream: "abcd", err: codec.ErrTooLarge},
		{name: "Max+1 ending in CR", codec: max3, stream: "abc\r\r\n", err: codec.ErrTooLarge},
		{name: "Max, CR and no LF", codec: max3, stream: "abc\rd", err: codec.ErrTooLarge},
		{name: "far beyond Max", codec: max3, stream: "abcdefghijklmnopq\n", err: codec.ErrTooLarge, detail: "4 bytes"},
	})
}

func TestLineAppend(t *testing.T) {
	lf, crlf := codec.Line{Max: 3}, codec.Line{Max: 3, CRLF: true}
	runAppendTests(t, []appendTest{
		{name: "LF", codec: lf, payload: "abc", frame: "abc\n"},
		{name: "CRLF", codec: crlf, payload: "abc", frame: "abc\r\n"},
		{name: "empty", codec: lf, frame: "\n"},
		{name: "empty CRLF", codec: crlf, frame: "\r\n"},
		{name: "CR inside", codec: lf, payload: "a\rb", frame: "a\rb\n"},
		{name: "CR last", codec: lf, payload: "ab\r", err: codec.ErrMalformed, detail: "CR before the line end"},
		{name: "CR last before CRLF", codec: crlf, payload: "ab\r", frame: "ab\r\r\n"},
		{name: "LF inside", codec: crlf, payload: "a\nb", err: codec.ErrMalformed, detail: "LF inside a line"},
		{name: "Max+1", codec: lf, payload: "abcd", err: codec.ErrTooLarge, detail: "4 bytes, the maximum is 3"},
	})
}

func TestLineDefaultMax(t *testing.T) {
	line := append(bytes.Repeat([]byte{'x'}, codec.DefaultMax), '\n')
	if frame, _, err := (codec.Line{}).Decode(line); len(frame) != codec.DefaultMax {
		t.Errorf("a line of DefaultMax: %d bytes, error %v", len(frame), err)
	}
	line[codec.DefaultMax] = 'x'
	if _, _, err := (codec.Line{}).Decode(line); err == nil {
		t.Error("a line of DefaultMax+1 is accepted")
	}
}
