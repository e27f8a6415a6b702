//go:build unix

package main

import (
	"net/http"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// gobwasPeer is the first example of gobwas' README, "the higher-level example of
// WebSocket echo server": UpgradeHTTP, then a goroutine that reads from the
// connection without a buffer between.
var gobwasPeer = peer{
	name:  "gobwas",
	about: "gobwas/ws with wsutil, a goroutine per connection, as in its README",
	start: startGobwas,
}

func startGobwas(s *stage) (string, error) {
	wsutil.SetMaxMessageSize(maxWSMessage)
	mux := http.NewServeMux()
	mux.HandleFunc(wsPath, func(w http.ResponseWriter, r *http.Request) {
		conn, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			for {
				msg, op, err := wsutil.ReadClientData(conn)
				if err != nil {
					return
				}
				if err := wsutil.WriteServerMessage(conn, op, msg); err != nil {
					return
				}
			}
		}()
	})
	return serveNetHTTP(s, mux)
}
