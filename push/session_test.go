package push_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

func TestPublishSubscribe(t *testing.T) {
	for _, e := range []protocol.Encoding{protocol.Binary, protocol.JSON} {
		for qos := range protocol.QoS(2) {
			t.Run(fmt.Sprint(e, " qos ", qos), func(t *testing.T) {
				b := start(t, push.Config{})
				sub, wild, pub := b.attach(e), b.attach(e), b.attach(e)
				for _, c := range []*client{sub, wild, pub} {
					c.hello("")
				}
				sub.sub("a/b", qos, nil)
				wild.sub("a/#", qos, nil)
				for i := range 10 {
					pub.pub("a/b", qos, fmt.Sprint("message ", i))
				}
				for i := range 10 {
					for _, c := range []*client{sub, wild} {
						m := next[*protocol.Msg](c)
						want := protocol.Msg{Topic: "a/b", Wildcard: c == wild, Data: []byte(fmt.Sprint("message ", i))}
						if qos == protocol.AtLeastOnce {
							want.Offset, want.Previous = uint64(i+1), uint64(i)
							if c == wild {
								want.Position = m.Position
							}
						}
						if fmt.Sprint(*m) != fmt.Sprint(want) || (m.Position != 0) != (want.Wildcard && qos == 1) {
							t.Fatalf("got %+v, want %+v", *m, want)
						}
					}
				}
			})
		}
	}
}

func TestOtherTopicsAreNotDelivered(t *testing.T) {
	b := start(t, push.Config{})
	c := b.connect("")
	c.sub("a", 0, nil)
	c.sub("b/+", 1, nil)
	c.write(&protocol.Unsub{Filter: "a"})
	c.write(&protocol.Unsub{Filter: "nothing"})
	for _, topic := range []string{"a", "c", "b", "b/c/d"} {
		c.pub(topic, 1, "x")
	}
	c.pub("b/c", 0, "end")
	if got := c.message(); got != "end" {
		t.Fatal(got)
	}
	c.none()
}

func TestResume(t *testing.T) {
	for _, filter := range []string{"t/1", "t/#"} {
		t.Run(filter, func(t *testing.T) {
			b := start(t, push.Config{})
			pub, c := b.connect(""), b.connect("")
			ok := c.sub(filter, 1, nil)
			pub.pub("t/1", 1, "0")
			m := next[*protocol.Msg](c)
			c.cut()
			for i := range 600 { // several batches
				pub.pub("t/1", 1, fmt.Sprint(i+1))
			}
			cursor := &protocol.Cursor{Epoch: ok.Epoch, Offset: m.Offset}
			if m.Wildcard {
				cursor.Offset = m.Position
			}
			c = b.connect("", protocol.Subscription{Filter: filter, QoS: 1, Cursor: cursor})
			if ok := next[*protocol.SubOK](c); !ok.Recovered || ok.ID != 1 || ok.Offset != cursor.Offset {
				t.Fatalf("got %+v", ok)
			}
			pub.pub("t/1", 1, "601")
			for i := range 601 {
				if got := c.message(); got != fmt.Sprint(i+1) {
					t.Fatalf("got %s, want %d", got, i+1)
				}
			}
			c.none()
			eventually(t, "nobody behind", func() bool { return b.Stats().Behind == 0 })
		})
	}
}

func TestResumeFromTheBeginning(t *testing.T) {
	b := start(t, push.Config{})
	pub := b.connect("")
	for i := range 3 {
		pub.pub("t", 1, fmt.Sprint(i))
	}
	for _, filter := range []string{"t", "#"} {
		c := b.connect("")
		if ok := c.sub(filter, 0, &protocol.Cursor{}); !ok.Recovered {
			t.Fatalf("got %+v", ok)
		}
		for i := range 3 {
			if got := c.message(); got != fmt.Sprint(i) {
				t.Fatalf("got %s, want %d", got, i)
			}
		}
	}
}

