//go:build unix

package main

import (
	"context"
	"net/http"
	"time"

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
	var conns roster[*websocket.Conn]
	s.broadcast = func(payload []byte) (int, error) {
		return conns.each(func(c *websocket.Conn) error {
			return c.Write(context.Background(), websocket.MessageBinary, payload)
		}), nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc(wsPath, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(maxWSMessage)
		conns.add(c)
		defer conns.remove(c)
		for {
			typ, message, err := readCoder(c, s.idle)
			if err != nil {
				return
			}
			s.work()
			if err := c.Write(context.Background(), typ, message); err != nil {
				return
			}
		}
	})
	return serveNetHTTP(s, mux)
}

func readCoder(c *websocket.Conn, idle time.Duration) (websocket.MessageType, []byte, error) {
	ctx := context.Background()
	if idle > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, idle)
		defer cancel()
	}
	return c.Read(ctx)
}
