//go:build unix

package main

import (
	"net/http"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/web"
)

// weirWSPeers are weir's WebSockets as they come: every default, pings, deadlines
// and limits included, is in force. With an idle timeout they do not ping but
// wait for the client's pings, as the other peers do.
var weirWSPeers = []peer{
	{
		name:  "weir-ws-inline",
		about: "weir, web.WebSocket in web.Fast, callbacks on the event loop",
		start: func(s *stage) (string, error) {
			ws := echoWebSocket(s)
			return serveWeirWS(s, web.Fast(func(x *web.Ctx) {
				switch string(x.Path()) {
				case wsPath:
					ws.ServeFast(x)
				default:
					x.Error(http.StatusNotFound, "not found")
				}
			}), weir.Inline)
		},
	},
	{
		name:  "weir-ws",
		about: "weir, web.WebSocket in an http.ServeMux, callbacks on the worker pool",
		start: func(s *stage) (string, error) {
			mux := http.NewServeMux()
			mux.Handle(wsPath, echoWebSocket(s))
			return serveWeirWS(s, web.Handler(mux), weir.Pool)
		},
	},
}

func echoWebSocket(s *stage) *web.WebSocket {
	ws := &web.WebSocket{OnMessage: func(socket *web.Socket, op web.Opcode, data []byte) {
		s.work()
		_ = socket.Write(op, data) // the load sees what is missing
	}}
	if s.idle > 0 {
		ws.PingInterval = -1
	}
	return ws
}

func serveWeirWS(s *stage, h *web.HTTP, dispatch weir.Dispatch) (string, error) {
	srv := &weir.Server{Handler: h, Config: weir.Config{Dispatch: dispatch, IdleTimeout: s.idle}}
	s.broadcast = func(payload []byte) (int, error) {
		p, err := web.NewPrepared(web.Binary, payload)
		if err != nil {
			return 0, err
		}
		return eachWeir(srv, func(c *weir.Conn) error {
			socket, ok := web.SocketOf(c)
			if !ok {
				return weir.ErrClosed
			}
			return socket.WritePrepared(p)
		})
	}
	return serveWeir(s, srv)
}
