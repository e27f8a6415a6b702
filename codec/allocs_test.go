package codec_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/weir-go/weir/codec"
)

// framers are all the codecs, each set up for a payload of 64 bytes.
var framers = []struct {
	name  string
	codec codec.Codec
}{
	{"Raw", codec.Raw{}},
	{"Line", codec.Line{}},
	{"LineCRLF", codec.Line{CRLF: true}},
	{"Delimiter", codec.Delimiter{Delim: []byte("\r\n.\r\n")}},
	{"Fixed", codec.Fixed{Size: 64}},
	{"LengthField", codec.LengthField{Width: 4, Strip: 4}},
	{"LengthFieldLittle", codec.LengthField{Offset: 1, Width: 3, Order: binary.LittleEndian, Adjust: -4, Strip: 4}},
	{"Varint", codec.Varint{}},
	{"Split", codec.Split{Func: bufio.ScanLines, Suffix: []byte("\n")}},
}

var payload64 = bytes.Repeat([]byte("payload."), 8)

func TestNoAllocations(t *testing.T) {
	for _, f := range framers {
		t.Run(f.name, func(t *testing.T) {
			buf := make([]byte, 0, 256)
			frame, err := f.codec.Append(buf, payload64)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, "Append", func() bool {
				out, err := f.codec.Append(buf, payload64)
				return len(out) == len(frame) && err == nil
			})
			expect(t, "Decode", func() bool {
				got, n, err := f.codec.Decode(frame)
				return len(got) == len(payload64) && n == len(frame) && err == nil
			})
			if _, ok := f.codec.(codec.Raw); ok {
				return // is never incomplete
			}
			part := frame[:len(frame)-1]
			expect(t, "Decode of a part", func() bool {
				_, n, err := f.codec.Decode(part)
				return n == 0 && err == nil
			})
			if r, ok := f.codec.(codec.Resumer); ok {
				expect(t, "DecodeFrom", func() bool {
					_, n, err := r.DecodeFrom(frame, len(part))
					return n == len(frame) && err == nil
				})
			}
			if s, ok := f.codec.(codec.Sizer); ok {
				expect(t, "FrameSize", func() bool { return s.FrameSize(part) == len(frame) })
			}
			if s, ok := f.codec.(codec.Finisher); ok {
				expect(t, "Finish", func() bool {
					_, n, err := s.Finish(part)
					return n == len(part) && err == nil
				})
			}
		})
	}
}

// expect fails unless f returns true and allocates nothing.
func expect(t *testing.T, what string, f func() bool) {
	t.Helper()
	ok := true
	allocs := testing.AllocsPerRun(100, func() { ok = f() && ok })
	if !ok || allocs != 0 {
		t.Errorf("%s: right %v, allocations %v", what, ok, allocs)
	}
}
