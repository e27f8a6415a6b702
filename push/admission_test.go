package push_test

import (
	"testing"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

// Those who come all at once are spread: all get in, in their turn, and what they have
// said meanwhile is heard.
func TestAdmissionSpreads(t *testing.T) {
	b := start(t, push.Config{AcceptRate: 500, AcceptBurst: 10})
	var all []*client
	for range 100 {
		c := b.attach(protocol.Binary)
		c.write(&protocol.Hello{Version: protocol.Version})
		all = append(all, c)
	}
	for _, c := range all {
		next[*protocol.Welcome](c)
		c.write(&protocol.Ping{})
		next[*protocol.Pong](c)
		if c.mu.Lock(); c.paused {
			t.Error("not read from")
		}
		c.mu.Unlock()
	}
	if n := b.Stats().Deferred; n == 0 || n > 90 {
		t.Fatal(n)
	}
}

// Who would have to wait for too long is told when to come back.
func TestAdmissionSendsAway(t *testing.T) {
	b := start(t, push.Config{AcceptRate: 1, AcceptBurst: 1, AcceptWait: 500 * time.Millisecond})
	b.connect("")
	waiting := b.attach(protocol.Binary)
	waiting.write(&protocol.Hello{Version: protocol.Version})
	eventually(t, "one waits", func() bool { return b.Stats().Waiting == 1 })
	c := b.attach(protocol.Binary)
	c.write(&protocol.Hello{Version: protocol.Version})
	if g := next[*protocol.GoAway](c); g.RetryAfter == 0 || g.Spread == 0 {
		t.Fatalf("%+v", g)
	}
	if code := c.end(); code != protocol.CodeGoingAway {
		t.Fatal(code)
	}
	if st := b.Stats(); st.SentAway != 1 || st.Deferred != 1 {
		t.Fatalf("%+v", st)
	}
	next[*protocol.Welcome](waiting)
}
