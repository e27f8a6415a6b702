package http1_test

import (
	"errors"
	"fmt"

	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/codec/http1"
)

func ExampleRequest() {
	var r http1.Request // keep it, for the next request
	buf := []byte("POST /items?sort=name HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\n\r\nhello")
	n, err := r.Parse(buf, 0, http1.Limits{})
	fmt.Printf("%s %s %s\n", r.Method, r.Path(), r.Query())
	fmt.Printf("%s, %s, body %q, %v\n", r.Host, r.Header("content-length"), buf[n:], err)
	// Output:
	// POST /items sort=name
	// example.org, 5, body "hello", <nil>
}

func ExampleRequest_HasToken() {
	var r http1.Request
	r.Parse([]byte("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"), 0, http1.Limits{})
	fmt.Println(r.Upgrade, r.HasToken("Upgrade", "websocket"))
	// Output: true true
}

func ExampleError() {
	var r http1.Request
	_, err := r.Parse([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 0, http1.Limits{})
	var e *http1.Error
	if errors.As(err, &e) && errors.Is(err, codec.ErrMalformed) {
		fmt.Printf("%q\n%s\n", http1.AppendStatus(nil, e.Status), e.Detail)
	}
	// Output:
	// "HTTP/1.1 400 Bad Request\r\n"
	// Content-Length and Transfer-Encoding
}

// Two requests that came together, and a part of a third.
func ExampleCodec() {
	c := http1.Codec{MaxBody: 1 << 10}
	buf := []byte("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c")
	for {
		frame, n, err := c.Decode(buf)
		if n == 0 || err != nil {
			fmt.Printf("%q is left, %v\n", buf, err)
			return
		}
		fmt.Printf("%q\n", frame)
		buf = buf[n:]
	}
	// Output:
	// "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
	// "GET /b HTTP/1.1\r\nHost: a\r\n\r\n"
	// "GET /c" is left, <nil>
}

func ExampleChunked() {
	var d http1.Chunked
	var rest []byte
	for _, received := range []string{"7\r\nhell", "o, \r\n5;a=b\r\nworl", "d\r\n0\r\nDigest: x\r\n\r\nGET /"} {
		rest = append(rest, received...)
		for {
			data, n, err := d.Next(rest)
			if n == 0 || err != nil {
				break
			}
			fmt.Printf("%s", data)
			rest = rest[n:]
		}
	}
	fmt.Printf("\n%v %s %q\n", d.Done(), d.Trailer()[0].Name, rest)
	// Output:
	// hello, world
	// true Digest "GET /"
}

func ExampleChunkCodec() {
	c := http1.ChunkCodec{}
	body := []byte("5\r\nhello\r\n0\r\nDigest: x\r\n\r\n")
	for last := false; !last; {
		frame, n, err := c.Decode(body)
		if n == 0 || err != nil {
			break
		}
		var data []byte
		data, last = http1.Chunk(frame)
		fmt.Printf("%q %v %d\n", data, last, len(http1.AppendTrailer(nil, frame)))
		body = body[n:]
	}
	// Output:
	// "hello" false 0
	// "" true 1
}

func ExampleAppendStatus() {
	body := "Hello, World!"
	buf := http1.AppendStatus(nil, 200)
	buf = http1.AppendHeader(buf, "Content-Type", "text/plain; charset=utf-8")
	buf = http1.AppendHeader(buf, "X-User", "eve\r\nSet-Cookie: admin=1")
	buf = http1.AppendContentLength(buf, int64(len(body)))
	buf = append(buf, "\r\n"...)
	buf = append(buf, body...)
	fmt.Printf("%q\n", buf)
	// Output:
	// "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nX-User: eve  Set-Cookie: admin=1\r\nContent-Length: 13\r\n\r\nHello, World!"
}

func ExampleAppendLastChunk() {
	buf := http1.AppendChunk(nil, []byte("hello"))
	buf = http1.AppendLastChunk(buf, http1.Header{Name: []byte("Digest"), Value: []byte("x")})
	fmt.Printf("%q\n", buf)
	// Output: "5\r\nhello\r\n0\r\nDigest: x\r\n\r\n"
}
