package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/client"
)

// Everything at once, from many goroutines, while connections are cut: what is published
// is answered once, callbacks of a client never overlap, and everything can be closed.
func TestStress(t *testing.T) {
	v := serve(t, push.Config{AcceptRate: -1})
	g := group(t, client.GroupConfig{})
	var answers, published atomic.Int64
	var all sync.WaitGroup
	stop := make(chan struct{})
	running := func() bool {
		select {
		case <-stop:
			return false
		default:
			return true
		}
	}
	clients := make([]*client.Client, 12)
	for i := range clients {
		tr := transports[i%len(transports)]
		var inside atomic.Int32
		enter := func() {
			if inside.Add(1) != 1 {
				t.Error("two callbacks at a time")
			}
			inside.Add(-1)
		}
		c, err := client.New(client.Config{
			URL: v.url(tr), Encoding: tr.encoding, Group: g, AckDelay: time.Millisecond,
			OnState: func(client.StateChange) { enter() },
		})
		if err != nil {
			t.Fatal(err)
		}
		clients[i] = c
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		filters := []string{"t/1", "t/2", "t/+", "#"}
		for range 2 {
			all.Go(func() {
				for running() {
					s, err := c.Subscribe(filters[rand.IntN(len(filters))], client.SubOptions{QoS: 1, OnGap: func(client.Gap) { enter() }}, func(m client.Message) {
						enter()
						if rand.IntN(100) == 0 {
							m.Subscription().Unsubscribe()
						}
					})
					if err != nil {
						if !errors.Is(err, client.ErrSubscribed) {
							t.Error(err)
						}
						time.Sleep(time.Millisecond)
						continue
					}
					_ = s.Ready(t.Context())
					s.Cursor()
					s.Unsubscribe()
				}
			})
			all.Go(func() {
				for running() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(20))*time.Millisecond)
					published.Add(1)
					err := c.PublishAsync(ctx, fmt.Sprint("t/", rand.IntN(3)), []byte("x"), client.PubOptions{QoS: 1}, func(client.Receipt, error) { answers.Add(1) })
					if err != nil {
						published.Add(-1)
					}
					_, _ = c.Publish(ctx, "t/1", nil, client.PubOptions{QoS: 1})
					_, _ = c.Publish(ctx, "t/1", nil, client.PubOptions{})
					_, _ = c.Presence(ctx, "t/1")
					c.Cursors()
					cancel()
				}
			})
		}
		all.Go(func() {
			for running() {
				time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
				_ = c.Reconnect()
			}
		})
	}
	for range 30 {
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		v.cut()
	}
	close(stop)
	all.Wait()
	for _, c := range clients {
		all.Go(func() {
			if err := c.Close(patiently(t)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if a, p := answers.Load(), published.Load(); a != p {
		t.Errorf("%d publications, %d answers", p, a)
	}
	if s := g.Stats(); s.Clients != 0 || s.Connected != 0 || s.Lost == 0 {
		t.Errorf("%+v", s)
	} else {
		t.Logf("%+v", s)
	}
}
