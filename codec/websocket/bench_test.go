package websocket_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/weir-go/weir/codec/websocket"
)

// text is size bytes that are like what is sent, ASCII or not.
func text(size int, ascii bool) []byte {
	if ascii {
		return bytes.Repeat([]byte(`{"type":"tick","symbol":"EURUSD","bid":1.08123}`), size/47+1)[:size]
	}
	return bytes.Repeat([]byte("κόσμε"), size/10+1)[:size/10*10]
}

func BenchmarkReceive(b *testing.B) {
	for _, size := range []int{16, 128, 1024, 16 << 10} {
		for _, bb := range []struct {
			name    string
			op      websocket.Opcode
			payload []byte
		}{
			{"binary", websocket.Binary, text(size, true)},
			{"text", websocket.Text, text(size, true)},
			{"greek", websocket.Text, text(size, false)},
		} {
			b.Run(fmt.Sprintf("%s/%d", bb.name, size), func(b *testing.B) {
				frame := websocket.AppendMasked(nil, bb.op, true, false, bb.payload)
				buf := make([]byte, len(frame))
				var c websocket.Codec
				var r websocket.Reader
				b.ReportAllocs()
				b.SetBytes(int64(len(bb.payload)))
				for b.Loop() {
					copy(buf, frame)
					f, _, err := c.Decode(buf)
					if err != nil {
						b.Fatal(err)
					}
					if _, _, err = r.Next(f); err != nil {
						b.Fatal(err)
					}
					r.Release()
				}
			})
		}
	}
}

func BenchmarkReceiveFragments(b *testing.B) {
	payload := text(1024, true)
	first := websocket.AppendMasked(nil, websocket.Text, false, false, payload)
	last := websocket.AppendMasked(nil, websocket.Continuation, true, false, payload)
	buf := make([]byte, len(first))
	var r websocket.Reader
	b.ReportAllocs()
	b.SetBytes(2 * int64(len(payload)))
	for b.Loop() {
		r.Next(buf[:copy(buf, first)])
		if _, m, err := r.Next(buf[:copy(buf, last)]); len(m) != 2048 {
			b.Fatal(err)
		}
		r.Release()
	}
}

// What a text frame costs that comes in pieces, and so is looked at twice.
func BenchmarkReceiveInPieces(b *testing.B) {
	for _, piece := range []int{1, 1460} {
		b.Run(fmt.Sprint(piece), func(b *testing.B) {
			payload := text(64<<10, true)
			frame := websocket.AppendMasked(nil, websocket.Text, true, false, payload)
			var c websocket.Codec
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				for i := piece; i < len(frame); i += piece {
					if _, n, err := c.DecodeFrom(frame[:i], i-piece); n != 0 || err != nil {
						b.Fatal(n, err)
					}
				}
			}
		})
	}
}

func BenchmarkSend(b *testing.B) {
	for _, size := range []int{16, 1024} {
		payload := text(size, true)
		var buf []byte
		b.Run(fmt.Sprintf("plain/%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				buf = websocket.AppendFrame(buf[:0], websocket.Text, true, false, payload)
			}
		})
		b.Run(fmt.Sprintf("masked/%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				buf = websocket.AppendMasked(buf[:0], websocket.Text, true, false, payload)
			}
		})
	}
}

func BenchmarkDeflate(b *testing.B) {
	for _, takeover := range []bool{false, true} {
		for _, size := range []int{128, 1024, 16 << 10} {
			b.Run(fmt.Sprintf("takeover=%v/%d", takeover, size), func(b *testing.B) {
				payload := text(size, true)
				d := websocket.Deflater{Takeover: takeover}
				var buf []byte
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					buf = d.Append(buf[:0], payload)
				}
			})
		}
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, takeover := range []bool{false, true} {
		for _, size := range []int{128, 1024, 16 << 10} {
			b.Run(fmt.Sprintf("takeover=%v/%d", takeover, size), func(b *testing.B) {
				payload := text(size, true)
				z := new(websocket.Deflater).Append(nil, payload)
				f := websocket.Inflater{Takeover: takeover}
				var buf []byte
				b.ReportAllocs()
				b.SetBytes(int64(size))
				for b.Loop() {
					var err error
					if buf, err = f.Append(buf[:0], z, 1<<20); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
