package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
)

// What the real server and the client make of each other.

func TestPublishSubscribe(t *testing.T) {
	eachTransport(t, func(t *testing.T, tr transport) {
		v := serve(t, push.Config{})
		c := start(t, client.Config{URL: v.url(tr), Encoding: tr.encoding})
		var exact, wild record
		for filter, r := range map[string]*record{"a/b": &exact, "a/#": &wild} {
			s, err := c.Subscribe(filter, client.SubOptions{QoS: protocol.AtLeastOnce}, r.message)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Ready(patiently(t)); err != nil {
				t.Fatal(err)
			}
		}
		ctx := patiently(t)
		if r, err := c.Publish(ctx, "a/b", []byte("one"), client.PubOptions{QoS: protocol.AtLeastOnce}); err != nil || r.Offset != 1 || r.Duplicate {
			t.Errorf("%+v, %v", r, err)
		}
		if _, err := c.Publish(ctx, "a/c", []byte("two"), client.PubOptions{}); err != nil {
			t.Error(err)
		}
		if _, err := c.Publish(ctx, "a/b", []byte("\xff\x00"), client.PubOptions{QoS: protocol.AtLeastOnce}); err != nil {
			t.Error(err)
		}
		exact.await(t, "one", "\xff\x00")
		wild.await(t, "one", "two", "\xff\x00")

		p, err := c.Presence(ctx, "a/b")
		if err != nil || p.Count != 1 {
			t.Errorf("presence %+v, %v", p, err)
		}
		if _, err := c.Publish(ctx, "$weir/x", nil, client.PubOptions{QoS: protocol.AtLeastOnce}); !isCode(err, protocol.CodeForbidden) && !isCode(err, protocol.CodeTopic) {
			t.Errorf("publishing to the server's topics: %v", err)
		}
		if _, err := c.Publish(ctx, "a", make([]byte, 65<<10), client.PubOptions{QoS: protocol.AtLeastOnce}); !isCode(err, protocol.CodeTooLarge) {
			t.Errorf("publishing too much: %v", err)
		}
	})
}

func isCode(err error, code protocol.Code) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && e.Code == code
}

// The connections are cut at random while messages are published: each arrives once, in
// order.
func TestExactlyOnce(t *testing.T) {
	eachTransport(t, func(t *testing.T, tr transport) {
		const messages = 1000
		v := serve(t, push.Config{})
		g := group(t, client.GroupConfig{})
		config := client.Config{URL: v.url(tr), Encoding: tr.encoding, Group: g, MaxWaiting: messages}
		var exact, wild record
		sub := open(t, config)
		for filter, r := range map[string]*record{"t/1": &exact, "+/1": &wild} {
			if _, err := sub.Subscribe(filter, client.SubOptions{QoS: protocol.AtLeastOnce, OnGap: func(g client.Gap) { t.Errorf("%+v", g) }}, r.message); err != nil {
				t.Fatal(err)
			}
		}
		if err := sub.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "both are subscribed", func() bool { return len(sub.Cursors()) == 2 })
		pub := start(t, config)

		stop := make(chan struct{})
		var cutting sync.WaitGroup
		cutting.Go(func() {
			for range 25 {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(rand.IntN(30)) * time.Millisecond):
					v.cut()
				}
			}
		})
		var published sync.WaitGroup
		want := make([]string, messages)
		for i := range messages {
			want[i] = strconv.Itoa(i)
			published.Add(1)
			if err := pub.PublishAsync(context.Background(), "t/1", []byte(want[i]), client.PubOptions{QoS: protocol.AtLeastOnce}, func(r client.Receipt, err error) {
				defer published.Done()
				if err != nil {
					t.Error(err)
				}
			}); err != nil {
				t.Fatal(err)
			}
			if i%10 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		published.Wait()
		close(stop)
		cutting.Wait()
		exact.await(t, want...)
		wild.await(t, want...)
		if s := g.Stats(); s.Lost == 0 {
			t.Errorf("no connection was lost: %+v", s)
		} else {
			t.Logf("%+v", s)
		}
	})
}

// A server that comes back without its log has a gap to tell of.
func TestServerForgets(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(t *testing.T, tr transport) {
		t.Parallel()
		v := serve(t, push.Config{})
		var r record
		gaps := make(chan client.Gap, 10)
		c := start(t, client.Config{URL: v.url(tr), Encoding: tr.encoding})
		s, err := c.Subscribe("t", client.SubOptions{QoS: protocol.AtLeastOnce, OnGap: func(g client.Gap) { gaps <- g }}, r.message)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Ready(patiently(t)); err != nil {
			t.Fatal(err)
		}
		publish := func(text string) {
			t.Helper()
			if _, err := c.Publish(patiently(t), "t", []byte(text), client.PubOptions{QoS: protocol.AtLeastOnce}); err != nil {
				t.Fatal(err)
			}
		}
		publish("one")
		r.await(t, "one")
		before, _ := s.Cursor()
		v.stop()
		serve(t, push.Config{}, v.tcpAt, v.webAt)
		gap := receive(t, gaps, "a gap")
		if gap.Filter != "t" || gap.From != before || gap.To.Epoch == before.Epoch || gap.Missed != 0 {
			t.Errorf("%+v, before it was at %+v", gap, before)
		}
		publish("two")
		r.await(t, "one", "two")
	})
}

