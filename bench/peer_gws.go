//go:build unix

package main

import (
	"net/http"
	"time"

	"github.com/lxzan/gws"
)

// gwsPeer is the "best practice" of gws' README, but for what would keep it from
// being compared: ParallelEnabled, with which answers may overtake each other and
// a message costs a goroutine more, and the deadline that expects clients to ping,
// unless there is an idle timeout. Broadcaster queues: a goroutine per connection
// writes.
var gwsPeer = peer{
	name:  "gws",
	about: "lxzan/gws, a goroutine per connection",
	start: startGWS,
}

func startGWS(s *stage) (string, error) {
	h := &gwsEcho{stage: s}
	s.broadcast = h.broadcast
	upgrader := gws.NewUpgrader(h, &gws.ServerOption{
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

type gwsEcho struct {
	gws.BuiltinEventHandler
	stage *stage
	conns roster[*gws.Conn]
}

func (h *gwsEcho) OnOpen(socket *gws.Conn) {
	h.conns.add(socket)
	h.expect(socket)
}

func (h *gwsEcho) OnClose(socket *gws.Conn, _ error) { h.conns.remove(socket) }

func (h *gwsEcho) expect(socket *gws.Conn) {
	if h.stage.idle > 0 {
		_ = socket.SetReadDeadline(time.Now().Add(h.stage.idle)) // the next read tells if that fails
	}
}

func (h *gwsEcho) broadcast(payload []byte) (int, error) {
	b := gws.NewBroadcaster(gws.OpcodeBinary, payload)
	defer b.Close()
	return h.conns.each(b.Broadcast), nil
}

func (h *gwsEcho) OnMessage(socket *gws.Conn, message *gws.Message) {
	defer message.Close()
	h.expect(socket)
	h.stage.work()
	_ = socket.WriteMessage(message.Opcode, message.Bytes()) // the load sees what is missing
}
