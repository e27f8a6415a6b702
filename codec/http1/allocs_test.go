package http1_test

import (
	"testing"

	"github.com/weir-go/weir/codec/http1"
)

func TestNoAllocations(t *testing.T) {
	var r http1.Request
	var c http1.Codec
	for _, h := range heads {
		buf := []byte(h.head)
		if _, err := r.Parse(buf, 0, http1.Limits{}); err != nil {
			t.Fatal(err)
		}
		expect(t, h.name+": Parse", func() bool {
			n, err := r.Parse(buf, 0, http1.Limits{})
			return n == len(buf) && err == nil
		})
		expect(t, h.name+": Parse of a part", func() bool {
			n, err := r.Parse(buf[:len(buf)-1], len(buf)-2, http1.Limits{})
			return n == 0 && err == nil
		})
		stream := append(buf, "and a body of 27 bytes, too"...)
		expect(t, h.name+": Decode", func() bool {
			_, n, err := c.Decode(stream)
			return n >= len(buf) && err == nil
		})
		expect(t, h.name+": FrameSize", func() bool { return c.FrameSize(buf) >= len(buf) })
		expect(t, h.name+": Header and HasToken", func() bool {
			return r.Header("Host") != nil && r.Header("X-None") == nil && !r.HasToken("Connection", "close")
		})
	}
	bad, tls := []byte("GET / HTTP/1.1\r\n\r\n"), []byte("\x16\x03\x01")
	expect(t, "a refusal", func() bool {
		_, err := r.Parse(bad, 0, http1.Limits{})
		_, _, err2 := c.Decode(tls)
		return err != nil && err2 != nil
	})

	body := []byte("5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n")
	var d http1.Chunked
	expect(t, "Chunked", func() bool {
		d.Reset()
		data, n, err := d.Next(body[:16])
		return string(data) == "hello" && n == 14 && err == nil
	})
	var chunks http1.ChunkCodec
	trailer := make([]http1.Header, 0, 4)
	expect(t, "ChunkCodec", func() bool {
		frame, n, err := chunks.Decode(body)
		data, last := http1.Chunk(frame)
		if string(data) != "hello" || last || err != nil {
			return false
		}
		frame, _, err = chunks.Decode(body[n:])
		return err == nil && len(http1.AppendTrailer(trailer, frame)) == 1
	})

	buf := make([]byte, 0, 512)
	field := http1.Header{Name: []byte("A"), Value: []byte("b")}
	http1.AppendDate(nil)
	expect(t, "a response", func() bool {
		out := http1.AppendStatus(buf, 200)
		out = http1.AppendStatus(out, 299)
		out = http1.AppendHeader(out, "Content-Type", "text/plain")
		out = http1.AppendHeader(out, "Etag", field.Value)
		out = http1.AppendContentLength(out, 12345)
		out = http1.AppendChunk(out, body)
		out = http1.AppendLastChunk(out, field)
		return len(out) > 0
	})
	// A second may begin on the way, which takes a new line of a few pieces.
	if allocs := testing.AllocsPerRun(100, func() { http1.AppendDate(buf) }); allocs > 0.9 {
		t.Errorf("AppendDate: %v allocations", allocs)
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
