package codec_test

import (
	"testing"

	"github.com/weir-go/weir/codec"
)

func delimiter(delim string, max int) codec.Delimiter {
	return codec.Delimiter{Delim: []byte(delim), Max: max}
}

func TestDelimiterDecode(t *testing.T) {
	runDecodeTests(t, []decodeTest{
		{name: "nothing", codec: delimiter("\x00", 0)},
		{name: "one byte", codec: delimiter("\x00", 0), stream: "a\x00\x00bc\x00d", frames: []string{"a", "", "bc"}, rest: "d"},
		{name: "long", codec: delimiter("--end--", 0), stream: "a--end----end--b--end-", frames: []string{"a", ""}, rest: "b--end-"},
		{name: "false start", codec: delimiter("aab", 0), stream: "xaaabaab", frames: []string{"xa", ""}},
		{name: "first of overlapping", codec: delimiter("aba", 0), stream: "ababa", frames: []string{""}, rest: "ba"},

		{name: "Max", codec: delimiter("||", 3), stream: "abc||", frames: []string{"abc"}},
		{name: "Max pending", codec: delimiter("||", 3), stream: "abc|", rest: "abc|"},
		{name: "Max+1", codec: delimiter("||", 3), stream: "||abcd||", frames: []string{""}, err: codec.ErrTooLarge, detail: "4 bytes, the maximum is 3"},
		{name: "Max+1 of the delimiter", codec: delimiter("||", 3), stream: "abc|d", err: codec.ErrTooLarge},
		{name: "Max+1 unfinished", codec: delimiter("|", 3), stream: "abcd", err: codec.ErrTooLarge},
		{name: "far beyond Max", codec: delimiter("||", 3), stream: "abcdefghijkl||", err: codec.ErrTooLarge, detail: "4 bytes"},

		{name: "no delimiter", codec: codec.Delimiter{}, stream: "abc", err: codec.ErrConfig, detail: "Delim is empty"},
	})
}

func TestDelimiterAppend(t *testing.T) {
	runAppendTests(t, []appendTest{
		{name: "plain", codec: delimiter("||", 3), payload: "abc", frame: "abc||"},
		{name: "empty", codec: delimiter("||", 3), frame: "||"},
		{name: "a part of it", codec: delimiter("|.", 3), payload: "ab|", frame: "ab||."},
		{name: "inside", codec: delimiter("||", 0), payload: "ab||c", err: codec.ErrMalformed, detail: "delimiter inside"},
		{name: "the whole", codec: delimiter("||", 0), payload: "||", err: codec.ErrMalformed},
		{name: "too early with the tail", codec: delimiter("aba", 0), payload: "xab", err: codec.ErrMalformed},
		{name: "one too early", codec: delimiter("||", 0), payload: "x|", err: codec.ErrMalformed},
		{name: "Max+1", codec: delimiter("||", 3), payload: "abcd", err: codec.ErrTooLarge},
		{name: "no delimiter", codec: codec.Delimiter{}, payload: "abc", err: codec.ErrConfig},
	})
}
