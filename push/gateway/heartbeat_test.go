package gateway_test

import (
	"testing"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/gateway"
	"github.com/weir-go/weir/push/protocol"
)

const interval = 100 * time.Millisecond

// A client that answers pings, or sends anything else, stays for many intervals; one
// that is silent does not, and is counted.
func TestHeartbeat(t *testing.T) {
	eachTransport(t, func(t *testing.T, tr transport) {
		v := serve(t, setting{options: gateway.Options{Ping: interval}})
		dead, alive, busy := v.join(t, tr, protocol.Hello{}), v.join(t, tr, protocol.Hello{}), v.join(t, tr, protocol.Hello{})
		dead.mute, busy.other = true, true
		ended := dead.drain()
		alive.drain()
		busy.drain()
		eventually(t, "there were four pings", func() bool { return alive.pings.Load() >= 4 && busy.pings.Load() >= 4 })
		receive(t, ended)
		eventually(t, "the silent one has ended", func() bool { return v.Stats().Attached == 2 })
		if n := v.Stats().Refused[protocol.CodeTimeout]; n != 1 {
			t.Errorf("counted %d times: %v", n, v.Stats().Refused)
		}
		// It was pinged, once, before.
		if n := dead.pings.Load(); n != 1 {
			t.Errorf("the silent one got %d pings", n)
		}
	})
}

// A client may have an interval of its own, of which only it is told, and which only it
// is held to.
func TestHeartbeatOfItsOwn(t *testing.T) {
	eachTransport(t, func(t *testing.T, tr transport) {
		v := serve(t, setting{
			options: gateway.Options{Ping: time.Hour},
			push: push.Config{PingFor: func(c push.ClientInfo) time.Duration {
				if c.Session == "phone" {
					return interval
				}
				return 0
			}},
		})
		phone, desk := v.dial(t, tr), v.dial(t, tr)
		if w := phone.hello(protocol.Hello{Session: "phone"}); w.Ping != 100 {
			t.Errorf("the phone is told %d ms", w.Ping)
		}
		if w := desk.hello(protocol.Hello{Session: "desk"}); w.Ping != 3_600_000 {
			t.Errorf("the desk is told %d ms", w.Ping)
		}
		other := v.join(t, tr, protocol.Hello{})
		phone.mute = true
		receive(t, phone.drain())
		eventually(t, "it has ended", func() bool { return v.Stats().Attached == 2 })
		if s := v.Stats(); s.Refused[protocol.CodeTimeout] != 1 {
			t.Errorf("counted %v", s.Refused)
		}
		desk.converse()
		other.converse()
	})
}

// receive waits for a value.
func receive[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing comes")
		panic("not reached")
	}
}
