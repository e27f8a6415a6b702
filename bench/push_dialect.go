//go:build unix

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// A dialect is what a load says to servers of a kind, and how it understands them,
// above WebSocket messages or what stands for them on TCP.
type dialect interface {
	// greet appends what connection i says first. A publisher subscribes to nothing.
	greet(dst []byte, l *pushLoad, i int) ([]byte, error)

	// greeted tells whether a publisher is open before the server has said anything.
	greeted() bool

	// publish appends a publication.
	publish(dst []byte, l *pushLoad, topic string, data []byte) ([]byte, error)

	// heard takes one message of the server.
	heard(l *pushLoad, i int, message []byte, now int64) error

	// decode takes a delivery apart: its topic, its offset if it has one, its data.
	decode(delivery []byte) (topic string, offset uint64, data []byte, err error)
}

// chatDialect is that of the floor and the chat servers.
type chatDialect struct{}

func (chatDialect) greet(dst []byte, l *pushLoad, i int) ([]byte, error) {
	if i == l.publisher {
		return dst, nil
	}
	return appendChat(dst, "", []byte(l.names[l.conns[i].topic])), nil
}

func (chatDialect) greeted() bool { return true }

func (chatDialect) publish(dst []byte, _ *pushLoad, topic string, data []byte) ([]byte, error) {
	return appendChat(dst, topic, data), nil
}

