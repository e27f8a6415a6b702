package codec_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/weir-go/weir/codec"
)

func BenchmarkDecode(b *testing.B) {
	for _, f := range framers {
		b.Run(f.name, func(b *testing.B) {
			frame, err := f.codec.Append(nil, payload64)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(len(frame)))
			for b.Loop() {
				if _, n, _ := f.codec.Decode(frame); n != len(frame) {
					b.Fatal(n)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, f := range framers {
		b.Run(f.name, func(b *testing.B) {
			buf := make([]byte, 0, 256)
			b.ReportAllocs()
			b.SetBytes(int64(len(payload64)))
			for b.Loop() {
				if _, err := f.codec.Append(buf, payload64); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkByteByByte lets a frame arrive in the worst way. Compare the ns/byte
// of the sizes: they are the same as long as the cost is linear.
func BenchmarkByteByByte(b *testing.B) {
	codecs := []struct {
		name  string
		codec codec.Resumer
		end   string
	}{
		{"Line", codec.Line{}, "\n"},
		{"Delimiter", delimiter("\r\n.\r\n", 0), "\r\n.\r\n"},
	}
	for _, c := range codecs {
		for _, size := range []int{1 << 10, 64 << 10, 1 << 20} {
			b.Run(fmt.Sprintf("%s/%dKiB", c.name, size>>10), func(b *testing.B) {
				buf := append(bytes.Repeat([]byte{'x'}, size), c.end...)
				for b.Loop() {
					for i := range buf {
						_, n, err := c.codec.DecodeFrom(buf[:i+1], i)
						if err != nil || n != 0 && i < len(buf)-1 {
							b.Fatal(i, n, err)
						}
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(buf)), "ns/byte")
			})
		}
	}
}