// What the log no longer has is said, and what it has is delivered.
func TestNotRecovered(t *testing.T) {
	b := start(t, push.Config{})
	pub := b.connect("")
	pub.pub("t", 1, "0")
	for _, filter := range []string{"t", "#"} {
		c := b.connect("")
		ok := c.sub(filter, 1, &protocol.Cursor{Epoch: 12345, Offset: 1})
		if ok.Recovered || ok.Offset != 0 {
			t.Fatalf("got %+v", ok)
		}
		if got := c.message(); got != "0" {
			t.Fatal(got)
		}
	}
	if n := b.Stats().Lost; n != 2 {
		t.Fatal(n)
	}
}

// A session goes on behind what it has acknowledged.
func TestSessionCursor(t *testing.T) {
	for _, filter := range []string{"t", "+"} {
		t.Run(filter, func(t *testing.T) {
			b := start(t, push.Config{})
			pub, c := b.connect(""), b.connect("mine")
			c.sub(filter, 1, nil)
			for i := range 5 {
				pub.pub("t", 1, fmt.Sprint(i))
			}
			for i := range 5 {
				m := next[*protocol.Msg](c)
				if i == 2 {
					if m.Wildcard {
						c.write(&protocol.Ack{Offset: m.Position})
					} else {
						c.write(&protocol.Ack{Filter: "t", Offset: m.Offset})
					}
				}
			}
			c.cut()
			c = b.connect("mine")
			if ok := c.sub(filter, 1, nil); !ok.Recovered {
				t.Fatalf("got %+v", ok)
			}
			for i := 3; i < 5; i++ {
				if got := c.message(); got != fmt.Sprint(i) {
					t.Fatalf("got %s, want %d", got, i)
				}
			}
			c.none()
		})
	}
}

func TestTakeOver(t *testing.T) {
	b := start(t, push.Config{})
	first := b.connect("mine")
	second := b.connect("mine")
	first.refused(protocol.CodeTakenOver)
	if code := first.end(); code != protocol.CodeTakenOver {
		t.Fatal(code)
	}
	second.sub("t", 0, nil)
	second.pub("t", 0, "x")
	if got := second.message(); got != "x" {
		t.Fatal(got)
	}
}

func TestDuplicatePublications(t *testing.T) {
	b := start(t, push.Config{})
	sub := b.connect("")
	sub.sub("t", 1, nil)
	for i := range 3 {
		c := b.connect("publisher")
		c.write(&protocol.Pub{ID: 1, Topic: "t", QoS: 1, MessageID: "m1", Data: []byte("once")})
		if ack := next[*protocol.PubAck](c); ack.Duplicate != (i > 0) || ack.Offset != 1 {
			t.Fatalf("got %+v", ack)
		}
		c.cut()
	}
	if got := sub.message(); got != "once" {
		t.Fatal(got)
	}
	sub.none()
}

func TestBadFrames(t *testing.T) {
	hello := &protocol.Hello{Version: protocol.Version}
	for name, x := range map[string]struct {
		frames []protocol.Frame
		code   protocol.Code
	}{
		"no hello":       {[]protocol.Frame{&protocol.Ping{}}, protocol.CodeUnexpected},
		"two hellos":     {[]protocol.Frame{hello, hello}, protocol.CodeUnexpected},
		"version":        {[]protocol.Frame{&protocol.Hello{Version: 99}}, protocol.CodeVersion},
		"server's frame": {[]protocol.Frame{hello, &protocol.GoAway{}}, protocol.CodeUnexpected},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, push.Config{})
			bystander := b.connect("")
			c := b.attach(protocol.JSON)
			for _, f := range x.frames {
				c.write(f)
			}
			f := c.frame()
			if _, ok := f.(*protocol.Welcome); ok {
				f = c.frame()
			}
			if e, ok := f.(*protocol.Err); !ok || e.Code != x.code || e.ID != 0 {
				t.Fatalf("got %#v", f)
			}
			if code := c.end(); code != x.code {
				t.Fatal(code)
			}
			if b.Stats().Refused[x.code] != 1 {
				t.Fatalf("counted: %v", b.Stats().Refused)
			}
			bystander.write(&protocol.Ping{})
			next[*protocol.Pong](bystander)
		})
	}
	t.Run("malformed", func(t *testing.T) {
		b := start(t, push.Config{})
		for _, e := range []protocol.Encoding{protocol.Binary, protocol.JSON} {
			c := b.attach(e)
			c.hello("")
			c.writeBytes([]byte{0xff, 0xff})
			c.refused(protocol.CodeMalformed)
			c.end()
		}
	})
}

