//go:build unix

package main

import (
	"net/http"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/gateway"
	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/web"
)

// pushPeers are weir's push server as it comes: every default, admission, pings and
// deadlines included, is in force.
var pushPeers = []peer{
	{
		name:  "push",
		about: "weir/push on WebSockets, messages logged in memory",
		start: func(s *stage) (string, error) { return startPush(s, nil, pushSockets) },
	},
	{
		name:  "push-tcp",
		about: "weir/push on TCP, messages logged in memory",
		start: func(s *stage) (string, error) { return startPush(s, nil, gatewayTCP) },
	},
}

// startPush serves p with what handler makes of it.
func startPush(s *stage, log msglog.Log, handler func(p *push.Server) weir.Handler) (string, error) {
	p, err := push.New(push.Config{Log: log})
	if err != nil {
		return "", err
	}
	s.stats = func() map[string]int64 {
		n := p.Stats()
		return map[string]int64{
			"attached":  int64(n.Attached),
			"deferred":  int64(n.Deferred),
			"sent_away": int64(n.SentAway),
			"resumed":   int64(n.Resumed),
			"dropped":   int64(sumOf(n.Dropped)),
		}
	}
	srv := &weir.Server{Handler: handler(p), Config: gateway.Config(weir.Config{IdleTimeout: s.idle})}
	if s.keepAlive == 0 {
		s.keepAlive = srv.Config.Socket.KeepAlive
	}
	return serveWeir(s, srv)
}

func pushSockets(p *push.Server) weir.Handler {
	return web.Handler(http.NewServeMux()).WebSocket(wsPath, gateway.WebSocket(p, gateway.Options{}))
}

func gatewayTCP(p *push.Server) weir.Handler { return gateway.TCP(p, gateway.Options{}) }

func sumOf(counts map[string]uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}
