//go:build unix

package main

import (
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// gorillaPeer is the echo server of gorilla's examples, without its log. A
// connection has one writer at a time, so who broadcasts has to lock it; what is
// broadcast is a PreparedMessage, as the documentation recommends.
var gorillaPeer = peer{
	name:  "gorilla",
	about: "gorilla/websocket, a goroutine and two buffers per connection",
	start: startGorilla,
}

func startGorilla(s *stage) (string, error) {
	upgrader := websocket.Upgrader{} // use default options
	var conns roster[*gorillaConn]
	s.broadcast = func(payload []byte) (int, error) {
		prepared, err := websocket.NewPreparedMessage(websocket.BinaryMessage, payload)
		if err != nil {
			return 0, err
		}
		return conns.each(func(c *gorillaConn) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.WritePreparedMessage(prepared)
		}), nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc(wsPath, func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		c := &gorillaConn{Conn: ws}
		conns.add(c)
		defer conns.remove(c)
		for {
			if s.idle > 0 {
				_ = c.SetReadDeadline(time.Now().Add(s.idle)) // ReadMessage tells if that fails
			}
			mt, message, err := c.ReadMessage()
			if err != nil {
				return
			}
			s.work()
			if err := c.echo(mt, message); err != nil {
				return
			}
		}
	})
	return serveNetHTTP(s, mux)
}

type gorillaConn struct {
	*websocket.Conn
	mu sync.Mutex // of the writer
}

func (c *gorillaConn) echo(mt int, message []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.WriteMessage(mt, message)
}
