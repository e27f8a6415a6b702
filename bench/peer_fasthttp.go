//go:build unix

package main

import (
	"net"

	"github.com/valyala/fasthttp"
)

// fasthttpPeer is as fasthttp's README has it: a switch over the path, and what
// the server does by default.
var fasthttpPeer = peer{
	name:  "fasthttp",
	about: "fasthttp, a goroutine per connection, requests and buffers reused",
	start: startFasthttp,
}

func startFasthttp() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	handler := func(ctx *fasthttp.RequestCtx) {
		switch string(ctx.Path()) {
		case "/plaintext":
			ctx.SetContentType("text/plain; charset=utf-8")
			ctx.SetBodyString(httpBody)
		default:
			ctx.Error("not found", fasthttp.StatusNotFound)
		}
	}
	go func() { panic(fasthttp.Serve(ln, handler)) }() // there is no end but a failure
	return ln.Addr().String(), nil
}
