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
		start: func() (string, error) { return startWeirFast(weir.Inline) },
	},
	{
		name:  "weir-fast-pool",
		about: "weir, web.Fast on the worker pool",
		start: func() (string, error) { return startWeirFast(weir.Pool) },
	},
	{
		name:  "weir-nethttp",
		about: "weir, web.Handler with the handler of net/http above, on the worker pool",
		start: func() (string, error) {
			return serveWeir(&weir.Server{Handler: web.Handler(plaintextMux())})
		},
	},
}

func startWeirFast(dispatch weir.Dispatch) (string, error) {
	return serveWeir(&weir.Server{
		Handler: web.Fast(func(x *web.Ctx) {
			switch string(x.Path()) {
			case "/plaintext":
				x.SetContentType("text/plain; charset=utf-8")
				x.WriteString(httpBody)
			default:
				x.Error(http.StatusNotFound, "not found")
			}
		}),
		Config: weir.Config{Dispatch: dispatch},
	})
}