// Another process goes on where the session was, and from a cursor that it was given.
func TestResumeElsewhere(t *testing.T) {
	v := serve(t, push.Config{})
	config := client.Config{URL: v.url(transports[0]), Session: "s"}
	var first record
	a := start(t, config)
	s, err := a.Subscribe("t", client.SubOptions{QoS: protocol.AtLeastOnce}, first.message)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(patiently(t)); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := a.Publish(patiently(t), "t", fmt.Append(nil, i), client.PubOptions{QoS: protocol.AtLeastOnce}); err != nil {
			t.Fatal(err)
		}
	}
	first.await(t, "0", "1", "2")
	if err := a.Close(patiently(t)); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if _, err := v.Publish(patiently(t), push.Publication{Topic: "t", QoS: protocol.AtLeastOnce, Data: fmt.Append(nil, 3+i)}); err != nil {
			t.Fatal(err)
		}
	}
	var second, third, fourth record
	b := start(t, config)
	if _, err := b.Subscribe("t", client.SubOptions{QoS: protocol.AtLeastOnce}, second.message); err != nil {
		t.Fatal(err)
	}
	second.await(t, "3", "4", "5")

	c := start(t, client.Config{URL: v.url(transports[0])})
	cursor, _ := s.Cursor()
	if _, err := c.Subscribe("t", client.SubOptions{From: &protocol.Cursor{Epoch: cursor.Epoch, Offset: 2}}, third.message); err != nil {
		t.Fatal(err)
	}
	third.await(t, "2", "3", "4", "5")
	d := start(t, client.Config{URL: v.url(transports[0])})
	if _, err := d.Subscribe("#", client.SubOptions{From: &protocol.Cursor{}}, fourth.message); err != nil {
		t.Fatal(err)
	}
	fourth.await(t, "0", "1", "2", "3", "4", "5")
}

// A filter with wildcards that begins further back does not have the others repeat.
func TestWildcardRewind(t *testing.T) {
	v := serve(t, push.Config{})
	c := start(t, client.Config{URL: v.url(transports[0])})
	var all, some record
	a, err := c.Subscribe("#", client.SubOptions{QoS: protocol.AtLeastOnce}, all.message)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Ready(patiently(t)); err != nil {
		t.Fatal(err)
	}
	publish := func(topic string) {
		t.Helper()
		if _, err := c.Publish(patiently(t), topic, []byte(topic), client.PubOptions{QoS: protocol.AtLeastOnce}); err != nil {
			t.Fatal(err)
		}
	}
	publish("a/1")
	publish("b/1")
	publish("a/2")
	all.await(t, "a/1", "b/1", "a/2")
	if _, err := c.Subscribe("a/+", client.SubOptions{From: &protocol.Cursor{}}, some.message); err != nil {
		t.Fatal(err)
	}
	some.await(t, "a/1", "a/2")
	publish("a/3")
	some.await(t, "a/1", "a/2", "a/3")
	all.await(t, "a/1", "b/1", "a/2", "a/3")
}

// Who has come and gone is told.
func TestPresenceEvents(t *testing.T) {
	t.Parallel()
	v := serve(t, push.Config{})
	changes := make(chan client.PresenceChange, 10)
	c := start(t, client.Config{URL: v.url(transports[0])})
	s, err := c.Subscribe("t", client.SubOptions{OnPresence: func(p client.PresenceChange) { changes <- p }}, func(client.Message) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(patiently(t)); err != nil {
		t.Fatal(err)
	}
	other := start(t, client.Config{URL: v.url(transports[1])})
	if _, err := other.Subscribe("t", client.SubOptions{}, func(client.Message) {}); err != nil {
		t.Fatal(err)
	}
	joined := 0
	for joined < 1 {
		p := receive(t, changes, "somebody who comes")
		joined += len(p.Joined)
	}
	if err := other.Close(patiently(t)); err != nil {
		t.Fatal(err)
	}
	for {
		if p := receive(t, changes, "somebody who goes"); len(p.Left) > 0 {
			break
		}
	}
}

// Shutdown of the server sends clients away, and they come back to the next one.
func TestServerShutdown(t *testing.T) {
	eachTransport(t, func(t *testing.T, tr transport) {
		v := serve(t, push.Config{})
		var s states
		c := start(t, client.Config{URL: v.url(tr), Encoding: tr.encoding, OnState: s.add})
		if err := c.Connected(patiently(t)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		v.Shutdown(ctx)
		eventually(t, "the client is sent away", func() bool {
			return slices.ContainsFunc(s.of(client.Waiting), func(c client.StateChange) bool { return errors.Is(c.Err, client.ErrGoAway) })
		})
		v.stop()
		serve(t, push.Config{}, v.tcpAt, v.webAt)
		c.Reconnect()
		eventually(t, "the client is back", func() bool { return len(s.of(client.Connected)) == 2 })
	})
}
