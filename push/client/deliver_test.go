package client_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
)

const (
	q0 = protocol.AtMostOnce
	q1 = protocol.AtLeastOnce
)

// msg is a MSG for an exact subscription.
func msg(topic string, offset, previous uint64, data string) *protocol.Msg {
	return &protocol.Msg{Topic: topic, Offset: offset, Previous: previous, Data: []byte(data)}
}

// wild is a MSG for filters with wildcards.
func wild(topic string, position uint64, data string) *protocol.Msg {
	m := &protocol.Msg{Topic: topic, Wildcard: true, Position: position, Data: []byte(data)}
	if position != 0 {
		m.Offset = 1
	}
	return m
}

func subscribe(t testing.TB, c *client.Client, filter string, o client.SubOptions, f func(client.Message)) *client.Subscription {
	t.Helper()
	s, err := c.Subscribe(filter, o, f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// All subscriptions are in HELLO, with where they are, and those that are made later are
// in the next.
func TestResume(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	c := open(t, client.Config{URL: f.url(), Group: g})
	var r record
	from := protocol.Cursor{Epoch: 5, Offset: 7}
	subscribe(t, c, "b", client.SubOptions{QoS: q1}, r.message)
	subscribe(t, c, "a", client.SubOptions{From: &from, OnPresence: func(client.PresenceChange) {}}, r.message)
	subscribe(t, c, "w/#", client.SubOptions{QoS: q1}, r.message)
	if _, err := c.Subscribe("a", client.SubOptions{}, r.message); !errors.Is(err, client.ErrSubscribed) {
		t.Error(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p, h := f.greet(protocol.Welcome{Session: "given"})
	checkCursors(t, h, []protocol.Subscription{
		{Filter: "a", Presence: true, Cursor: &from}, {Filter: "b", QoS: q1}, {Filter: "w/#", QoS: q1},
	})
	p.send(
		&protocol.SubOK{ID: 1, Filter: "a", Epoch: 5, Offset: 7, Recovered: true},
		&protocol.SubOK{ID: 2, Filter: "b", QoS: q1, Epoch: 6, Offset: 1, Recovered: true},
		&protocol.SubOK{ID: 3, Filter: "w/#", QoS: q1, Epoch: 9, Offset: 100, Recovered: true},
	)
	p.sync()
	subscribe(t, c, "c", client.SubOptions{}, r.message)
	if s := expect[*protocol.Sub](p); s.ID != 4 || s.Filter != "c" || s.Cursor != nil {
		t.Errorf("%+v", s)
	}
	p.send(msg("b", 2, 1, "b2"), wild("w/x", 104, "w4"), msg("a", 8, 7, "a8"))
	r.await(t, "b2", "w4", "a8")
	p.close()
	clock.until(t, time.Second/2)
	p, h = f.greet(protocol.Welcome{Session: "given"})
	if h.Session != "given" {
		t.Errorf("session %q", h.Session)
	}
	want := []protocol.Subscription{
		{Filter: "a", Presence: true, Cursor: &protocol.Cursor{Epoch: 5, Offset: 8}},
		{Filter: "b", QoS: q1, Cursor: &protocol.Cursor{Epoch: 6, Offset: 2}},
		{Filter: "c"},
		{Filter: "w/#", QoS: q1, Cursor: &protocol.Cursor{Epoch: 9, Offset: 104}},
	}
	checkCursors(t, h, want)
	if got := c.Cursors(); len(got) != 3 || got["w/#"] != *want[3].Cursor {
		t.Errorf("cursors %v", got)
	}
	p.sync()
}

func checkCursors(t *testing.T, h *protocol.Hello, want []protocol.Subscription) {
	t.Helper()
	if !slices.EqualFunc(h.Cursors, want, func(a, b protocol.Subscription) bool {
		return a.Filter == b.Filter && a.QoS == b.QoS && a.Presence == b.Presence &&
			(a.Cursor == nil) == (b.Cursor == nil) && (a.Cursor == nil || *a.Cursor == *b.Cursor)
	}) {
		t.Errorf("subscriptions %+v, not %+v", h.Cursors, want)
	}
}

// What was received is not delivered again, and what has no subscription neither.
func TestDuplicates(t *testing.T) {
	f := fake(t)
	g, _ := timed(t)
	c := start(t, client.Config{URL: f.url(), Group: g})
	p, _ := f.greet(protocol.Welcome{})
	p.sync()
	var exact, all, some record
	subscribe(t, c, "a", client.SubOptions{QoS: q1}, exact.message)
	p.send(&protocol.SubOK{ID: expect[*protocol.Sub](p).ID, Filter: "a", Epoch: 1, Offset: 10, Recovered: true})
	p.send(msg("a", 9, 8, "9"), msg("a", 10, 9, "10"), msg("a", 11, 10, "11"), msg("a", 11, 10, "11"),
		msg("a", 0, 0, "q0"), msg("a", 0, 0, "q0"), msg("other", 12, 11, "x"), msg("a", 12, 11, "12"))
	exact.await(t, "11", "q0", "q0", "12")

	subscribe(t, c, "#", client.SubOptions{QoS: q1}, all.message)
	p.send(&protocol.SubOK{ID: expect[*protocol.Sub](p).ID, Filter: "#", Epoch: 2, Offset: 50, Recovered: true})
	p.send(wild("a", 51, "51"), wild("b", 52, "52"))
	all.await(t, "51", "52")
	// Another filter takes the position of the session back. Until that is answered,
	// what comes is not for it.
	from := protocol.Cursor{Epoch: 2, Offset: 40}
	subscribe(t, c, "b", client.SubOptions{}, some.message)
	exactB := expect[*protocol.Sub](p).ID
	subscribe(t, c, "+", client.SubOptions{From: &from}, some.message)
	s := expect[*protocol.Sub](p)
	p.send(wild("b", 53, "53"), &protocol.SubOK{ID: s.ID, Filter: "+", Epoch: 2, Offset: 40, Recovered: true})
	p.send(&protocol.SubOK{ID: exactB, Filter: "b", Epoch: 3, Recovered: true})
	p.send(wild("a/b", 41, "no"), wild("a", 42, "42"), wild("b", 52, "52"), wild("b", 53, "53"), wild("b", 54, "54"), wild("$x", 55, "no"))
	p.send(wild("b", 0, "q0"))
	some.await(t, "42", "52", "53", "54", "q0")
	all.await(t, "51", "52", "53", "54", "q0")
	exact.await(t, "11", "q0", "q0", "12") // a MSG for wildcards is not for it
	p.sync()
	if n := g.Stats().Duplicates; n != 3+4 {
		t.Errorf("%d duplicates", n)
	}
}

func TestGaps(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	c := open(t, client.Config{URL: f.url(), Group: g})
	var events record
	sub := func(filter string, q protocol.QoS) {
		subscribe(t, c, filter, client.SubOptions{QoS: q, OnGap: func(g client.Gap) {
			events.add("gap in " + g.Filter + " " + cursor(g.From) + " " + cursor(g.To) + " " + string(rune('0'+g.Missed)))
		}}, events.message)
	}
	sub("q0", q0)
	sub("q1", q1)
	sub("w/+", q1)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p, _ := f.greet(protocol.Welcome{})
	p.send(
		&protocol.SubOK{ID: 1, Filter: "q0", Epoch: 1, Offset: 1, Recovered: true},
		&protocol.SubOK{ID: 2, Filter: "q1", QoS: q1, Epoch: 2, Offset: 1, Recovered: true},
		&protocol.SubOK{ID: 3, Filter: "w/+", QoS: q1, Epoch: 3, Offset: 1, Recovered: true},
		msg("q0", 2, 1, "2"), msg("q0", 5, 4, "5"), msg("q0", 0, 0, "-"), // 3 and 4 were dropped
		msg("q1", 3, 2, "3"), // 2 has expired
		&protocol.SubOK{Filter: "q1", QoS: q1, Epoch: 2, Offset: 6},
		&protocol.SubOK{Filter: "w/+", QoS: q1, Epoch: 3, Offset: 1}, // behind what it has
		wild("w/x", 2, "w2"),
		&protocol.SubOK{Filter: "w/+", QoS: q1, Epoch: 3, Offset: 1}, // others go back; perhaps it misses something as well
		&protocol.SubOK{Filter: "w/+", QoS: q1, Epoch: 3, Offset: 9},
		msg("q1", 7, 6, "7"), wild("w/x", 9, "late"), wild("w/x", 10, "w10"),
	)
	want := []string{"2", "gap in q0 1:2 1:4 2", "5", "-", "3", "gap in q1 2:3 2:6 3", "gap in w/+ 3:1 3:1 0", "w2", "gap in w/+ 3:2 3:2 0", "gap in w/+ 3:2 3:9 0", "7", "w10"}
	events.await(t, want...)
	p.close()
	clock.until(t, time.Second/2)
	p, _ = f.greet(protocol.Welcome{})
	p.send(
		&protocol.SubOK{ID: 1, Filter: "q0", Epoch: 1, Offset: 5, Recovered: true}, // as it was
		&protocol.SubOK{ID: 2, Filter: "q1", QoS: q1, Epoch: 8, Offset: 0},         // another log
		&protocol.SubOK{ID: 3, Filter: "w/+", QoS: q1, Epoch: 3, Offset: 4},        // the end of it is lost
		msg("q1", 1, 0, "1"), wild("w/x", 5, "w5"),
	)
	want = append(want, "gap in q1 2:7 8:0 0", "gap in w/+ 3:10 3:4 0", "1", "w5")
	events.await(t, want...)
	if n := g.Stats().Gaps; n != 7 {
		t.Errorf("%d gaps", n)
	}
}

func cursor(c protocol.Cursor) string {
	return string([]rune{'0' + rune(c.Epoch), ':'}) + number(c.Offset)
}

func number(n uint64) string {
	if n >= 10 {
		return number(n/10) + string(rune('0'+n%10))
	}
	return string(rune('0' + n))
}

// ACK is sent for 32 messages together, or after a second.
func TestAcks(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	c := open(t, client.Config{URL: f.url(), Group: g})
	var r record
	subscribe(t, c, "a", client.SubOptions{QoS: q1}, r.message)
	subscribe(t, c, "b", client.SubOptions{QoS: q0}, r.message)
	subscribe(t, c, "w/1", client.SubOptions{QoS: q1}, r.message)
	subscribe(t, c, "w/#", client.SubOptions{QoS: q1}, r.message)
	subscribe(t, c, "w/+", client.SubOptions{QoS: q1}, r.message)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p, _ := f.greet(protocol.Welcome{})
	for i, filter := range []string{"a", "b", "w/1", "w/#", "w/+"} {
		p.send(&protocol.SubOK{ID: uint32(i + 1), Filter: filter, QoS: q1, Epoch: 1, Recovered: true})
	}
	for i := range uint64(33) {
		p.send(msg("a", i+1, i, ""), msg("b", i+1, i, ""))
	}
	if a := expect[*protocol.Ack](p); *a != (protocol.Ack{Filter: "a", Offset: 32}) {
		t.Errorf("%+v", a)
	}
	p.send(wild("w/1", 5, ""), wild("w/1/2", 6, ""))
	p.sync()
	clock.until(t, time.Second)
	if a := expect[*protocol.Ack](p); *a != (protocol.Ack{Filter: "a", Offset: 33}) {
		t.Errorf("%+v", a)
	}
	if a := expect[*protocol.Ack](p); *a != (protocol.Ack{Offset: 6}) {
		t.Errorf("%+v", a)
	}
	// What was not told yet is told at the end.
	p.send(msg("w/1", 1, 0, ""))
	p.sync()
	go c.Close(patiently(t))
	if a := expect[*protocol.Ack](p); *a != (protocol.Ack{Filter: "w/1", Offset: 1}) {
		t.Errorf("%+v", a)
	}
	p.ended()
}

// With ManualAck nothing is acknowledged but by hand. After a reconnect the messages
// without come again, as another process would get them, but not to the callback.
func TestManualAck(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	c := open(t, client.Config{URL: f.url(), Group: g})
	got := make(chan client.Message, 10)
	s := subscribe(t, c, "a", client.SubOptions{QoS: q1, ManualAck: true}, func(m client.Message) { got <- m })
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p, _ := f.greet(protocol.Welcome{})
	p.send(&protocol.SubOK{ID: 1, Filter: "a", QoS: q1, Epoch: 1, Recovered: true}, msg("a", 1, 0, ""), msg("a", 2, 1, ""), msg("a", 3, 2, ""))
	var all []client.Message
	for range 3 {
		all = append(all, receive(t, got, "a message"))
	}
	p.sync()
	if at, ok := s.Cursor(); !ok || at != (protocol.Cursor{Epoch: 1}) {
		t.Errorf("cursor %v", at)
	}
	all[1].Ack()
	all[0].Ack() // is included
	if at, _ := s.Cursor(); at.Offset != 2 {
		t.Errorf("cursor %v", at)
	}
	clock.until(t, time.Second)
	if a := expect[*protocol.Ack](p); *a != (protocol.Ack{Filter: "a", Offset: 2}) {
		t.Errorf("%+v", a)
	}
	p.close()
	clock.until(t, time.Second/2)
	p, h := f.greet(protocol.Welcome{})
	if at := h.Cursors[0].Cursor; *at != (protocol.Cursor{Epoch: 1, Offset: 2}) {
		t.Errorf("resumes from %v", at)
	}
	p.send(&protocol.SubOK{ID: 1, Filter: "a", QoS: q1, Epoch: 1, Offset: 2, Recovered: true}, msg("a", 3, 2, ""), msg("a", 4, 3, ""))
	if m := receive(t, got, "a message"); m.Offset != 4 {
		t.Errorf("offset %d", m.Offset)
	}
	all[2].Ack()
	p.sync()
	clock.until(t, time.Second)
	if a := expect[*protocol.Ack](p); *a != (protocol.Ack{Filter: "a", Offset: 3}) {
		t.Errorf("%+v", a)
	}
}

func TestUnsubscribe(t *testing.T) {
	f := fake(t)
	g, _ := timed(t)
	c := open(t, client.Config{URL: f.url(), Group: g})
	var r record
	early := subscribe(t, c, "early", client.SubOptions{}, r.message)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p := f.accept()
	expect[*protocol.Hello](p)
	early.Unsubscribe() // the server knows of it, but cannot be told yet
	p.send(&protocol.Welcome{Session: "s"}, &protocol.SubOK{ID: 1, Filter: "early", Epoch: 1, Recovered: true})
	if u := expect[*protocol.Unsub](p); u.Filter != "early" {
		t.Errorf("%+v", u)
	}
	if err := early.Ready(t.Context()); !errors.Is(err, client.ErrUnsubscribed) {
		t.Error(err)
	}
	first := subscribe(t, c, "a", client.SubOptions{}, func(client.Message) { t.Error("a message after Unsubscribe") })
	one := expect[*protocol.Sub](p).ID
	first.Unsubscribe()
	expect[*protocol.Unsub](p)
	second := subscribe(t, c, "a", client.SubOptions{}, r.message)
	two := expect[*protocol.Sub](p).ID
	p.send(&protocol.SubOK{ID: one, Filter: "a", Epoch: 1, Recovered: true}, msg("a", 1, 0, "no"))
	p.send(&protocol.SubOK{ID: two, Filter: "a", Epoch: 1, Offset: 1, Recovered: true}, msg("a", 2, 1, "yes"))
	r.await(t, "yes")
	if err := second.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSubscriptionRefused(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	c := start(t, client.Config{URL: f.url(), Group: g})
	p, _ := f.greet(protocol.Welcome{})
	p.sync()
	refused := make(chan error, 1)
	s := subscribe(t, c, "a", client.SubOptions{OnError: func(err error) { refused <- err }}, func(client.Message) {})
	p.send(&protocol.Err{ID: expect[*protocol.Sub](p).ID, Code: protocol.CodeUnavailable, Temporary: true, RetryAfter: 3000})
	clock.until(t, 3*time.Second)
	p.send(&protocol.Err{ID: expect[*protocol.Sub](p).ID, Code: protocol.CodeForbidden, Message: "no"})
	if err := receive(t, refused, "OnError"); !isCode(err, protocol.CodeForbidden) {
		t.Error(err)
	}
	if err := s.Ready(t.Context()); !isCode(err, protocol.CodeForbidden) {
		t.Error(err)
	}
	// There may be another one now.
	subscribe(t, c, "a", client.SubOptions{}, func(client.Message) {})
	expect[*protocol.Sub](p)
}

// A callback that blocks holds up its client and no other. What panics gets its message
// again.
func TestCallbacks(t *testing.T) {
	f := fake(t)
	g := group(t, client.GroupConfig{})
	c := open(t, client.Config{URL: f.url(), Group: g})
	entered, release := make(chan string, 10), make(chan struct{})
	panicked := false
	subscribe(t, c, "a", client.SubOptions{QoS: q1}, func(m client.Message) {
		entered <- string(m.Data)
		if string(m.Data) == "2" && !panicked {
			panicked = true
			panic("test")
		}
		<-release
	})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p, _ := f.greet(protocol.Welcome{})
	p.send(&protocol.SubOK{ID: 1, Filter: "a", QoS: q1, Epoch: 1, Recovered: true}, msg("a", 1, 0, "1"), msg("a", 2, 1, "2"))
	receive(t, entered, "the first message")

	other := start(t, client.Config{URL: f.url(), Group: g})
	q, _ := f.greet(protocol.Welcome{})
	q.sync()
	if err := other.Connected(patiently(t)); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-entered:
		t.Errorf("%q while the first one is handled", m)
	default:
	}
	close(release)
	receive(t, entered, "the second message")
	p, h := f.greet(protocol.Welcome{})
	if at := h.Cursors[0].Cursor; at.Offset != 1 {
		t.Errorf("resumes from %v", at)
	}
	p.send(&protocol.SubOK{ID: 1, Filter: "a", QoS: q1, Epoch: 1, Offset: 1, Recovered: true}, msg("a", 2, 1, "2"))
	receive(t, entered, "the second message again")
	p.sync()
}

// What a filter with wildcards has lost while it was away may be behind what it had, also
// if not all of that was acknowledged.
func TestWildcardGapUnacknowledged(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	c := open(t, client.Config{URL: f.url(), Group: g})
	var events record
	s := subscribe(t, c, "w/+", client.SubOptions{QoS: q1, ManualAck: true, OnGap: func(g client.Gap) {
		events.add("gap " + cursor(g.From) + " " + cursor(g.To))
	}}, events.message)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	p, _ := f.greet(protocol.Welcome{})
	p.send(
		&protocol.SubOK{ID: 1, Filter: "w/+", QoS: q1, Epoch: 3, Offset: 1, Recovered: true},
		wild("w/x", 2, "2"), wild("w/x", 3, "3"),
	)
	events.await(t, "2", "3")
	p.close()
	clock.until(t, time.Second/2)
	p, _ = f.greet(protocol.Welcome{})
	p.send(
		&protocol.SubOK{ID: 1, Filter: "w/+", QoS: q1, Epoch: 3, Offset: 1},
		wild("w/x", 2, "2"), wild("w/x", 3, "3"), wild("w/x", 9, "9"),
	)
	events.await(t, "2", "3", "gap 3:3 3:3", "9")
	if at, _ := s.Cursor(); at.Offset != 1 {
		t.Errorf("%+v is acknowledged", at)
	}
}
