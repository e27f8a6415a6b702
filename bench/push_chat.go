//go:build unix

package main

import (
	"encoding/binary"
	"errors"
)

// What the floor and the chat servers speak: a binary WebSocket message holds one
// chat message or several, one after the other.
//
//	uint16  length of what follows
//	uint8   length of the topic; 0: a subscription
//	        topic
//	        data; of a subscription the topic
//
// A publication goes to the subscribers of its topic as it is. A subscription is
// answered by one without data when it holds.
const chatHead = 3

var (
	errChat = errors.New("not a chat message")

	chatSubscribed = appendChat(nil, "", nil)
)

// maxChat is the size of the largest data with any topic of the benchmark.
const maxChat = 64<<10 - 256

func appendChat(dst []byte, topic string, data []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(1+len(topic)+len(data)))
	dst = append(dst, byte(len(topic)))
	dst = append(dst, topic...)
	return append(dst, data...)
}

// cutChat returns the first message of p, whole, and what is behind it.
func cutChat(p []byte) (message, rest []byte, err error) {
	if len(p) < chatHead {
		return nil, nil, errChat
	}
	n := 2 + int(binary.BigEndian.Uint16(p))
	if n > len(p) || n < chatHead+int(p[2]) {
		return nil, nil, errChat
	}
	return p[:n], p[n:], nil
}

// readChat returns the parts of a message that cutChat has returned.
func readChat(message []byte) (topic, data []byte) {
	n := int(message[2])
	return message[chatHead : chatHead+n], message[chatHead+n:]
}

// A chatClient is a connection of a chat hub.
type chatClient struct {
	send   chan []byte // closed by the hub
	topics []string
}

const (
	chatQueue     = 256 // messages that may wait for a client
	chatWriteWait = 10e9
	chatPongWait  = 60e9
	chatPing      = chatPongWait * 9 / 10
)

// A chatHub is the hub of gorilla's chat example, with a set of clients for each
// topic instead of one. It is a goroutine; a client that does not keep up, and
// whose queue is full, is dropped.
type chatHub struct {
	topics     map[string]map[*chatClient]bool
	broadcast  chan []byte
	register   chan chatSubscription
	unregister chan *chatClient
	gone       map[*chatClient]bool // dropped, and not yet unregistered
}

type chatSubscription struct {
	client *chatClient
	topic  string
}

func newChatHub() *chatHub {
	h := &chatHub{
		topics:     make(map[string]map[*chatClient]bool),
		broadcast:  make(chan []byte),
		register:   make(chan chatSubscription),
		unregister: make(chan *chatClient),
		gone:       make(map[*chatClient]bool),
	}
	go h.run()
	return h
}

func (h *chatHub) run() {
	for {
		select {
		case s := <-h.register:
			if h.gone[s.client] {
				break
			}
			set := h.topics[s.topic]
			if set == nil {
				set = make(map[*chatClient]bool)
				h.topics[s.topic] = set
			}
			set[s.client] = true
			s.client.topics = append(s.client.topics, s.topic)
			h.send(s.client, chatSubscribed)
		case c := <-h.unregister:
			if !h.gone[c] {
				h.remove(c)
			}
			delete(h.gone, c)
		case message := <-h.broadcast:
			topic, _ := readChat(message)
			for c := range h.topics[string(topic)] {
				h.send(c, message)
			}
		}
	}
}

func (h *chatHub) send(c *chatClient, message []byte) {
	select {
	case c.send <- message:
	default:
		h.remove(c)
		h.gone[c] = true
	}
}

func (h *chatHub) remove(c *chatClient) {
	close(c.send)
	for _, topic := range c.topics {
		delete(h.topics[topic], c)
		if len(h.topics[topic]) == 0 {
			delete(h.topics, topic)
		}
	}
}

// heard takes what has come from a client; p must not change afterwards.
func (h *chatHub) heard(c *chatClient, p []byte) error {
	for len(p) > 0 {
		message, rest, err := cutChat(p)
		if err != nil {
			return err
		}
		if topic, data := readChat(message); len(topic) == 0 {
			h.register <- chatSubscription{c, string(data)}
		} else {
			h.broadcast <- message
		}
		p = rest
	}
	return nil
}
