package push_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// flood publishes to a subscriber that is blocked, and waits until all was handed out.
func flood(t *testing.T, b *bench, topics, count, size int, qos protocol.QoS) {
	t.Helper()
	for i := range count {
		data := make([]byte, size)
		copy(data, fmt.Sprintf("%d ", i))
		if _, err := b.Publish(t.Context(), push.Publication{Topic: fmt.Sprint("t", i%topics), QoS: qos, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "everything handed out", func() bool { return b.Stats().Pending == 0 })
}

// number returns the number at the beginning of the next message.
func (c *client) number() (n int) {
	c.t.Helper()
	if _, err := fmt.Sscanf(c.message(), "%d ", &n); err != nil {
		c.t.Fatal(err)
	}
	return n
}

func TestDropOldest(t *testing.T) {
	b := start(t, push.Config{MaxQueue: 10 * (1000 + 64)})
	c := b.connect("")
	c.sub("t0", 0, nil)
	c.block(true)
	flood(t, b, 1, 25, 1000, 0)
	c.none()
	st := b.Stats()
	if st.Dropped["oldest"] != 15 {
		t.Fatalf("dropped: %v", st.Dropped)
	}
	if cs := b.Clients(1); cs[0].Dropped != 15 || cs[0].Queued == 0 {
		t.Fatalf("%+v", cs)
	}
	c.block(false)
	for i := 15; i < 25; i++ {
		if n := c.number(); n != i {
			t.Fatalf("got %d, want %d", n, i)
		}
	}
}

func TestKeepLatest(t *testing.T) {
	b := start(t, push.Config{Policy: func(string) push.Policy { return push.KeepLatest }})
	c := b.connect("")
	c.sub("t0", 0, nil)
	c.sub("t1", 0, nil)
	c.block(true)
	flood(t, b, 2, 20, 100, 0)
	c.block(false)
	if a, z := c.number(), c.number(); a != 18 || z != 19 {
		t.Fatal(a, z)
	}
	c.none()
	if n := b.Stats().Dropped["latest"]; n != 18 {
		t.Fatal(n)
	}
}

func TestDisconnectSlowConsumer(t *testing.T) {
	b := start(t, push.Config{MaxQueue: 5000, Policy: func(string) push.Policy { return push.Disconnect }})
	c, other := b.connect(""), b.connect("")
	c.sub("t0", 0, nil)
	other.sub("t0", 0, nil)
	c.block(true)
	flood(t, b, 1, 10, 1000, 0)
	if e := c.refused(protocol.CodeSlowConsumer); !e.Temporary {
		t.Fatalf("%+v", e)
	}
	if code := c.end(); code != protocol.CodeSlowConsumer {
		t.Fatal(code)
	}
	for i := range 10 {
		if n := other.number(); n != i {
			t.Fatal(n)
		}
	}
}

// What waits for longer than its TTL is not delivered.
func TestQueuedMessagesExpire(t *testing.T) {
	b := start(t, push.Config{})
	c := b.connect("")
	c.sub("t", 0, nil)
	c.block(true)
	for i, ttl := range []time.Duration{time.Millisecond, time.Hour} {
		b.Publish(t.Context(), push.Publication{Topic: "t", Data: []byte(fmt.Sprint(i)), TTL: ttl})
	}
	eventually(t, "handed out", func() bool { return b.Stats().Pending == 0 })
	time.Sleep(2 * time.Millisecond) // the TTL
	c.block(false)
	if got := c.message(); got != "1" {
		t.Fatal(got)
	}
	if n := b.Stats().Expired; n != 1 {
		t.Fatal(n)
	}
}

// A reader of QoS 1 that does not keep up costs no memory, and gets everything in the
// end; its lag is to be seen.
func TestSlowReaderPulls(t *testing.T) {
	for _, filter := range []string{"t0", "#"} {
		b := start(t, push.Config{})
		c := b.connect("")
		c.sub(filter, 1, nil)
		c.block(true)
		flood(t, b, 1, 500, 100, 1)
		if cs := b.Clients(1); cs[0].Lag != 500 || cs[0].Queued != 0 {
			t.Fatalf("%+v", cs)
		}
		c.block(false)
		for i := range 500 {
			if n := c.number(); n != i {
				t.Fatalf("got %d, want %d", n, i)
			}
		}
		c.none()
	}
}

// A subscription that has much to read does not keep the others of its session waiting.
func TestSlowReaderSharesTurns(t *testing.T) {
	for _, busy := range []string{"t0", "t0/#"} {
		b := start(t, push.Config{Log: msglog.NewMemory(msglog.MemoryOptions{Keep: msglog.Retention{Count: 10_000, Bytes: 1 << 30}})})
		c := b.connect("")
		c.sub(busy, 1, nil)
		c.sub("t1", 1, nil)
		c.block(true)
		flood(t, b, 1, 3000, 1000, 1)
		if _, err := b.Publish(t.Context(), push.Publication{Topic: "t1", QoS: 1}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is handed out", func() bool { return b.Stats().Pending == 0 })
		c.block(false)
		for i := 0; next[*protocol.Msg](c).Topic != "t1"; i++ {
			if i == 2900 {
				t.Fatalf("%s was first", busy)
			}
		}
	}
}

// A reader whom the log's retention overtakes is told so.
func TestGapIsAnnounced(t *testing.T) {
	for _, filter := range []string{"t0", "#"} {
		b := start(t, push.Config{Log: msglog.NewMemory(msglog.MemoryOptions{Keep: msglog.Retention{Count: 10}})})
		c := b.connect("")
		c.sub(filter, 1, nil)
		c.block(true)
		flood(t, b, 1, 50, 10, 1)
		c.block(false)
		// Of other topics the log may have older messages than those that are gone: so for
		// wildcards, the offset is that which was reached.
		offset := map[string]uint64{"t0": 40, "#": 0}[filter]
		if ok := next[*protocol.SubOK](c); ok.ID != 0 || ok.Recovered || ok.Filter != filter || ok.Offset != offset {
			t.Fatalf("%+v", ok)
		}
		for i := 40; i < 50; i++ {
			if n := c.number(); n != i {
				t.Fatalf("got %d, want %d", n, i)
			}
		}
		if n := b.Stats().Gaps; n != 1 {
			t.Fatal(n)
		}
	}
}

// A client that asks and does not read the answers is disconnected.
func TestUnreadAnswers(t *testing.T) {
	b := start(t, push.Config{})
	c := b.connect("")
	c.mu.Lock()
	c.sendFail = fmt.Errorf("full")
	c.mu.Unlock()
	c.write(&protocol.Ping{})
	if code := c.end(); code != protocol.CodeSlowConsumer {
		t.Fatal(code)
	}
}

// A message that the sink refuses though it is writable is sent later.
func TestSinkRefusesForAWhile(t *testing.T) {
	b := start(t, push.Config{})
	c := b.connect("")
	c.sub("t0", 1, nil)
	c.mu.Lock()
	c.sendFail = fmt.Errorf("no memory")
	c.mu.Unlock()
	flood(t, b, 1, 3, 10, 1)
	c.mu.Lock()
	c.sendFail = nil
	c.mu.Unlock()
	for i := range 3 {
		if n := c.number(); n != i {
			t.Fatal(n)
		}
	}
}

// A filter with wildcards is told when one of its topics has lost messages, though another
// has older ones still, and gets those.
func TestWildcardGap(t *testing.T) {
	b := start(t, push.Config{Log: msglog.NewMemory(msglog.MemoryOptions{Keep: msglog.Retention{Count: 10}})})
	pub, c := b.connect(""), b.connect("")
	ok := c.sub("+/x", 1, nil)
	c.cut()
	pub.pub("old/x", 1, "0")
	for i := range 20 {
		pub.pub("busy/x", 1, fmt.Sprint(i))
		pub.pub("busy/y", 1, "not matched")
	}
	c = b.connect("")
	ok = c.sub("+/x", 1, &protocol.Cursor{Epoch: ok.Epoch, Offset: ok.Offset})
	if ok.Recovered {
		t.Fatalf("%+v", ok)
	}
	if got := c.message(); got != "0" {
		t.Fatal(got)
	}
	for i := 10; i < 20; i++ {
		if got := c.message(); got != fmt.Sprint(i) {
			t.Fatalf("got %s, want %d", got, i)
		}
	}
	c.none()
	// Nothing is missing of what this one matches.
	if ok := b.connect("").sub("old/#", 1, &protocol.Cursor{Epoch: ok.Epoch, Offset: 0 + 1}); !ok.Recovered {
		t.Fatalf("%+v", ok)
	}
}
