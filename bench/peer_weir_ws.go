//go:build unix

package main

import (
	"net/http"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/web"
)

// weirWSPeers are weir's WebSockets as they come: every default, pings, deadlines
// and limits included, is in force.
var weirWSPeers = []peer{
	{
		name:  "weir-ws-inline",
		about: "weir, web.WebSocket in web.Fast, callbacks on the event loop",
		start: func() (string, error) {
			ws := echoWebSocket()
			return serveWeir(&weir.Server{
				Handler: web.Fast(func(x *web.Ctx) {
					switch string(x.Path()) {
					case wsPath:
						ws.ServeFast(x)
					default:
						x.Error(http.StatusNotFound, "not found")
					}
				}),
				Config: weir.Config{Dispatch: weir.Inline},
			})
		},
	},
	{
		name:  "weir-ws",
		about: "weir, web.WebSocket in an http.ServeMux, callbacks on the worker pool",
		start: func() (string, error) {
			mux := http.NewServeMux()
			mux.Handle(wsPath, echoWebSocket())
			return serveWeir(&weir.Server{Handler: web.Handler(mux)})
		},
	},
}

func echoWebSocket() *web.WebSocket {
	return &web.WebSocket{OnMessage: func(s *web.Socket, op web.Opcode, data []byte) {
		_ = s.Write(op, data) // the load sees what is missing
	}}
}
