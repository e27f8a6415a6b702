package gateway_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// cramped is a setting in which little fits between the server and a client.
func cramped(policy push.Policy) setting {
	return setting{
		push:   push.Config{MaxQueue: 16 << 10, Policy: func(string) push.Policy { return policy }},
		config: weir.Config{HighWatermark: 4 << 10, Socket: weir.SocketOptions{WriteBuffer: 16 << 10}},
	}
}

// subscriber joins, subscribed to "feed".
func (v *served) subscriber(t testing.TB, tr transport, qos protocol.QoS) *peer {
	c := v.dial(t, tr)
	c.hello(protocol.Hello{})
	c.subscribe("feed", qos)
	return c
}

// feed publishes numbers to "feed" as long as a condition holds, and returns how many.
func (v *served) feed(t testing.TB, qos protocol.QoS, more func(n uint32) bool) (n uint32) {
	t.Helper()
	for ; more(n); n++ {
		data := binary.BigEndian.AppendUint32(nil, n)
		data = append(data, bytes.Repeat([]byte("x"), 1000)...)
		if _, err := v.Publish(context.Background(), push.Publication{Topic: "feed", Data: data, QoS: qos}); err != nil {
			t.Fatal(err)
		}
		if n > 100_000 {
			t.Fatalf("nothing has come of %d messages: %+v", n, v.Stats())
		}
	}
	return n
}

// number takes a message of feed apart.
func (c *peer) number() uint32 {
	c.t.Helper()
	return binary.BigEndian.Uint32(expect[*protocol.Msg](c).Data)
}

// A client that does not read costs others nothing, whatever the policy.
func TestSlowReader(t *testing.T) {
	for name, policy := range map[string]push.Policy{"oldest": push.DropOldest, "latest": push.KeepLatest, "disconnect": push.Disconnect} {
		t.Run(name, func(t *testing.T) {
			eachTransport(t, func(t *testing.T, tr transport) {
				v := serve(t, cramped(policy))
				slow := v.subscriber(t, tr, protocol.AtMostOnce)
				bystander := v.join(t, tr, protocol.Hello{})
				n := v.feed(t, protocol.AtMostOnce, func(uint32) bool { return v.Stats().Dropped[name] == 0 })
				bystander.converse()
				if policy == push.Disconnect {
					slow.drainTo(protocol.CodeSlowConsumer)
					eventually(t, "it is gone", func() bool { return v.Stats().Attached == 1 })
					if refused := v.Stats().Refused; refused[protocol.CodeSlowConsumer] != 1 || len(refused) != 1 {
						t.Errorf("counted %v", refused)
					}
					return
				}
				// What comes is in order, and what comes last is the latest.
				seen, last := uint32(0), slow.number()
				for ; last != n-1; seen++ {
					next := slow.number()
					if next <= last {
						t.Fatalf("%d after %d", next, last)
					}
					last = next
				}
				if seen >= n-1 {
					t.Error("nothing was dropped")
				}
				slow.converse()
			})
		})
	}
}

// drainTo reads messages until an ERR that ends the connection.
func (c *peer) drainTo(code protocol.Code) {
	c.t.Helper()
	for n := 0; ; n++ {
		f, err := c.next()
		if err != nil {
			c.t.Fatalf("after %d messages: %v", n, err)
		}
		if e, ok := f.(*protocol.Err); ok {
			if e.Code != code || e.ID != 0 || !e.Temporary {
				c.t.Fatalf("got %+v, want code %d", e, code)
			}
			c.ended(4000 + int(code))
			return
		}
	}
}

// With QoS 1 a client that does not read for a while gets everything, from the log.
func TestSlowReaderLosesNothing(t *testing.T) {
	eachTransport(t, func(t *testing.T, tr transport) {
		s := cramped(push.Disconnect)
		// The kernel may take more than the log would keep, before anybody is behind.
		s.push.Log = msglog.NewMemory(msglog.MemoryOptions{Keep: msglog.Retention{Count: -1, Bytes: -1}})
		v := serve(t, s)
		slow := v.subscriber(t, tr, protocol.AtLeastOnce)
		bystander := v.join(t, tr, protocol.Hello{})
		n := v.feed(t, protocol.AtLeastOnce, func(n uint32) bool { return v.Stats().Behind == 0 || n < 500 })
		bystander.converse()
		for want := range n {
			if got := slow.number(); got != want {
				t.Fatalf("got %d, want %d", got, want)
			}
		}
		slow.converse()
		eventually(t, "nobody is behind", func() bool { return v.Stats().Behind == 0 })
	})
}
