//go:build linux || darwin || freebsd || openbsd || netbsd

package main

import (
	"context"

	"github.com/cloudwego/hertz/pkg/app"
	"github.com/cloudwego/hertz/pkg/app/server"
	"github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/common/hlog"
)

// hertzPeers are hertz as its documentation has it: server.Default, with the
// recovery of panics that it includes, on netpoll, its own reactor.
var hertzPeers = []peer{{
	name:  "hertz",
	about: "hertz on netpoll, which is a reactor with a goroutine pool",
	start: startHertz,
}}

func startHertz(s *stage) (string, error) {
	ln, err := s.listen()
	if err != nil {
		return "", err
	}
	hlog.SetLevel(hlog.LevelFatal) // standard error is the benchmark's
	options := []config.Option{server.WithListener(ln)}
	if s.idle > 0 {
		options = append(options, server.WithIdleTimeout(s.idle))
	}
	h := server.Default(options...)
	h.GET("/plaintext", func(_ context.Context, c *app.RequestContext) {
		s.work()
		c.SetContentType("text/plain; charset=utf-8")
		c.SetBodyString(httpBody)
	})
	go func() { panic(h.Run()) }() // there is no end but a failure
	return ln.Addr().String(), nil
}
