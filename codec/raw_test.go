package codec_test

import (
	"testing"

	"github.com/weir-go/weir/codec"
)

func TestRawPieces(t *testing.T) {
	tests := []struct {
		max    int
		stream string
		frames []string
	}{
		{0, "", nil},
		{0, "abcdefgh", []string{"abcdefgh"}},
		{-1, "abcdefgh", []string{"abcdefgh"}},
		{8, "abcdefgh", []string{"abcdefgh"}},
		{7, "abcdefgh", []string{"abcdefg", "h"}},
		{3, "abcdefgh", []string{"abc", "def", "gh"}},
	}
	for _, tt := range tests {
		c := codec.Raw{Max: tt.max}
		got := decode(t, c, []byte(tt.stream))
		if len(got.frames) != len(tt.frames) || len(got.rest) != 0 || got.err != nil {
			t.Fatalf("%#v: got %v, want %q", c, got, tt.frames)
		}
		for i, want := range tt.frames {
			if string(got.frames[i]) != want {
				t.Errorf("%#v: got %v, want %q", c, got, tt.frames)
			}
		}
		decodeAllWays(t, c, []byte(tt.stream))
	}
}

func TestRawAppend(t *testing.T) {
	runAppendTests(t, []appendTest{
		{name: "empty", codec: codec.Raw{}},
		{name: "as is", codec: codec.Raw{}, payload: "a\x00b", frame: "a\x00b"},
		{name: "over Max", codec: codec.Raw{Max: 2}, payload: "abc", frame: "abc"},
	})
}
