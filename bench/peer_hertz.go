//go:build linux || darwin || freebsd || openbsd || netbsd

package main

import (
	"context"
	"net"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
	"github.com/cloudwego/hertz/pkg/common/hlog"
)

// hertzPeers are hertz as its documentation has it: server.Default, with the
// recovery of panics that it includes, on netpoll, its own reactor.
var hertzPeers = []peer{{
	name:  "hertz",
	about: "hertz on netpoll, which is a reactor with a goroutine pool",
	start: startHertz,
}}

func startHertz() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	hlog.SetLevel(hlog.LevelFatal) // standard error is the benchmark's
	h := server.Default(server.WithListener(ln))
	h.GET("/plaintext", func(_ context.Context, c *app.RequestContext) {
		c.SetContentType("text/plain; charset=utf-8")
		c.SetBodyString(httpBody)
	})
	go func() { panic(h.Run()) }() // there is no end but a failure
	return ln.Addr().String(), nil
}
