package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/gateway"
	"github.com/weir-go/weir/push/protocol"
)

// tokens is an Authenticator: "good" may use topics below "own".
type tokens struct{}

func (tokens) Authenticate(token string) (*push.Identity, error) {
	switch token {
	case "good":
		return &push.Identity{User: "ann", Publish: []string{"own/#"}, Subscribe: []string{"own/#"}}, nil
	case "expired":
		return nil, fmt.Errorf("test: %w", push.ErrExpired)
	case "revoked":
		return nil, fmt.Errorf("test: %w", push.ErrRevoked)
	}
	return nil, fmt.Errorf("test: no such token")
}

var good = protocol.Hello{Version: protocol.Version, Token: "good"}

// What a client must not do gets its code, is counted once, and ends the connection
// where nothing else can be done; and a bystander notices nothing.
func TestFaults(t *testing.T) {
	const maxMessage, maxFrame = 1000, 8000
	quick := setting{options: gateway.Options{HelloTimeout: 500 * time.Millisecond}}
	quickFrame := setting{config: weir.Config{FrameTimeout: 300 * time.Millisecond}}
	tests := []struct {
		name string
		setting
		code   protocol.Code
		fault  func(c *peer)
		closed int  // the close code if there is no ERR before it
		lives  bool // ERR is an answer, and the connection goes on
		tcp    bool // makes sense there
		socket bool
	}{
		{name: "a frame before HELLO", code: protocol.CodeUnexpected, tcp: true, socket: true, fault: func(c *peer) { c.send(protocol.Ping{}) }},
		{name: "PUB before HELLO", code: protocol.CodeUnexpected, tcp: true, socket: true, fault: func(c *peer) {
			c.send(protocol.Pub{ID: 1, Topic: "own/x", QoS: protocol.AtLeastOnce})
		}},
		{name: "no frame at all", code: protocol.CodeMalformed, tcp: true, socket: true, fault: func(c *peer) { c.raw([]byte("~")) }},
		{name: "an empty frame", code: protocol.CodeMalformed, tcp: true, socket: true, fault: func(c *peer) { c.raw(nil) }},
		{name: "another version", code: protocol.CodeVersion, tcp: true, socket: true, fault: func(c *peer) {
			c.send(protocol.Hello{Version: 99, Token: "good"})
		}},
		{name: "no token", code: protocol.CodeUnauthorized, tcp: true, socket: true, fault: func(c *peer) { c.send(protocol.Hello{Version: 1}) }},
		{name: "a wrong token", code: protocol.CodeUnauthorized, tcp: true, socket: true, fault: func(c *peer) {
			c.send(protocol.Hello{Version: 1, Token: "bad"})
		}},
		{name: "an expired token", code: protocol.CodeExpired, tcp: true, socket: true, fault: func(c *peer) {
			c.send(protocol.Hello{Version: 1, Token: "expired"})
		}},
		{name: "a revoked token", code: protocol.CodeRevoked, tcp: true, socket: true, fault: func(c *peer) {
			c.send(protocol.Hello{Version: 1, Token: "revoked"})
		}},
		{name: "silence instead of HELLO", setting: quick, code: protocol.CodeTimeout, tcp: true, socket: true, fault: func(c *peer) {
			if c.socket {
				c.encoding = protocol.JSON // nobody knows better
			}
		}},
		{name: "garbage after HELLO", code: protocol.CodeMalformed, tcp: true, socket: true, fault: func(c *peer) {
			c.hello(good)
			c.raw([]byte("~"))
		}},
		{name: "a second HELLO", code: protocol.CodeUnexpected, tcp: true, socket: true, fault: func(c *peer) {
			c.hello(good)
			c.send(good)
		}},
		{name: "a frame of the server's", code: protocol.CodeUnexpected, tcp: true, socket: true, fault: func(c *peer) {
			c.hello(good)
			c.send(protocol.PubAck{ID: 1, Epoch: 1, Offset: 1})
		}},

		{name: "SUB forbidden", code: protocol.CodeForbidden, lives: true, tcp: true, socket: true, fault: func(c *peer) {
			c.hello(good)
			c.send(protocol.Sub{ID: 5, Subscription: protocol.Subscription{Filter: "other/#"}})
		}},
		{name: "PUB forbidden", code: protocol.CodeForbidden, lives: true, tcp: true, socket: true, fault: func(c *peer) {
			c.hello(good)
			c.send(protocol.Pub{ID: 5, Topic: "other/x", QoS: protocol.AtLeastOnce})
		}},
		{name: "no filter", code: protocol.CodeTopic, lives: true, tcp: true, socket: true, fault: func(c *peer) {
			c.hello(good)
			c.send(protocol.Sub{ID: 5, Subscription: protocol.Subscription{Filter: "own/#/x"}})
		}},
		{name: "no topic", code: protocol.CodeTopic, lives: true, tcp: true, socket: true, fault: func(c *peer) {
			c.hello(good)
			c.send(protocol.Pub{ID: 5, Topic: "own/+", QoS: protocol.AtLeastOnce})
		}},
		{name: "one subscription too many", setting: setting{push: push.Config{MaxSubs: 1}}, code: protocol.CodeTooManySubs, lives: true, tcp: true, socket: true,
			fault: func(c *peer) {
				c.hello(good)
				c.subscribe("own/1", 0)
				c.send(protocol.Sub{ID: 5, Subscription: protocol.Subscription{Filter: "own/2"}})
			}},
		{name: "a message too large", code: protocol.CodeTooLarge, lives: true, tcp: true, socket: true, fault: func(c *peer) {
			c.hello(good)
			c.send(protocol.Pub{ID: 5, Topic: "own/x", QoS: protocol.AtLeastOnce, Data: make([]byte, maxMessage+1)})
		}},

		{name: "a frame too large", code: protocol.CodeTooLarge, tcp: true, fault: func(c *peer) {
			c.hello(good)
			c.raw(make([]byte, maxFrame+1))
		}},
		{name: "a frame too large, first", code: protocol.CodeTooLarge, tcp: true, fault: func(c *peer) { c.raw(make([]byte, maxFrame+1)) }},
		{name: "no length", code: protocol.CodeMalformed, tcp: true, fault: func(c *peer) { c.write(bytes.Repeat([]byte{0xff}, 10)) }},
		{name: "half a frame", setting: quickFrame, code: protocol.CodeTimeout, closed: -1, tcp: true, socket: true, fault: func(c *peer) {
			c.hello(good)
			b := c.wrap(make([]byte, 100))
			c.write(b[:len(b)-1])
		}},
		{name: "a message too large for the socket", code: protocol.CodeTooLarge, closed: websocket.TooBig, socket: true, fault: func(c *peer) {
			c.hello(good)
			c.raw(bytes.Repeat([]byte("x"), maxFrame+1))
		}},
		{name: "a message too large for the socket, first", code: protocol.CodeTooLarge, closed: websocket.TooBig, socket: true, fault: func(c *peer) {
			c.raw(bytes.Repeat([]byte("x"), maxFrame+1))
		}},
		{name: "no WebSocket frame", code: protocol.CodeMalformed, closed: websocket.ProtocolError, socket: true, fault: func(c *peer) {
			c.hello(good)
			c.write([]byte{0xff, 0xff, 0xff})
		}},
		{name: "a message of the other kind", code: protocol.CodeMalformed, socket: true, fault: func(c *peer) {
			c.hello(good)
			op := websocket.Text
			if c.encoding == protocol.JSON {
				op = websocket.Binary
			}
			c.write(websocket.AppendMasked(nil, op, true, false, []byte("{}")))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, tr transport) {
				if tr.socket && !test.socket || !tr.socket && !test.tcp {
					t.Skip("does not apply")
				}
				s := test.setting
				s.push.Auth, s.push.MaxMessage, s.options.MaxFrame = tokens{}, maxMessage, maxFrame
				v := serve(t, s)
				var bystanders []*peer
				for _, tr := range transports {
					b := v.join(t, tr, good)
					b.converse()
					bystanders = append(bystanders, b)
				}
				c := v.dial(t, tr)
				test.fault(c)
				switch {
				case test.lives:
					if e := expect[*protocol.Err](c); e.ID != 5 || e.Code != test.code {
						t.Errorf("got %+v, want code %d", e, test.code)
					}
					c.send(protocol.Unsub{Filter: "own/1"})
					c.converse()
				case test.closed < 0:
					io.Copy(io.Discard, c.conn) // a reset, or the end
				case test.closed > 0:
					c.ended(test.closed)
				default:
					c.refused(test.code)
				}
				eventually(t, "it is counted", func() bool { return v.Stats().Refused[test.code] > 0 })
				if !test.lives {
					eventually(t, "the session has ended", func() bool { return v.Stats().Attached == len(bystanders) })
				}
				if refused := v.Stats().Refused; len(refused) != 1 || refused[test.code] != 1 {
					t.Errorf("counted %v, want one of %d", refused, test.code)
				}
				for _, b := range bystanders {
					b.converse()
				}
			})
		})
	}
}

// A client that just goes is no fault.
func TestGone(t *testing.T) {
	eachTransport(t, func(t *testing.T, tr transport) {
		v := serve(t, setting{})
		v.dial(t, tr).conn.Close()
		c := v.join(t, tr, protocol.Hello{})
		c.subscribe("own/x", protocol.AtLeastOnce)
		c.conn.Close()
		eventually(t, "both have ended", func() bool {
			s := v.Stats()
			return s.Attached == 0 && s.Opened >= 1 && s.Subs == 0 && s.Sessions == 0
		})
		if refused := v.Stats().Refused; len(refused) != 0 {
			t.Errorf("counted %v", refused)
		}
	})
}
