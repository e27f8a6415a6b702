package codec_test

import (
	"bufio"
	"bytes"
	"errors"
	"testing"

	"github.com/weir-go/weir/codec"
)

var errSplit = errors.New("no such word")

// scanCommas is the last example of package bufio: it ends the stream with a
// final token, an empty one included.
func scanCommas(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, ','); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF {
		return 0, data, bufio.ErrFinalToken
	}
	return 0, nil, nil
}

// always answers the same, whatever it is asked.
func always(advance int, token []byte, err error) bufio.SplitFunc {
	return func([]byte, bool) (int, []byte, error) { return advance, token, err }
}

// stopAtBang skips full stops, and ends the stream at an exclamation mark.
func stopAtBang(data []byte, _ bool) (int, []byte, error) {
	switch data[0] {
	case '.':
		return 1, nil, nil
	case '!':
		return 1, nil, bufio.ErrFinalToken
	}
	return 1, data[:1], nil
}

func TestSplitDecode(t *testing.T) {
	split := func(f bufio.SplitFunc, max int) codec.Split { return codec.Split{Func: f, Max: max} }
	runDecodeTests(t, []decodeTest{
		{name: "nothing", codec: split(bufio.ScanLines, 0)},
		{name: "lines", codec: split(bufio.ScanLines, 0), stream: "a\n\nb\r\nc\n", frames: []string{"a", "", "b", "c"}},
		{name: "last line", codec: split(bufio.ScanLines, 0), stream: "a\nbc", frames: []string{"a", "bc"}},
		{name: "words", codec: split(bufio.ScanWords, 0), stream: "  a bc \n d", frames: []string{"a", "bc", "d"}},
		{name: "only space", codec: split(bufio.ScanWords, 0), stream: "   "},
		{name: "runes", codec: split(bufio.ScanRunes, 0), stream: "aé\xff€", frames: []string{"a", "é", "\uFFFD", "€"}},
		{name: "unfinished rune", codec: split(bufio.ScanRunes, 0), stream: "a\xe2\x82", frames: []string{"a", "\uFFFD", "\uFFFD"}},
		{name: "skipping", codec: split(stopAtBang, 0), stream: ".a..b.", frames: []string{"a", "b"}},
		{name: "final token", codec: split(scanCommas, 0), stream: "1,2,,3", frames: []string{"1", "2", "", "3"}},
		{name: "no bytes for a final token", codec: split(scanCommas, 0), stream: "1,2,", frames: []string{"1", "2"}},
		{name: "final too early", codec: split(stopAtBang, 0), stream: "a!b", frames: []string{"a"}, err: bufio.ErrFinalToken},

		{name: "Max", codec: split(bufio.ScanLines, 3), stream: "ab\nab\nabc", frames: []string{"ab", "ab", "abc"}},
		{name: "Max+1", codec: split(bufio.ScanLines, 3), stream: "ab\nabc\n", frames: []string{"ab"}, err: codec.ErrTooLarge, detail: "4 bytes, the maximum is 3"},
		{name: "Max+1 unfinished", codec: split(bufio.ScanLines, 3), stream: "abcd", err: codec.ErrTooLarge},
		{name: "skipped bytes count for no frame", codec: split(bufio.ScanWords, 3), stream: "       ab   cd ", frames: []string{"ab", "cd"}},

		{name: "error", codec: split(always(1, []byte("a"), errSplit), 0), stream: "a", err: errSplit, detail: "codec split: malformed frame: no such word"},
		{name: "error is malformed", codec: split(always(0, nil, errSplit), 0), stream: "a", err: codec.ErrMalformed},
		{name: "advance beyond", codec: split(always(9, nil, nil), 0), stream: "a", err: codec.ErrMalformed, detail: "out of range"},
		{name: "advance back", codec: split(always(-1, nil, nil), 0), stream: "a", err: codec.ErrMalformed, detail: "out of range"},
		{name: "advance beyond Max", codec: split(always(2, nil, nil), 1), stream: "ab", err: codec.ErrMalformed},
		{name: "empty token without advance", codec: split(always(0, []byte{}, nil), 0), stream: "a", err: codec.ErrMalformed, detail: "without an advance"},
		{name: "token without advance", codec: split(always(0, []byte("x"), nil), 0), stream: "a", err: codec.ErrMalformed},
		{name: "foreign token", codec: split(always(1, []byte("xyz"), nil), 0), stream: "ab", frames: []string{"xyz", "xyz"}},

		{name: "no function", codec: codec.Split{Name: "mine"}, stream: "a", err: codec.ErrConfig, detail: "codec mine: invalid configuration: Func is nil"},
	})
}

func TestSplitFinalTokenDropsTheRest(t *testing.T) {
	c := codec.Split{Func: stopAtBang}
	frame, n, err := c.Finish([]byte("!bc"))
	if frame != nil || n != 3 || err != nil {
		t.Errorf("got %q, %d, %v, want nothing delivered and all consumed", frame, n, err)
	}
}

func TestSplitShowsNoMoreThanMax(t *testing.T) {
	c := codec.Split{Max: 4, Func: func(data []byte, atEOF bool) (int, []byte, error) {
		if len(data) > 4 || cap(data) > 4 || atEOF {
			t.Errorf("shown %d bytes of %d, at EOF %v", len(data), cap(data), atEOF)
		}
		return len(data), data, nil
	}}
	if _, _, err := c.Finish([]byte("abcdefgh")); err != nil {
		t.Error(err)
	}
}

func TestSplitAppend(t *testing.T) {
	lines := codec.Split{Func: bufio.ScanLines, Suffix: []byte("\n"), Max: 4}
	runAppendTests(t, []appendTest{
		{name: "suffix", codec: lines, payload: "abc", frame: "abc\n"},
		{name: "not checked", codec: lines, payload: "a\nb", frame: "a\nb\n"},
		{name: "Max+1", codec: lines, payload: "abcd", err: codec.ErrTooLarge, detail: "5 bytes, the maximum is 4"},
		{name: "no suffix", codec: codec.Split{Func: bufio.ScanBytes}, payload: "a", frame: "a"},
		{name: "no function", codec: codec.Split{}, payload: "a", err: codec.ErrConfig},
	})
}
