//go:build unix

package main

import (
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// gobwasPeer is the first example of gobwas' README, "the higher-level example of
// WebSocket echo server": UpgradeHTTP, then a goroutine that reads from the
// connection without a buffer between. A frame is two writes, so who broadcasts
// has to lock the connection; what is broadcast is a frame compiled once.
var gobwasPeer = peer{
	name:  "gobwas",
	about: "gobwas/ws with wsutil, a goroutine per connection, as in its README",
	start: startGobwas,
}

func startGobwas(s *stage) (string, error) {
	wsutil.SetMaxMessageSize(maxWSMessage)
	var conns roster[*gobwasConn]
	s.broadcast = func(payload []byte) (int, error) {
		frame, err := ws.CompileFrame(ws.NewBinaryFrame(payload))
		if err != nil {
			return 0, err
		}
		return conns.each(func(c *gobwasConn) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			_, err := c.Write(frame)
			return err
		}), nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc(wsPath, func(w http.ResponseWriter, r *http.Request) {
		conn, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			c := &gobwasConn{Conn: conn}
			conns.add(c)
			defer conns.remove(c)
			for {
				if s.idle > 0 {
					_ = conn.SetReadDeadline(time.Now().Add(s.idle)) // ReadClientData tells if that fails
				}
				msg, op, err := wsutil.ReadClientData(conn)
				if err != nil {
					return
				}
				s.work()
				if err := c.echo(op, msg); err != nil {
					return
				}
			}
		}()
	})
	return serveNetHTTP(s, mux)
}

type gobwasConn struct {
	net.Conn
	mu sync.Mutex // of the writer
}

func (c *gobwasConn) echo(op ws.OpCode, msg []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return wsutil.WriteServerMessage(c, op, msg)
}
