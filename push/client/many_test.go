package client_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
)

// A thousand clients in a group have no goroutine of their own, are pinged by no timer of
// their own, and all come back.
func TestManyClients(t *testing.T) {
	const clients = 1000
	v := serve(t, push.Config{AcceptRate: -1})
	g := group(t, client.GroupConfig{})
	before, bytes := runtime.NumGoroutine(), heap()
	all := make([]*client.Client, clients)
	counts := make([]int, clients) // guarded by the turns, and the Close below
	for i := range all {
		c, err := client.New(client.Config{URL: v.url(transports[i%2]), Group: g})
		if err != nil {
			t.Fatal(err)
		}
		all[i] = c
		if _, err := c.Subscribe(fmt.Sprint("own/", i), client.SubOptions{QoS: q1}, func(client.Message) { counts[i]++ }); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Subscribe("all", client.SubOptions{QoS: q1}, func(client.Message) { counts[i]++ }); err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all are subscribed", func() bool { return v.Stats().Subs == 2*clients })
	eventually(t, "those who dialled are gone", func() bool { return g.Stats().Dialling == 0 })
	var at int
	eventually(t, "nobody is left", func() bool { at = runtime.NumGoroutine(); return at < before+200 })
	t.Logf("%d goroutines before, %d with %d clients; %d bytes of heap for each, the server's end included", before, at, clients, (heap()-bytes)/clients)

	v.cut()
	eventually(t, "all are back", func() bool { s := g.Stats(); return s.Lost >= clients && s.Connected == clients })
	eventually(t, "all are subscribed again", func() bool { return v.Stats().Subs == 2*clients })
	if _, err := v.Publish(patiently(t), push.Publication{Topic: "all", QoS: protocol.AtLeastOnce}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all have got it", func() bool { return g.Stats().Messages == clients })
	if _, err := all[0].Publish(patiently(t), "own/999", nil, client.PubOptions{QoS: q1}); err != nil {
		t.Error(err)
	}
	eventually(t, "it has come", func() bool { return g.Stats().Messages == clients+1 })
	for _, c := range all[:clients/2] {
		if err := c.Close(patiently(t)); err != nil {
			t.Fatal(err)
		}
	}
	if s := g.Stats(); s.Clients != clients/2 || s.Connected != clients/2 {
		t.Errorf("%+v", s)
	}
	for _, n := range counts[:clients/2] {
		if n != 1 {
			t.Errorf("%d messages", n)
		}
	}
	g.Close()
	eventually(t, "all are closed", func() bool { return g.Stats().Clients == 0 })
	if _, err := client.New(client.Config{URL: "tcp://x:1", Group: g}); !errors.Is(err, client.ErrClosed) {
		t.Error(err)
	}
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// Close waits for the answers to publications, on a next connection if need be.
func TestCloseWaits(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	var s states
	c := start(t, client.Config{URL: f.url(), Group: g, OnState: s.add})
	p, _ := f.greet(protocol.Welcome{})
	done := publish(t, c, "last")
	id := expect[*protocol.Pub](p).MessageID
	closed := make(chan error, 1)
	go func() { closed <- c.Close(patiently(t)) }()
	eventually(t, "it closes", func() bool {
		_, err := c.Subscribe("x", client.SubOptions{}, func(client.Message) {})
		return errors.Is(err, client.ErrClosed)
	})
	p.close()
	clock.until(t, time.Second/2)
	p, _ = f.greet(protocol.Welcome{})
	pub := expect[*protocol.Pub](p)
	if pub.MessageID != id {
		t.Errorf("%+v", pub)
	}
	p.send(&protocol.PubAck{ID: pub.ID, Epoch: 1, Offset: 1})
	if o := receive(t, done, "the answer"); o.err != nil {
		t.Error(o.err)
	}
	p.ended()
	if err := receive(t, closed, "Close"); err != nil {
		t.Error(err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if c.State() != client.Closed || len(s.of(client.Closed)) != 1 {
		t.Errorf("%v, told %v", c.State(), s.of(client.Closed))
	}
}

// A client can be closed whatever it is at.
func TestCloseAnytime(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, ctx := range []context.Context{context.Background(), cancelled} {
		for name, at := range map[string]func(f *fakeServer, c *client.Client){
			"not started": func(*fakeServer, *client.Client) {},
			"waiting": func(f *fakeServer, c *client.Client) {
				_ = c.Start()
				f.accept().close()
				eventually(t, "it waits", func() bool { return c.State() == client.Waiting })
			},
			"HELLO sent": func(f *fakeServer, c *client.Client) {
				_ = c.Start()
				expect[*protocol.Hello](f.accept())
			},
			"connected": func(f *fakeServer, c *client.Client) {
				_ = c.Start()
				p, _ := f.greet(protocol.Welcome{})
				p.sync()
			},
			"stopped": func(f *fakeServer, c *client.Client) {
				_ = c.Start()
				p := f.accept()
				expect[*protocol.Hello](p)
				p.send(&protocol.Err{Code: protocol.CodeRevoked})
				p.close()
				eventually(t, "it stops", func() bool { return c.State() == client.Stopped })
			},
		} {
			f := fake(t)
			g, _ := timed(t)
			c := open(t, client.Config{URL: f.url(), Group: g})
			s := subscribe(t, c, "t", client.SubOptions{}, func(client.Message) {})
			at(f, c)
			if err := c.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
			eventually(t, name+": it is closed", func() bool { return c.State() == client.Closed })
			if err := s.Ready(t.Context()); !errors.Is(err, client.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
			for what, err := range map[string]error{"Start": c.Start(), "Reconnect": c.Reconnect(), "Connected": c.Connected(t.Context())} {
				if !errors.Is(err, client.ErrClosed) {
					t.Errorf("%s: %s: %v", name, what, err)
				}
			}
		}
	}
}

// A dial, or a question for a token, that takes long does not hold up Close.
func TestCloseWhileDialling(t *testing.T) {
	begun := make(chan struct{}, 1)
	g := group(t, client.GroupConfig{})
	c := start(t, client.Config{URL: "tcp://127.0.0.1:1", Group: g, Token: func(ctx context.Context) (string, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return "", ctx.Err()
	}})
	receive(t, begun, "the question")
	if err := c.Close(patiently(t)); err != nil {
		t.Error(err)
	}
}

// Dial returns a client that is connected, or an error and no client. One without a
// Group takes its own down.
func TestDial(t *testing.T) {
	v := serve(t, push.Config{})
	for _, tr := range transports {
		c, err := client.Dial(patiently(t), client.Config{URL: v.url(tr), Encoding: tr.encoding})
		if err != nil {
			t.Fatal(err)
		}
		if c.Session() == "" || c.State() != client.Connected {
			t.Errorf("session %q, %v", c.Session(), c.State())
		}
		if err := c.Close(patiently(t)); err != nil {
			t.Error(err)
		}
	}
	f := fake(t)
	f.ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.Dial(ctx, client.Config{URL: f.url()}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	none := func(client.Message) {}
	for _, x := range []struct {
		config client.Config
		field  string
	}{
		{client.Config{}, "URL"},
		{client.Config{URL: "127.0.0.1:80"}, "URL"},
		{client.Config{URL: "http://x"}, "URL"},
		{client.Config{URL: "tcp://x"}, "URL"},
		{client.Config{URL: "tcp://x:1/path"}, "URL"},
		{client.Config{URL: "tcp://:1"}, "URL"},
		{client.Config{URL: "ws://"}, "URL"},
		{client.Config{URL: "ws://user@x"}, "URL"},
		{client.Config{URL: "wss://x/ws"}, "URL"},
		{client.Config{URL: "tcp://x:1", Encoding: protocol.JSON}, "Encoding"},
		{client.Config{URL: "ws://x", Encoding: 7}, "Encoding"},
		{client.Config{URL: "ws://x", MaxWaiting: -1}, "MaxWaiting"},
		{client.Config{URL: "ws://x", AckDelay: -1}, "AckDelay"},
	} {
		var e *client.ConfigError
		if _, err := client.New(x.config); !errors.As(err, &e) || e.Field != x.field {
			t.Errorf("%+v: %v", x.config, err)
		}
	}
	if _, err := client.New(client.Config{URL: "wss://x/ws"}); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if _, err := client.NewGroup(client.GroupConfig{Dialers: -1}); err == nil {
		t.Error("a negative number of dialers")
	}
	c := open(t, client.Config{URL: "ws://[::1]"})
	for _, x := range []struct {
		filter string
		o      client.SubOptions
		f      func(client.Message)
	}{
		{"", client.SubOptions{}, none},
		{"a/#/b", client.SubOptions{}, none},
		{"a", client.SubOptions{}, nil},
		{"a", client.SubOptions{QoS: 2}, none},
		{"a/#", client.SubOptions{OnPresence: func(client.PresenceChange) {}}, none},
	} {
		var e *client.ConfigError
		if _, err := c.Subscribe(x.filter, x.o, x.f); !errors.As(err, &e) {
			t.Errorf("%+v: %v", x, err)
		}
	}
}

// On the event loops, too, for callbacks that do not block.
func TestInline(t *testing.T) {
	v := serve(t, push.Config{})
	g := group(t, client.GroupConfig{Net: weir.Config{Dispatch: weir.Inline}})
	for _, tr := range transports {
		var r record
		c := start(t, client.Config{URL: v.url(tr), Encoding: tr.encoding, Group: g})
		s := subscribe(t, c, tr.name, client.SubOptions{QoS: q1}, r.message)
		if err := s.Ready(patiently(t)); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"1", "2"} {
			if _, err := c.Publish(patiently(t), tr.name, []byte(text), client.PubOptions{QoS: q1}); err != nil {
				t.Fatal(err)
			}
			v.cut()
		}
		r.await(t, "1", "2")
	}
}
