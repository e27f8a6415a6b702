//go:build unix

package main

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// chatGorillaPeer is the chat example of gorilla/websocket, with topics: a hub, and
// for each client a goroutine that reads, one that writes, and a queue between. As
// there, what waits in the queue leaves in one WebSocket message.
var chatGorillaPeer = peer{
	name:  "chat-gorilla",
	about: "gorilla/websocket as in its chat example: a hub, two goroutines and a queue of 256 per client",
	start: func(s *stage) (string, error) { return startChatGorilla(s, newChatHub()) },
}

func startChatGorilla(s *stage, hub *chatHub) (string, error) {
	upgrader := websocket.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}
	mux := http.NewServeMux()
	mux.HandleFunc(wsPath, func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		c := &chatGorilla{chatClient: chatClient{send: make(chan []byte, chatQueue)}, conn: conn}
		// New goroutines, so that what belongs to the request can be collected.
		go c.writePump()
		go c.readPump(hub)
	})
	return serveNetHTTP(s, mux)
}

type chatGorilla struct {
	chatClient
	conn *websocket.Conn
}

func (c *chatGorilla) readPump(hub *chatHub) {
	defer func() {
		hub.unregister <- &c.chatClient
		c.conn.Close()
	}()
	alive := func(string) error { return c.conn.SetReadDeadline(time.Now().Add(chatPongWait)) }
	c.conn.SetReadLimit(maxWSMessage)
	_ = alive("") // the next read tells if that fails
	c.conn.SetPongHandler(alive)
	for {
		_, message, err := c.conn.ReadMessage()
		if err != nil || hub.heard(&c.chatClient, message) != nil {
			return
		}
	}
}

func (c *chatGorilla) writePump() {
	ticker := time.NewTicker(chatPing)
	defer func() {
		ticker.Stop()
		c.conn.Close()
	}()
	for {
		select {
		case message, ok := <-c.send:
			_ = c.conn.SetWriteDeadline(time.Now().Add(chatWriteWait)) // the write tells if that fails
			if !ok {
				_ = c.conn.WriteMessage(websocket.CloseMessage, nil) // it is over either way
				return
			}
			w, err := c.conn.NextWriter(websocket.BinaryMessage)
			if err != nil {
				return
			}
			_, _ = w.Write(message) // Close tells if that fails
			for range len(c.send) {
				_, _ = w.Write(<-c.send)
			}
			if err := w.Close(); err != nil {
				return
			}
		case <-ticker.C:
			_ = c.conn.SetWriteDeadline(time.Now().Add(chatWriteWait))
			if err := c.conn.WriteMessage(websocket.PingMessage, nil); err != nil {
				return
			}
		}
	}
}
