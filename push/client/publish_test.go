package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
)

type outcome struct {
	client.Receipt
	err error
}

// publish publishes with QoS 1, and returns where the outcome will be.
func publish(t testing.TB, c *client.Client, text string) <-chan outcome {
	t.Helper()
	done := make(chan outcome, 1)
	data := []byte(text)
	if err := c.PublishAsync(t.Context(), "t", data, client.PubOptions{QoS: q1}, func(r client.Receipt, err error) { done <- outcome{r, err} }); err != nil {
		t.Fatal(err)
	}
	clear(data) // it is the caller's again
	return done
}

// What was not answered is sent again on the next connection, in order, and with the
// same message ids.
func TestPublishAgain(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	c := start(t, client.Config{URL: f.url(), Group: g})
	var done []<-chan outcome
	for i := range 5 {
		done = append(done, publish(t, c, fmt.Sprint(i)))
	}
	p, _ := f.greet(protocol.Welcome{MaxFlight: 3})
	var ids []string
	var first []*protocol.Pub
	for i := range 3 {
		pub := expect[*protocol.Pub](p)
		if string(pub.Data) != fmt.Sprint(i) || pub.QoS != q1 || pub.MessageID == "" {
			t.Errorf("%+v", pub)
		}
		ids, first = append(ids, pub.MessageID), append(first, pub)
	}
	p.sync() // there are no more: three may be in flight
	p.send(&protocol.PubAck{ID: first[0].ID, Epoch: 7, Offset: 1})
	if o := receive(t, done[0], "an answer"); o.err != nil || o.Epoch != 7 || o.Offset != 1 || o.MessageID != ids[0] {
		t.Errorf("%+v", o)
	}
	if pub := expect[*protocol.Pub](p); string(pub.Data) != "3" {
		t.Errorf("%+v", pub)
	} else {
		ids = append(ids, pub.MessageID)
	}
	p.close()
	clock.until(t, time.Second/2)
	p, _ = f.greet(protocol.Welcome{})
	for i := 1; i < 5; i++ {
		pub := expect[*protocol.Pub](p)
		if string(pub.Data) != fmt.Sprint(i) || i < 4 && pub.MessageID != ids[i] {
			t.Errorf("%d: %+v, was %q", i, pub, ids[i])
		}
		p.send(&protocol.PubAck{ID: pub.ID, Epoch: 7, Offset: uint64(i + 1), Duplicate: i < 4})
		if o := receive(t, done[i], "an answer"); o.err != nil || o.Duplicate != (i < 4) {
			t.Errorf("%+v", o)
		}
	}
	if s := g.Stats(); s.Resent != 3 || s.Published != 5 {
		t.Errorf("%+v", s)
	}
}

// What the server refuses for the time being is sent again, in order, and what it
// refuses is told.
func TestPublishRefused(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	errs := make(chan error, 10)
	c := start(t, client.Config{URL: f.url(), Group: g, OnError: func(err error) { errs <- err }})
	p, _ := f.greet(protocol.Welcome{MaxMessage: 10})
	p.sync()
	a, b := publish(t, c, "a"), publish(t, c, "b")
	pubA, pubB := expect[*protocol.Pub](p), expect[*protocol.Pub](p)
	p.send(
		&protocol.Err{ID: pubB.ID, Code: protocol.CodeOverloaded, Temporary: true, RetryAfter: 2000},
		&protocol.Err{ID: pubA.ID, Code: protocol.CodeOverloaded, Temporary: true, RetryAfter: 1000},
	)
	p.sync()
	d := publish(t, c, "d") // stands in line
	p.sync()
	clock.until(t, 2500*time.Millisecond)
	again := expect[*protocol.Pub](p)
	if again.MessageID != pubA.MessageID {
		t.Errorf("%+v, not %+v", again, pubA)
	}
	p.send(&protocol.Err{ID: again.ID, Code: protocol.CodeForbidden, Message: "no"})
	if o := receive(t, a, "an answer"); !isCode(o.err, protocol.CodeForbidden) {
		t.Errorf("%+v", o)
	}
	for _, done := range []<-chan outcome{b, d} {
		p.send(&protocol.PubAck{ID: expect[*protocol.Pub](p).ID, Epoch: 1, Offset: 1})
		if o := receive(t, done, "an answer"); o.err != nil {
			t.Error(o.err)
		}
	}

	// What the server would end the connection for is not sent.
	if o := receive(t, publish(t, c, strings.Repeat("x", 11)), "an answer"); !isCode(o.err, protocol.CodeTooLarge) {
		t.Error(o.err)
	}
	if _, err := c.Publish(t.Context(), strings.Repeat("x", 256), nil, client.PubOptions{QoS: q1}); !isCode(err, protocol.CodeTopic) {
		t.Error(err)
	}
	for _, topic := range []string{"", "a/#", "\xff"} {
		for q := range protocol.QoS(2) {
			var e *client.ConfigError
			if _, err := c.Publish(t.Context(), topic, nil, client.PubOptions{QoS: q}); !errors.As(err, &e) {
				t.Errorf("%q: %v", topic, err)
			}
		}
	}

	// Nobody waits for those of QoS 0.
	if _, err := c.Publish(t.Context(), "t", nil, client.PubOptions{TTL: 1500 * time.Millisecond}); err != nil {
		t.Error(err)
	}
	pub := expect[*protocol.Pub](p)
	if pub.TTL != 2 {
		t.Errorf("%+v", pub)
	}
	p.send(&protocol.Err{ID: pub.ID, Code: protocol.CodeForbidden})
	if err := receive(t, errs, "OnError"); !isCode(err, protocol.CodeForbidden) {
		t.Error(err)
	}
}

