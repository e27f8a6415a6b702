//go:build unix

package main

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

// coderPeer is as coder's README has it: Accept, then reads and writes of whole
// messages with a context that is not the request's. Compression is off by
// default. The limit of a message is raised from 32 KiB.
var coderPeer = peer{
	name:  "coder",
	about: "coder/websocket, a goroutine per connection",
	start: startCoder,
}

func startCoder(s *stage) (string, error) {
	mux := http.NewServeMux()
	mux.HandleFunc(wsPath, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(maxWSMessage)
		ctx := context.Background()
		for {
			typ, message, err := c.Read(ctx)
			if err != nil {
				return
			}
			if err := c.Write(ctx, typ, message); err != nil {
				return
			}
		}
	})
	return serveNetHTTP(s, mux)
}
