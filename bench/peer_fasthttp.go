//go:build unix

package main

import "github.com/valyala/fasthttp"

// fasthttpPeer is as fasthttp's README has it: a switch over the path, and what
// the server does by default.
var fasthttpPeer = peer{
	name:  "fasthttp",
	about: "fasthttp, a goroutine per connection, requests and buffers reused",
	start: startFasthttp,
}

func startFasthttp(s *stage) (string, error) {
	ln, err := s.listen()
	if err != nil {
		return "", err
	}
	handler := func(ctx *fasthttp.RequestCtx) {
		switch string(ctx.Path()) {
		case "/plaintext":
			s.work()
			ctx.SetContentType("text/plain; charset=utf-8")
			ctx.SetBodyString(httpBody)
		default:
			ctx.Error("not found", fasthttp.StatusNotFound)
		}
	}
	srv := &fasthttp.Server{Handler: handler, IdleTimeout: s.idle}
	go func() { panic(srv.Serve(ln)) }() // there is no end but a failure
	return ln.Addr().String(), nil
}
