package main

import (
	_ "embed"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/web"
)

//go:embed page.html
var page []byte

// endpoint is the server proper.
type endpoint struct {
	ws  *web.WebSocket
	log *slog.Logger
}

func newEndpoint(log *slog.Logger) *endpoint {
	e := &endpoint{log: log}
	e.ws = &web.WebSocket{OnMessage: e.echo, OnClose: e.explain, PingInterval: 30 * time.Second}
	return e
}

// serve is for web.Fast: a WebSocket whatever the path, and a page for browsers that
// have not got one yet.
func (e *endpoint) serve(x *web.Ctx) {
	isGet := string(x.Method) == http.MethodGet || string(x.Method) == http.MethodHead
	if isGet && string(x.Path()) == "/" && !x.HasToken("Upgrade", "websocket") {
		x.SetContentType("text/html; charset=utf-8")
		x.AddHeader("Cache-Control", "no-cache")
		x.SetBody(page)
		return
	}
	e.ws.ServeFast(x)
}

// echo sends a message back. A client that sends and does not read is not read from
// any more when too much waits for it (weir.OverflowPause), so that a write is not
// refused for lack of room.
func (e *endpoint) echo(s *web.Socket, op web.Opcode, data []byte) {
	if err := s.Write(op, data); err != nil {
		e.log.Warn("message not sent", "remote", s.RemoteAddr(), "err", err)
		s.Close(websocket.InternalError, "no room for the echo")
	}
}

// explain logs what a user may wonder about: that the client has broken the rules.
// That clients come and go is nothing to tell.
func (e *endpoint) explain(s *web.Socket, err error) {
	var broken *websocket.Error
	if errors.As(err, &broken) {
		e.log.Warn("connection closed", "remote", s.RemoteAddr(), "err", err)
	}
}
