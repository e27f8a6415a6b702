//go:build unix

package main

import (
	"net/http"
	"slices"
	"time"

	"github.com/lxzan/gws"
)

// chatGWSPeer is the same design over gws: its read loop instead of readPump.
var chatGWSPeer = peer{
	name:  "chat-gws",
	about: "lxzan/gws, the same design: a hub, two goroutines and a queue of 256 per client",
	start: startChatGWS,
}

func startChatGWS(s *stage) (string, error) {
	hub := newChatHub()
	upgrader := gws.NewUpgrader(&chatGWS{hub: hub}, &gws.ServerOption{
		Recovery:            gws.Recovery,
		ReadMaxPayloadSize:  maxWSMessage,
		ReadBufferSize:      1024,
		WriteMaxPayloadSize: maxWSMessage,
	})
	mux := http.NewServeMux()
	mux.HandleFunc(wsPath, func(w http.ResponseWriter, r *http.Request) {
		socket, err := upgrader.Upgrade(w, r)
		if err != nil {
			return
		}
		c := &chatClient{send: make(chan []byte, chatQueue)}
		socket.Session().Store(chatKey, c)
		go chatWritePump(socket, c)
		go socket.ReadLoop()
	})
	return serveNetHTTP(s, mux)
}

type chatGWS struct {
	gws.BuiltinEventHandler
	hub *chatHub
}

// chatKey is where the session of a socket has its client.
const chatKey = "client"

func clientOf(socket *gws.Conn) *chatClient {
	c, _ := socket.Session().Load(chatKey)
	return c.(*chatClient)
}

func (h *chatGWS) OnOpen(socket *gws.Conn) {
	_ = socket.SetReadDeadline(time.Now().Add(chatPongWait)) // the next read tells if that fails
}

func (h *chatGWS) OnPong(socket *gws.Conn, _ []byte) { h.OnOpen(socket) }

func (h *chatGWS) OnClose(socket *gws.Conn, _ error) { h.hub.unregister <- clientOf(socket) }

func (h *chatGWS) OnMessage(socket *gws.Conn, message *gws.Message) {
	defer message.Close() // which takes its bytes back
	if err := h.hub.heard(clientOf(socket), slices.Clone(message.Bytes())); err != nil {
		_ = socket.NetConn().Close() // ReadLoop sees it
	}
}

func chatWritePump(socket *gws.Conn, c *chatClient) {
	ticker := time.NewTicker(chatPing)
	defer func() {
		ticker.Stop()
		_ = socket.NetConn().Close() // it may be closed already
	}()
	var messages [][]byte
	for {
		select {
		case message, ok := <-c.send:
			_ = socket.SetWriteDeadline(time.Now().Add(chatWriteWait)) // the write tells if that fails
			if !ok {
				_ = socket.WriteClose(1000, nil) // it is over either way
				return
			}
			messages = append(messages[:0], message)
			for range len(c.send) {
				messages = append(messages, <-c.send)
			}
			if err := socket.Writev(gws.OpcodeBinary, messages...); err != nil {
				return
			}
		case <-ticker.C:
			_ = socket.SetWriteDeadline(time.Now().Add(chatWriteWait))
			if err := socket.WritePing(nil); err != nil {
				return
			}
		}
	}
}
