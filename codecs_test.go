package weir_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// Each codec end to end: what Append has encoded is cut again by the server,
// however it arrives, and comes back by WriteFrame.
func TestCodecsEndToEnd(t *testing.T) {
	short := func(n int) []byte { return bytes.Repeat([]byte("weir "), n)[:n] }
	texts := [][]byte{[]byte("a"), []byte("to be or not"), short(100), short(3000)}
	for _, test := range []struct {
		name     string
		codec    codec.Codec
		payloads [][]byte
	}{
		{"Line", codec.Line{}, append(texts, []byte{}, []byte("a\rb"))},
		{"Line CRLF", codec.Line{CRLF: true}, append(texts, []byte{})},
		{"Delimiter", codec.Delimiter{Delim: []byte("\r\n--")}, append(texts, []byte("\r\n-"), []byte{})},
		{"Fixed", codec.Fixed{Size: 7}, [][]byte{short(7), []byte("\x00\x00\x00\x00\x00\x00\x00"), []byte("1234567")}},
		{"LengthField", codec.LengthField{Width: 4, Strip: 4}, append(texts, []byte{})},
		{"LengthField little endian", codec.LengthField{Offset: 2, Width: 2, Strip: 4, Order: binary.LittleEndian}, append(texts, []byte{})},
		{"LengthField of the whole", codec.LengthField{Width: 3, Strip: 3, Adjust: -3}, append(texts, []byte{})},
		{"Varint", codec.Varint{}, append(texts, []byte{}, short(127), short(128), short(20_000))},
		{"Split", words, [][]byte{[]byte("a"), []byte("word"), bytes.Repeat([]byte("x"), 2000)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stream []byte
			var err error
			for _, p := range test.payloads {
				if stream, err = test.codec.Append(stream, p); err != nil {
					t.Fatalf("Append(%q): %v", p, err)
				}
			}
			eachMode(t, func(t *testing.T, m mode) {
				frames := make(chan []byte, 100)
				j := newJudge(t, hooks{frame: func(c *weir.Conn, frame []byte) {
					frames <- bytes.Clone(frame)
					if err := c.WriteFrame(frame); err != nil {
						t.Errorf("WriteFrame: %v", err)
					}
				}})
				addr := serve(t, m, &weir.Server{Handler: j, Codec: test.codec})
				for _, pieces := range []func() int{
					func() int { return len(stream) },
					func() int { return 1 },
					func() int { return 1 + rand.IntN(50) },
				} {
					if pieces() == 1 && len(stream) > 5000 && testing.Short() {
						continue
					}
					nc := dial(t, addr)
					for rest := stream; len(rest) > 0; {
						k := min(pieces(), len(rest))
						nc.Write(rest[:k])
						rest = rest[k:]
					}
					nc.CloseWrite()
					got, err := io.ReadAll(nc)
					if err != nil || !bytes.Equal(got, stream) {
						t.Errorf("%d bytes came back of %d, or others; %v", len(got), len(stream), err)
					}
					for _, want := range test.payloads {
						if frame := receive(t, frames, "a frame"); !bytes.Equal(frame, want) {
							t.Errorf("frame of %d bytes, want %d", len(frame), len(want))
						}
					}
					nc.Close()
				}
			})
		})
	}
}

// WriteFrame returns the error of a codec that refuses the payload, and the
// connection goes on.
func TestWriteFrameRefused(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		nc := dial(t, serve(t, m, &weir.Server{Codec: codec.Line{Max: 10}, Handler: weir.HandlerFunc(
			func(c *weir.Conn, frame []byte) {
				if err := c.WriteFrame([]byte("two\nlines")); !is(codec.ErrMalformed)(err) {
					t.Errorf("LF inside a line: %v", err)
				}
				if err := c.WriteFrame(make([]byte, 11)); !is(codec.ErrTooLarge)(err) {
					t.Errorf("line too long: %v", err)
				}
				c.WriteFrame(frame)
			})}))
		io.WriteString(nc, "hello\n")
		got := make([]byte, 6)
		if _, err := io.ReadFull(nc, got); err != nil || string(got) != "hello\n" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}
