//go:build unix

package main

import (
	"net/http"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/web"
)

// weirHTTPPeers are weir's two ways to serve HTTP as they come: every default,
// deadlines and limits included, is in force.
var weirHTTPPeers = []peer{
	{
		name:  "weir-fast",
		about: "weir, web.Fast on the event loop",
		start: func(s *stage) (string, error) { return startWeirFast(s, weir.Inline) },
	},
	{
		name:  "weir-fast-pool",
		about: "weir, web.Fast on the worker pool",
		start: func(s *stage) (string, error) { return startWeirFast(s, weir.Pool) },
	},
	{
		name:  "weir-nethttp",
		about: "weir, web.Handler with the handler of net/http above, on the worker pool",
		start: func(s *stage) (string, error) {
			return serveWeirHTTP(s, web.Handler(plaintextMux(s)), weir.Pool)
		},
	},
}

func startWeirFast(s *stage, dispatch weir.Dispatch) (string, error) {
	return serveWeirHTTP(s, web.Fast(func(x *web.Ctx) {
		switch string(x.Path()) {
		case "/plaintext":
			s.work()
			x.SetContentType("text/plain; charset=utf-8")
			x.WriteString(httpBody)
		default:
			x.Error(http.StatusNotFound, "not found")
		}
	}), dispatch)
}

func serveWeirHTTP(s *stage, h *web.HTTP, dispatch weir.Dispatch) (string, error) {
	h.Limits.IdleTimeout = s.idle
	return serveWeir(s, &weir.Server{Handler: h, Config: weir.Config{Dispatch: dispatch}})
}