func (chatDialect) heard(l *pushLoad, i int, message []byte, now int64) error {
	for len(message) > 0 {
		one, rest, err := cutChat(message)
		if err != nil {
			return err
		}
		message = rest
		if one[2] != 0 {
			err = l.delivered(i, one, now)
		} else {
			l.entered(i, now)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (chatDialect) decode(delivery []byte) (topic string, offset uint64, data []byte, err error) {
	name, data := readChat(delivery)
	return string(name), 0, data, nil
}

// pushDialect is weir's, package protocol, in its binary encoding.
type pushDialect struct{ qos protocol.QoS }

func (d pushDialect) greet(dst []byte, l *pushLoad, i int) ([]byte, error) {
	h := protocol.Hello{Version: protocol.Version}
	if i != l.publisher {
		c := &l.conns[i]
		if !l.priming {
			h.Session = fmt.Sprintf("bench-%d", l.first+i)
		}
		s := protocol.Subscription{Filter: l.names[c.topic], QoS: d.qos}
		if c.epoch != 0 && d.qos == protocol.AtLeastOnce {
			s.Cursor = &protocol.Cursor{Epoch: c.epoch, Offset: c.offset}
		}
		h.Cursors = []protocol.Subscription{s}
	}
	return protocol.Append(dst, protocol.Binary, h)
}

func (pushDialect) greeted() bool { return false }

func (d pushDialect) publish(dst []byte, l *pushLoad, topic string, data []byte) ([]byte, error) {
	l.lastID++
	if d.qos == protocol.AtLeastOnce {
		l.flight++
	}
	return protocol.Append(dst, protocol.Binary, protocol.Pub{ID: l.lastID, Topic: topic, QoS: d.qos, Data: data})
}

func (d pushDialect) heard(l *pushLoad, i int, message []byte, now int64) error {
	if len(message) > 0 && message[0] == byte(protocol.TypeMsg) {
		return l.delivered(i, message, now)
	}
	f, err := protocol.Decode(protocol.Binary, message)
	if err != nil {
		return err
	}
	c := &l.conns[i]
	switch f := f.(type) {
	case *protocol.Welcome:
		if i == l.publisher {
			l.maxFlight = int(f.MaxFlight)
			l.entered(i, now)
		}
	case *protocol.SubOK:
		if c.epoch != 0 && !f.Recovered {
			l.count.Unrecovered++
		}
		if f.ID == 0 || c.epoch == 0 || !f.Recovered {
			c.offset = f.Offset
		}
		c.epoch = f.Epoch
		if f.ID != 0 {
			l.entered(i, now)
		}
	case *protocol.PubAck:
		if i == l.publisher {
			l.flight--
		}
	case *protocol.Ping:
		return l.say(i, func(dst []byte) ([]byte, error) { return protocol.Append(dst, protocol.Binary, protocol.Pong{}) })
	case *protocol.Pong:
	case *protocol.GoAway:
		return &sentAway{after: millis(float64(f.RetryAfter)), spread: millis(float64(f.Spread)), why: "GOAWAY " + f.Reason}
	case *protocol.Err:
		if f.ID == 0 && f.Temporary {
			return &sentAway{after: millis(float64(f.RetryAfter)), why: fmt.Sprintf("ERR %d %s", f.Code, f.Message)}
		}
		return fmt.Errorf("the server says ERR %d: %s", f.Code, f.Message)
	default:
		return fmt.Errorf("a frame of type %d has come", f.Type())
	}
	return nil
}

func (pushDialect) decode(delivery []byte) (topic string, offset uint64, data []byte, err error) {
	f, err := protocol.Decode(protocol.Binary, delivery)
	if err != nil {
		return "", 0, nil, err
	}
	m, ok := f.(*protocol.Msg)
	if !ok {
		return "", 0, nil, errors.New("not a message")
	}
	return m.Topic, m.Offset, m.Data, nil
}

// A sentAway is the end of a connection that the server has asked for.
type sentAway struct {
	after, spread time.Duration
	why           string
}

func (e *sentAway) Error() string { return "the server sends the client away: " + e.why }

// A framing is what is around messages on the wire.
type framing interface {
	// hello is what a connection sends before anything else, nil if nothing.
	hello() []byte
	// wrap appends a message of the client; n is how long it is.
	wrap(dst []byte, n int) []byte
	// cut returns the first message of p and what is behind it; ok is false if it
	// has not come whole. A control frame has no message, and maybe a reply.
	cut(p []byte) (message, rest, reply []byte, ok bool, err error)
}

// onWebSocket: each message is a binary message.
type onWebSocket struct{ request []byte }

func newOnWebSocket(addr string) onWebSocket {
	return onWebSocket{fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", wsPath, addr, wsKey)}
}

func (w onWebSocket) hello() []byte { return w.request }

// A masking key of zeros leaves the message as it is.
func (onWebSocket) wrap(dst []byte, n int) []byte {
	return append(appendWSHeader(dst, wsBinary, 0x80, n), 0, 0, 0, 0)
}

func (w onWebSocket) cut(p []byte) (message, rest, reply []byte, ok bool, err error) {
	if len(p) < 2 {
		return nil, p, nil, false, nil
	}
	head, n := 2, int(p[1])
	switch n {
	case 126:
		if head = 4; len(p) < head {
			return nil, p, nil, false, nil
		}
		n = int(binary.BigEndian.Uint16(p[2:]))
	case 127:
		if head = 10; len(p) < head {
			return nil, p, nil, false, nil
		}
		n = int(min(binary.BigEndian.Uint64(p[2:]), 1<<30))
	}
	if p[1] > 127 || n > maxWSMessage {
		return nil, p, nil, false, fmt.Errorf("a frame that is masked or of %d bytes", n)
	}
	if len(p)-head < n {
		return nil, p, nil, false, nil
	}
	body, rest := p[head:][:n], p[head+n:]
	switch p[0] {
	case wsBinary &^ wsFinal:
		return w.gather(p, body, rest)
	case wsBinary:
		return body, rest, nil, true, nil
	case wsPing:
		reply = append(append(appendWSHeader(nil, wsPong, 0x80, n), 0, 0, 0, 0), body...)
	case wsPong:
	case wsClose:
		if n >= 2 {
			return nil, rest, nil, false, fmt.Errorf("the server closes the WebSocket: %d %s", binary.BigEndian.Uint16(body), body[2:])
		}
		return nil, rest, nil, false, errors.New("the server closes the WebSocket")
	default:
		return nil, rest, nil, false, fmt.Errorf("a frame begins with %#x", p[0])
	}
	return nil, rest, reply, true, nil
}

// gather is cut for a message that has come in several frames, as gorilla's writer
// sends it when it is larger than its buffer.
func (w onWebSocket) gather(p, first, rest []byte) (message, _, reply []byte, ok bool, err error) {
	message = append(message, first...)
	for len(rest) > 0 {
		kind := rest[0]
		if kind&^wsFinal != 0 {
			return nil, rest, nil, false, fmt.Errorf("the next frame of a message begins with %#x", kind)
		}
		rest[0] = wsBinary // as one of its own
		body, behind, _, whole, err := w.cut(rest)
		rest[0] = kind
		if err != nil || !whole {
			return nil, p, nil, false, err
		}
		message, rest = append(message, body...), behind
		if kind == wsFinal {
			return message, rest, nil, true, nil
		}
	}
	return nil, p, nil, false, nil
}

// wsFinal is the bit of the last frame of a message.
const wsFinal = 0x80

// onTCP: before each message stands its length, as a varint.
type onTCP struct{}

func (onTCP) hello() []byte { return nil }

func (onTCP) wrap(dst []byte, n int) []byte { return binary.AppendUvarint(dst, uint64(n)) }

func (onTCP) cut(p []byte) (message, rest, reply []byte, ok bool, err error) {
	n, head := binary.Uvarint(p)
	switch {
	case head < 0 || n > maxWSMessage:
		return nil, p, nil, false, fmt.Errorf("a frame of %d bytes", n)
	case head == 0 || uint64(len(p)-head) < n:
		return nil, p, nil, false, nil
	}
	return p[head:][:n], p[head+int(n):], nil, true, nil
}