// What is refused without ending the session.
func TestRefusals(t *testing.T) {
	b := start(t, push.Config{MaxMessage: 10, MaxSubs: 2, MaxTopic: 10})
	c := b.connect("")
	sub := func(filter string, qos protocol.QoS) protocol.Frame {
		return &protocol.Sub{ID: 3, Subscription: protocol.Subscription{Filter: filter, QoS: qos}}
	}
	pub := func(topic, data string) protocol.Frame {
		return &protocol.Pub{ID: 3, Topic: topic, QoS: 1, Data: []byte(data)}
	}
	for name, x := range map[string]struct {
		frame protocol.Frame
		code  protocol.Code
	}{
		"filter":         {sub("a/#/b", 0), protocol.CodeTopic},
		"long filter":    {sub("aaaaaaaaaaaaa", 0), protocol.CodeTopic},
		"topic":          {pub("a/+", ""), protocol.CodeTopic},
		"server's topic": {pub("$weir/x", ""), protocol.CodeForbidden},
		"too large":      {pub("a", "12345678901"), protocol.CodeTooLarge},
		"presence":       {&protocol.Presence{ID: 3, Topic: "#"}, protocol.CodeTopic},
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			before := b.Stats().Refused[x.code]
			c.write(x.frame)
			if e := c.refused(x.code); e.ID != 3 || e.Temporary || e.Message == "" {
				t.Fatalf("got %+v", e)
			}
			if n := b.Stats().Refused[x.code]; n != before+1 {
				t.Fatal(n)
			}
		})
	}
	c.t = t
	c.sub("a", 0, nil)
	c.sub("+/b", 0, nil)
	c.sub("a", 1, nil) // not one more
	c.write(sub("c", 0))
	c.refused(protocol.CodeTooManySubs)
}

func TestHelloTimeout(t *testing.T) {
	b := start(t, push.Config{HelloTimeout: 20 * time.Millisecond})
	c := b.attach(protocol.Binary)
	c.refused(protocol.CodeTimeout)
	if code := c.end(); code != protocol.CodeTimeout {
		t.Fatal(code)
	}
}

func TestPing(t *testing.T) {
	b := start(t, push.Config{Ping: 40 * time.Second, PingFor: func(c push.ClientInfo) time.Duration {
		if c.Session == "phone" {
			return 5 * time.Minute
		}
		return 0
	}})
	c := b.attach(protocol.JSON)
	if w := c.hello("phone"); w.Ping != 300_000 || c.ping != 5*time.Minute {
		t.Fatalf("%+v, %v", w, c.ping)
	}
	c = b.attach(protocol.JSON)
	if w := c.hello("other"); w.Ping != 40_000 || c.ping != 0 {
		t.Fatalf("%+v, %v", w, c.ping)
	}
	c.write(&protocol.Ping{})
	next[*protocol.Pong](c)
	c.Do(c.session.Silent)
	next[*protocol.Ping](c)
}

func TestDisconnect(t *testing.T) {
	b := start(t, push.Config{})
	c, other := b.connect("one"), b.connect("two")
	if n := b.Disconnect("", "one", protocol.CodeDisconnected); n != 1 {
		t.Fatal(n)
	}
	c.refused(protocol.CodeDisconnected)
	c.end()
	other.write(&protocol.Ping{})
	next[*protocol.Pong](other)
}

func TestShutdown(t *testing.T) {
	b := start(t, push.Config{})
	var all []*client
	for range 200 {
		all = append(all, b.connect(""))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := b.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if g := next[*protocol.GoAway](c); g.RetryAfter == 0 || g.Spread == 0 {
			t.Fatalf("got %+v", g)
		}
		if code := c.end(); code != protocol.CodeGoingAway {
			t.Fatal(code)
		}
	}
	if _, err := b.Publish(t.Context(), push.Publication{Topic: "t"}); err == nil {
		t.Fatal("published after Shutdown")
	}
}
