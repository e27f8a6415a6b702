//go:build unix

package main

import (
	"net/http"

	"github.com/gorilla/websocket"
)

// gorillaPeer is the echo server of gorilla's examples, without its log.
var gorillaPeer = peer{
	name:  "gorilla",
	about: "gorilla/websocket, a goroutine and two buffers per connection",
	start: startGorilla,
}

func startGorilla(s *stage) (string, error) {
	upgrader := websocket.Upgrader{} // use default options
	mux := http.NewServeMux()
	mux.HandleFunc(wsPath, func(w http.ResponseWriter, r *http.Request) {
		c, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			mt, message, err := c.ReadMessage()
			if err != nil {
				return
			}
			if err := c.WriteMessage(mt, message); err != nil {
				return
			}
		}
	})
	return serveNetHTTP(s, mux)
}
