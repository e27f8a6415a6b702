package web_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkStdChunkFraming is the cost of a streamed body that is mostly framing.
func BenchmarkStdChunkFraming(b *testing.B) {
	for _, body := range []struct{ name, chunks string }{
		{"extensions", strings.Repeat("400;a="+strings.Repeat("x", 1000)+"\r\n"+strings.Repeat("y", 1024)+"\r\n", 30) + "0\r\n\r\n"},
		{"trailers", "0\r\n" + strings.Repeat("X-Trailer: "+strings.Repeat("x", 100)+"\r\n", 90) + "\r\n"},
	} {
		b.Run(body.name, func(b *testing.B) {
			addr, _ := serveStd(b, pool, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
			c := dial(b, addr)
			in := bufio.NewReader(c)
			request := []byte("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body.chunks)
			b.SetBytes(int64(len(request)))
			for b.Loop() {
				if _, err := c.Write(request); err != nil {
					b.Fatal(err)
				}
				if r, err := http.ReadResponse(in, nil); err != nil || r.StatusCode != http.StatusOK {
					b.Fatal(r, err)
				}
			}
		})
	}
}