// How much may wait is bounded, and what nobody waits for any more makes room.
func TestPublishBacklog(t *testing.T) {
	f := fake(t)
	g, _ := timed(t)
	c := start(t, client.Config{URL: f.url(), Group: g, MaxWaiting: 3, MaxWaitingBytes: 10})
	p := f.accept()
	expect[*protocol.Hello](p)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	if err := c.PublishAsync(ctx, "t", []byte("12345678901234"), client.PubOptions{QoS: q1, ID: "mine"}, func(r client.Receipt, err error) {
		if r.MessageID != "mine" {
			t.Errorf("%+v", r)
		}
		gone <- err
	}); err != nil {
		t.Fatal(err) // one may be as large as it likes
	}
	full := func() {
		t.Helper()
		if err := c.PublishAsync(t.Context(), "t", []byte("1"), client.PubOptions{QoS: q1}, nil); !errors.Is(err, client.ErrBacklog) {
			t.Error(err)
		}
	}
	full()
	cancel()
	if err := receive(t, gone, "the outcome"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for range 3 {
		publish(t, c, "1")
	}
	full()
	if n := g.Stats().Backlogged; n != 2 {
		t.Errorf("%d were refused", n)
	}
	if _, err := c.Publish(t.Context(), "t", nil, client.PubOptions{}); !errors.Is(err, client.ErrNotConnected) {
		t.Error(err)
	}

	p.send(&protocol.Welcome{Session: "s", MaxMessage: 100, MaxTopic: 255})
	var last *protocol.Pub
	for range 3 {
		last = expect[*protocol.Pub](p)
	}
	p.send(&protocol.PubAck{ID: last.ID}) // out of order
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.Publish(ctx, "t", []byte("2"), client.PubOptions{QoS: q1}); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, client.ErrBacklog) {
		t.Error(err)
	}
	cl := make(chan error)
	ctx, cancel = context.WithCancel(t.Context())
	go func() { cl <- c.Close(ctx) }()
	eventually(t, "the client closes", func() bool {
		_, err := c.Publish(t.Context(), "t", nil, client.PubOptions{})
		return errors.Is(err, client.ErrClosed)
	})
	cancel()
	if err := receive(t, cl, "Close"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestPresence(t *testing.T) {
	f := fake(t)
	g, _ := timed(t)
	c := start(t, client.Config{URL: f.url(), Group: g})
	if _, err := c.Presence(t.Context(), "t"); !errors.Is(err, client.ErrNotConnected) {
		t.Error(err)
	}
	p, _ := f.greet(protocol.Welcome{})
	p.sync()
	type answer struct {
		client.Presence
		err error
	}
	ask := func() (<-chan answer, uint32) {
		ch := make(chan answer, 1)
		go func() {
			r, err := c.Presence(t.Context(), "t")
			ch <- answer{r, err}
		}()
		q := expect[*protocol.Presence](p)
		return ch, q.ID
	}
	a, id := ask()
	b, idB := ask()
	lost, _ := ask()
	p.send(&protocol.Err{ID: idB, Code: protocol.CodeForbidden}, &protocol.Presence{ID: id, Topic: "t", Count: 2, Clients: []string{"x"}, Truncated: true})
	if r := receive(t, a, "an answer"); r.err != nil || r.Count != 2 || len(r.Clients) != 1 || !r.Truncated {
		t.Errorf("%+v", r)
	}
	if r := receive(t, b, "an answer"); !isCode(r.err, protocol.CodeForbidden) {
		t.Error(r.err)
	}
	p.close()
	if r := receive(t, lost, "an answer"); !errors.Is(r.err, client.ErrNotConnected) {
		t.Error(r.err)
	}
}
