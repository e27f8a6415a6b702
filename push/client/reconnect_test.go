package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
)

// waited returns the times that a client has waited.
func (s *states) waited() (d []time.Duration) {
	for _, c := range s.of(client.Waiting) {
		d = append(d, c.Retry)
	}
	return d
}

func TestBackoff(t *testing.T) {
	clock := newClock()
	var dials atomic.Int32
	refusal := errors.New("refused")
	g := group(t, client.GroupConfig{Clock: clock, Random: half, Dial: func(context.Context, string, string) (net.Conn, error) {
		dials.Add(1)
		return nil, refusal
	}})
	var s states
	c := start(t, client.Config{URL: "tcp://127.0.0.1:1", Group: g, OnState: s.add, InitialJitter: 4 * time.Second})
	if dials.Load() != 0 {
		t.Error("dialled before its time")
	}
	clock.until(t, 2*time.Second)
	var want []time.Duration
	for i, d := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} {
		eventually(t, "it was dialled", func() bool { return int(dials.Load()) == i+1 })
		d = d * time.Second / 2
		want = append(want, d)
		clock.until(t, d)
	}
	eventually(t, "it has waited", func() bool { return slices.Equal(s.waited()[:len(want)], want) })
	for _, change := range s.of(client.Waiting) {
		if !errors.Is(change.Err, refusal) {
			t.Errorf("waiting because of %v", change.Err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := c.Connected(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Connected: %v", err)
	}
}

// A connection that has held for long has the waiting begin anew, and one that has not
// does not.
func TestBackoffResets(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	var s states
	start(t, client.Config{URL: f.url(), Group: g, OnState: s.add})
	second := time.Second
	for _, x := range []struct{ held, wait time.Duration }{
		{0, second / 2}, {29 * second, second}, {0, 2 * second}, {30 * second, second / 2}, {0, second},
	} {
		p, _ := f.greet(protocol.Welcome{})
		p.sync()
		clock.advance(x.held)
		p.close()
		clock.until(t, x.wait)
	}
}

func TestGoAway(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	var s states
	c := start(t, client.Config{URL: f.url(), Group: g, OnState: s.add})
	p, _ := f.greet(protocol.Welcome{})
	p.sync()
	p.send(&protocol.GoAway{RetryAfter: 3000, Spread: 10_000, Reason: "update"})
	p.sync()
	if _, err := c.Publish(t.Context(), "t", nil, client.PubOptions{}); !errors.Is(err, client.ErrNotConnected) {
		t.Errorf("Publish: %v", err)
	}
	p.close()
	clock.until(t, 8*time.Second)
	// Another one before WELCOME, on a connection that the server does not close.
	p = f.accept()
	expect[*protocol.Hello](p)
	p.send(&protocol.GoAway{RetryAfter: 1000})
	clock.until(t, 10*time.Second)
	p.ended()
	clock.until(t, time.Second)
	p, _ = f.greet(protocol.Welcome{})
	p.close()
	clock.until(t, time.Second/2) // GOAWAY is no failure
	for _, change := range s.of(client.Waiting)[:2] {
		if !errors.Is(change.Err, client.ErrGoAway) {
			t.Error(change.Err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	start(t, client.Config{URL: f.url(), Group: g})
	p := f.accept()
	expect[*protocol.Hello](p)
	p.send(&protocol.Err{Code: protocol.CodeOverloaded, Temporary: true, RetryAfter: 7000})
	p.close()
	clock.until(t, 7500*time.Millisecond)
	f.greet(protocol.Welcome{})
}

// A client that the operator has disconnected stops, whatever its token.
func TestDisconnected(t *testing.T) {
	f := fake(t)
	g, _ := timed(t)
	var tokens atomic.Int32
	c := start(t, client.Config{URL: f.url(), Group: g, Token: func(context.Context) (string, error) {
		return fmt.Sprint(tokens.Add(1)), nil
	}})
	p := f.accept()
	expect[*protocol.Hello](p)
	p.send(&protocol.Err{Code: protocol.CodeDisconnected})
	p.close()
	eventually(t, "it stops", func() bool { return c.State() == client.Stopped })
	if n := tokens.Load(); n != 1 {
		t.Errorf("asked %d times for a token", n)
	}
}

// A client that is refused stops, unless there is another token for it.
func TestRefused(t *testing.T) {
	for _, code := range []protocol.Code{
		protocol.CodeUnauthorized, protocol.CodeExpired, protocol.CodeRevoked,
	} {
		for _, welcomed := range []bool{false, true} {
			f := fake(t)
			g, clock := timed(t)
			var s states
			token, asked := "first", atomic.Int32{}
			c := start(t, client.Config{URL: f.url(), Group: g, OnState: s.add, Token: func(context.Context) (string, error) {
				if asked.Add(1) == 2 {
					token = "second"
				}
				return token, nil
			}})
			waiting := make(chan error, 1)
			if err := c.PublishAsync(context.Background(), "t", nil, client.PubOptions{QoS: 1}, func(_ client.Receipt, err error) { waiting <- err }); err != nil {
				t.Fatal(err)
			}
			for i, want := range []string{"first", "second"} {
				p := f.accept()
				if h := expect[*protocol.Hello](p); h.Token != want {
					t.Errorf("token %q, not %q", h.Token, want)
				}
				if welcomed {
					p.send(&protocol.Welcome{Session: "s", MaxMessage: 1, MaxTopic: 255})
					expect[*protocol.Pub](p)
				}
				p.send(&protocol.Err{Code: code})
				p.close()
				clock.until(t, time.Second/2<<i)
			}
			if err := receive(t, waiting, "the publication"); !isCode(err, code) {
				t.Errorf("%d: publication: %v", code, err)
			}
			if err := c.Connected(t.Context()); !isCode(err, code) {
				t.Errorf("%d: Connected: %v", code, err)
			}
			if _, err := c.Publish(t.Context(), "t", nil, client.PubOptions{QoS: 1}); !isCode(err, code) {
				t.Errorf("%d: Publish: %v", code, err)
			}
			if asked.Load() != 3 {
				t.Errorf("%d: asked %d times for a token", code, asked.Load())
			}
			eventually(t, "it is told", func() bool { return len(s.of(client.Stopped)) == 1 })
			if clock.advance(time.Hour); c.State() != client.Stopped {
				t.Errorf("%d: %v", code, c.State())
			}
			// By hand it goes on.
			if err := c.Reconnect(); err != nil {
				t.Fatal(err)
			}
			f.greet(protocol.Welcome{})
			if err := c.Connected(patiently(t)); err != nil {
				t.Errorf("%d: %v", code, err)
			}
		}
	}
}

// Without a source of tokens there is no other one. A session with a name that was
// taken over is left to the other.
func TestStops(t *testing.T) {
	for _, x := range []struct {
		code    protocol.Code
		session string
		stops   bool
	}{
		{protocol.CodeUnauthorized, "", true},
		{protocol.CodeTakenOver, "name", true},
		{protocol.CodeTakenOver, "", false},
		{protocol.CodeInternal, "", false},
		{protocol.CodeVersion, "", false},
	} {
		f := fake(t)
		g, _ := timed(t)
		c := start(t, client.Config{URL: f.url(), Group: g, Session: x.session})
		p, h := f.greet(protocol.Welcome{})
		if h.Session != x.session {
			t.Errorf("session %q", h.Session)
		}
		p.send(&protocol.Err{Code: x.code})
		p.close()
		want := client.Waiting
		if x.stops {
			want = client.Stopped
		}
		eventually(t, "the client is "+want.String(), func() bool { return c.State() == want })
	}
}

// No WELCOME in time is as good as no connection.
func TestConnectTimeout(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	var s states
	start(t, client.Config{URL: f.url(), Group: g, OnState: s.add, ConnectTimeout: 5 * time.Second})
	p := f.accept()
	expect[*protocol.Hello](p)
	clock.until(t, 5*time.Second)
	p.ended()
	clock.until(t, time.Second/2)
	f.accept()
	if err := s.of(client.Waiting)[0].Err; !errors.Is(err, client.ErrConnectTimeout) {
		t.Error(err)
	}
}

// What makes no sense ends the connection.
func TestBadServer(t *testing.T) {
	for name, frames := range map[string][]protocol.Frame{
		"SUBOK first":      {&protocol.SubOK{ID: 1, Filter: "t"}},
		"MSG first":        {&protocol.Msg{Topic: "t"}},
		"two WELCOMEs":     {&protocol.Welcome{Session: "s"}, &protocol.Welcome{Session: "s"}},
		"a client's frame": {&protocol.Welcome{Session: "s"}, &protocol.Ack{Offset: 1}},
	} {
		f := fake(t)
		g, _ := timed(t)
		var s states
		start(t, client.Config{URL: f.url(), Group: g, OnState: s.add})
		p := f.accept()
		expect[*protocol.Hello](p)
		p.send(frames...)
		p.ended()
		eventually(t, "the client waits", func() bool { return len(s.of(client.Waiting)) == 1 })
		if err := s.of(client.Waiting)[0].Err; !errors.Is(err, client.ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A server that says nothing is dead after 1.4 intervals; one that answers PING is not.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	f := fake(t)
	var s states
	g := group(t, client.GroupConfig{})
	start(t, client.Config{URL: f.url(), OnState: s.add, Group: g})
	p, _ := f.greet(protocol.Welcome{Ping: 600})
	expect[*protocol.Ping](p)
	p.send(protocol.Pong{})
	expect[*protocol.Ping](p)
	p.ended()
	eventually(t, "it is noticed", func() bool { return len(s.of(client.Waiting)) == 1 })
	if err := s.of(client.Waiting)[0].Err; !errors.Is(err, client.ErrHeartbeat) {
		t.Error(err)
	}
	if n := g.Stats().Dead; n != 1 {
		t.Errorf("%d were dead", n)
	}
}
