//go:build unix

package main

import (
	"net/http"

	"github.com/lxzan/gws"
)

// gwsPeer is the "best practice" of gws' README, but for what would keep it from
// being compared: ParallelEnabled, with which answers may overtake each other and
// a message costs a goroutine more, and the deadline that expects clients to ping.
var gwsPeer = peer{
	name:  "gws",
	about: "lxzan/gws, a goroutine per connection",
	start: startGWS,
}

func startGWS(s *stage) (string, error) {
	upgrader := gws.NewUpgrader(&gwsEcho{}, &gws.ServerOption{
		Recovery:          gws.Recovery,
		PermessageDeflate: gws.PermessageDeflate{Enabled: true}, // for clients that ask for it
	})
	mux := http.NewServeMux()
	mux.HandleFunc(wsPath, func(w http.ResponseWriter, r *http.Request) {
		socket, err := upgrader.Upgrade(w, r)
		if err != nil {
			return
		}
		go socket.ReadLoop()
	})
	return serveNetHTTP(s, mux)
}

type gwsEcho struct{ gws.BuiltinEventHandler }

func (*gwsEcho) OnMessage(socket *gws.Conn, message *gws.Message) {
	defer message.Close()
	_ = socket.WriteMessage(message.Opcode, message.Bytes()) // the load sees what is missing
}
