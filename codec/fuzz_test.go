package codec_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/weir-go/weir/codec"
)

// Each target decodes its input as a stream, whole, byte by byte and at every
// split, and takes it for a payload that has to survive a round trip. The
// harness checks the contract at every step. The seeds are in testdata/fuzz.

// fuzzMax keeps the inputs, each decoded once for each of its bytes, small.
const fuzzMax = 300

func FuzzRaw(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, max int16) {
		c := codec.Raw{Max: int(max)}
		if len(data) > fuzzMax {
			return
		}
		got := decodeAllWays(t, c, data)
		if !bytes.Equal(bytes.Join(got.frames, nil), data) || got.err != nil {
			t.Fatalf("%#v: %q came back as %v", c, data, got)
		}
		if max <= 0 || len(data) > 0 && len(data) <= int(max) {
			roundTripRaw(t, c, data)
		}
	})
}

// roundTripRaw is roundTrip without the second frame, which Raw cannot tell
// from the first.
func roundTripRaw(t *testing.T, c codec.Raw, payload []byte) {
	frame, err := appendTo(t, c, payload)
	if err != nil || !bytes.Equal(frame, payload) {
		t.Fatalf("%#v: %q became %q, error %v", c, payload, frame, err)
	}
	if got, _, _ := c.Decode(frame); !bytes.Equal(got, payload) {
		t.Fatalf("%#v: %q came back as %q", c, payload, got)
	}
}

func FuzzLine(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, max int16, crlf bool) {
		if len(data) > fuzzMax {
			return
		}
		c := codec.Line{Max: int(max), CRLF: crlf}
		got := decodeAllWays(t, c, data)
		if max <= 0 {
			// Without a limit in reach, it is what bufio.ScanLines makes of it.
			want := decode(t, codec.Split{Func: bufio.ScanLines}, data[:len(data)-len(got.rest)])
			want.rest = got.rest
			if got.String() != want.String() {
				t.Fatalf("%#v: %q is %v, bufio.ScanLines says %v", c, data, got, want)
			}
		}
		roundTrip(t, c, data)
	})
}

func FuzzDelimiter(f *testing.F) {
	f.Fuzz(func(t *testing.T, data, delim []byte, max int16) {
		if len(data) > fuzzMax {
			return
		}
		c := codec.Delimiter{Delim: delim, Max: int(max)}
		got := decodeAllWays(t, c, data)
		if max <= 0 && len(delim) > 0 {
			if back := append(bytes.Join(append(got.frames, nil), delim), got.rest...); !bytes.Equal(back, data) {
				t.Fatalf("%#v: %q is %v", c, data, got)
			}
		}
		roundTrip(t, c, data)
	})
}

func FuzzFixed(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, size int16) {
		if len(data) > fuzzMax {
			return
		}
		c := codec.Fixed{Size: int(size)}
		got := decodeAllWays(t, c, data)
		if size > 0 && (len(got.frames) != len(data)/int(size) || got.err != nil) {
			t.Fatalf("%#v: %q is %v", c, data, got)
		}
		roundTrip(t, c, data)
		roundTrip(t, codec.Fixed{Size: len(data)}, data)
	})
}

func FuzzLengthField(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, offset int64, width int8, little bool, adjust, strip, max int64) {
		if len(data) > fuzzMax {
			return
		}
		c := codec.LengthField{
			Offset: int(offset), Width: int(width), Adjust: int(adjust), Strip: int(strip), Max: int(max),
		}
		if little {
			c.Order = binary.LittleEndian
		}
		decodeAllWays(t, c, data)
		if strip > 1<<16 {
			return // no need to make that many zeros
		}
		frame, err := appendTo(t, c, data)
		if invalid := c.Validate(); invalid != nil && (err == nil || err.Error() != invalid.Error()) {
			t.Fatalf("%#v: Append says %v, Validate %v", c, err, invalid)
		}
		if err != nil {
			return
		}
		got, n, err := c.Decode(frame)
		if err != nil || got == nil || n != len(frame) || len(got) != len(data) {
			t.Fatalf("%#v: %q became %q and came back as %q, n %d, error %v", c, data, frame, got, n, err)
		}
		// A length within the payload is overwritten; nothing else is.
		want := bytes.Clone(data)
		if c.Strip <= c.Offset {
			at := c.Offset - c.Strip
			copy(want[at:at+c.Width], got[at:])
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%#v: %q became %q and came back as %q", c, data, frame, got)
		}
		roundTrip(t, c, got)
	})
}

func FuzzVarint(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, max int64) {
		if len(data) > fuzzMax {
			return
		}
		c := codec.Varint{Max: int(max)}
		decodeAllWays(t, c, data)
		roundTrip(t, c, data)

		// encoding/binary agrees on what the length is.
		length, head := binary.Uvarint(data)
		if size := c.FrameSize(data); size != 0 && uint64(size) != uint64(head)+length {
			t.Fatalf("%#v: %q has frame size %d, the length is %d in %d bytes", c, data, size, length, head)
		}
	})
}

func FuzzSplit(f *testing.F) {
	funcs := []bufio.SplitFunc{bufio.ScanLines, bufio.ScanWords, bufio.ScanRunes, bufio.ScanBytes, scanCommas, stopAtBang}
	f.Fuzz(func(t *testing.T, data []byte, which uint8, max int16) {
		if len(data) > fuzzMax {
			return
		}
		if int(which) >= len(funcs) {
			decode(t, codec.Split{Func: erratic, Max: int(max)}, data)
			decode(t, codec.Split{Func: erratic, Max: int(max)}, bytesOf(data)...)
			return
		}
		c := codec.Split{Func: funcs[which], Max: int(max)}
		got := decodeAllWays(t, c, data)
		if max > 0 || which >= 4 {
			return // a limit or ErrFinalToken: not what bufio.Scanner makes of it
		}
		scanner := bufio.NewScanner(bytes.NewReader(data))
		scanner.Split(c.Func)
		var want decoding
		for scanner.Scan() {
			want.frames = append(want.frames, bytes.Clone(scanner.Bytes()))
		}
		if got.String() != want.String() {
			t.Fatalf("function %d: %q is %v, bufio.Scanner says %v", which, data, got, want)
		}
	})
}

// erratic lets the data say what it answers, right or wrong.
func erratic(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if data[0]&1 != 0 {
		token = data[len(data)/2:]
	}
	if data[0]&2 != 0 {
		token = []byte("elsewhere")
	}
	switch {
	case data[0]&12 == 12:
		err = bufio.ErrFinalToken
	case data[0]&4 != 0 && atEOF:
		err = errSplit
	}
	return int(int8(data[len(data)-1])) / 8, token, err
}
