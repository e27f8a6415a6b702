package http1_test

import (
	"strings"
	"testing"

	"github.com/weir-go/weir/codec/http1"
)

// heads are the requests that the figures are about.
var heads = []struct{ name, head string }{
	{"1", "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"},
	{"3", "GET /plaintext HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n\r\n"},
	{"Browser12", "GET /articles/2024/05/an-example.html?utm_source=news&page=2 HTTP/1.1\r\n" +
		"Host: www.example.com\r\n" +
		"Connection: keep-alive\r\n" +
		"Cache-Control: max-age=0\r\n" +
		"Upgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
		"Sec-Fetch-Site: same-origin\r\n" +
		"Sec-Fetch-Mode: navigate\r\n" +
		"Referer: https://www.example.com/articles/\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-GB,en;q=0.9\r\n" +
		"Cookie: session=4f2a9c0d1b7e4c55a1b2c3d4e5f60718; theme=dark; consent=1\r\n\r\n"},
	{"PostJSON", "POST /api/v1/items HTTP/1.1\r\nHost: api.example.com\r\nContent-Type: application/json\r\n" +
		"Content-Length: 27\r\nAuthorization: Bearer abcdefghijklmnopqrstuvwxyz\r\n\r\n"},
}

func BenchmarkParse(b *testing.B) {
	for _, h := range heads {
		b.Run(h.name, func(b *testing.B) {
			var r http1.Request
			buf := []byte(h.head)
			b.ReportAllocs()
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				if n, err := r.Parse(buf, 0, http1.Limits{}); n != len(buf) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func BenchmarkCodec(b *testing.B) {
	for _, h := range heads {
		b.Run(h.name, func(b *testing.B) {
			buf := []byte(h.head + strings.Repeat("x", 27))
			var c http1.Codec
			b.ReportAllocs()
			b.SetBytes(int64(len(h.head)))
			for b.Loop() {
				if _, n, err := c.Decode(buf); n == 0 || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkByteByByte lets a head of one long line arrive in the worst way.
// Compare the ns/byte: they are the same as long as the cost is linear.
func BenchmarkByteByByte(b *testing.B) {
	for _, size := range []int{1 << 10, 16 << 10, 256 << 10} {
		l := http1.Limits{MaxHead: 1 << 20}
		buf := []byte("GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", size) + "\r\n\r\n")
		b.Run(byteSize(size)+"/Parse", func(b *testing.B) {
			var r http1.Request
			for b.Loop() {
				for i := range buf {
					if n, err := r.Parse(buf[:i+1], i, l); err != nil || n != 0 && i < len(buf)-1 {
						b.Fatal(i, n, err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(buf)), "ns/byte")
		})
		b.Run(byteSize(size)+"/Codec", func(b *testing.B) {
			c := http1.Codec{Limits: l}
			for b.Loop() {
				for i := range buf {
					if _, n, err := c.DecodeFrom(buf[:i+1], i); err != nil || n != 0 && i < len(buf)-1 {
						b.Fatal(i, n, err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(buf)), "ns/byte")
		})
	}
}

func byteSize(n int) string {
	return map[int]string{1 << 10: "1KiB", 16 << 10: "16KiB", 256 << 10: "256KiB"}[n]
}

func BenchmarkChunked(b *testing.B) {
	body := http1.AppendChunk(nil, []byte(strings.Repeat("x", 4096)))
	body = http1.AppendChunk(body, []byte("a short one"))
	body = http1.AppendLastChunk(body)
	b.Run("Chunked", func(b *testing.B) {
		var d http1.Chunked
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			d.Reset()
			for rest := body; ; {
				_, n, err := d.Next(rest)
				if err != nil {
					b.Fatal(err)
				}
				if n == 0 {
					break
				}
				rest = rest[n:]
			}
			if !d.Done() {
				b.Fatal("not done")
			}
		}
	})
	b.Run("ChunkCodec", func(b *testing.B) {
		var c http1.ChunkCodec
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			for rest := body; len(rest) > 0; {
				_, n, err := c.Decode(rest)
				if n == 0 || err != nil {
					b.Fatal(n, err)
				}
				rest = rest[n:]
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	buf := make([]byte, 0, 512)
	value := []byte("text/html; charset=utf-8")
	run := func(name string, f func(dst []byte) []byte) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f(buf)
			}
		})
	}
	run("Status", func(dst []byte) []byte { return http1.AppendStatus(dst, 200) })
	run("Header", func(dst []byte) []byte { return http1.AppendHeader(dst, "Content-Type", value) })
	run("ContentLength", func(dst []byte) []byte { return http1.AppendContentLength(dst, 12345) })
	run("Date", http1.AppendDate)
	run("Chunk", func(dst []byte) []byte { return http1.AppendChunk(dst, value) })
	run("Response", func(dst []byte) []byte {
		dst = http1.AppendStatus(dst, 200)
		dst = http1.AppendDate(dst)
		dst = http1.AppendHeader(dst, "Content-Type", value)
		dst = http1.AppendContentLength(dst, 13)
		return append(dst, "\r\nHello, World!"...)
	})
}
