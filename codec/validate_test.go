package codec_test

import (
	"bufio"
	"errors"
	"testing"

	"github.com/weir-go/weir/codec"
)

// TestValidate covers the codecs with one thing to get wrong; LengthField has a
// test of its own.
func TestValidate(t *testing.T) {
	type validator interface {
		codec.Codec
		Validate() error
	}
	tests := []struct {
		codec validator
		valid bool
	}{
		{codec.Delimiter{}, false},
		{codec.Delimiter{Delim: []byte{0}}, true},
		{codec.Fixed{}, false},
		{codec.Fixed{Size: -1}, false},
		{codec.Fixed{Size: 1}, true},
		{codec.Split{}, false},
		{codec.Split{Func: bufio.ScanLines}, true},
	}
	for _, tt := range tests {
		err := tt.codec.Validate()
		if (err == nil) != tt.valid || err != nil && !errors.Is(err, codec.ErrConfig) {
			t.Errorf("%#v: Validate says %v, want valid %v", tt.codec, err, tt.valid)
		}
		// Not even the wait for a first byte hides it.
		if _, _, got := tt.codec.Decode(nil); (got == nil) != tt.valid {
			t.Errorf("%#v: Decode says %v, Validate %v", tt.codec, got, err)
		}
		if _, got := tt.codec.Append(nil, []byte("a")); (got == nil) != tt.valid {
			t.Errorf("%#v: Append says %v, Validate %v", tt.codec, got, err)
		}
	}
}
