package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
)

// A token is renewed when 85 % of its time are over (0.8 to 0.9, at random), and after
// an error again later.
func TestRenewal(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	errs := make(chan error, 10)
	var asked atomic.Int32
	noToken := errors.New("no token")
	start(t, client.Config{URL: f.url(), Group: g, OnError: func(err error) { errs <- err }, Token: func(context.Context) (string, error) {
		n := asked.Add(1)
		if n == 2 {
			return "", noToken
		}
		return fmt.Sprint(n), nil
	}})
	p, h := f.greet(protocol.Welcome{Expires: 100})
	if h.Token != "1" {
		t.Errorf("%+v", h)
	}
	p.sync()
	clock.until(t, 30*time.Second) // the time to connect, which has no meaning any more
	clock.until(t, 55*time.Second)
	if err := receive(t, errs, "OnError"); !errors.Is(err, noToken) {
		t.Error(err)
	}
	clock.until(t, 5*time.Second)
	k := expect[*protocol.Token](p)
	if k.Token != "3" {
		t.Errorf("%+v", k)
	}
	p.send(&protocol.Err{ID: k.ID, Code: protocol.CodeForbidden, Message: "another user"})
	if err := receive(t, errs, "OnError"); !isCode(err, protocol.CodeForbidden) {
		t.Error(err)
	}
	clock.until(t, 5*time.Second)
	k = expect[*protocol.Token](p)
	p.send(&protocol.Token{ID: k.ID, Expires: 20})
	p.sync()
	clock.until(t, 17*time.Second)
	k = expect[*protocol.Token](p)
	p.send(&protocol.Token{ID: k.ID}) // it does not expire any more
	p.sync()
	p.close()
	clock.until(t, time.Second/2)
	if p, h = f.greet(protocol.Welcome{Expires: 1}); h.Token != "5" {
		t.Errorf("%+v", h)
	}
	p.sync()
	// While it was away the token has expired: another one is needed.
	p.close()
	clock.until(t, time.Second)
	if _, h = f.greet(protocol.Welcome{}); h.Token != "6" {
		t.Errorf("%+v", h)
	}
}

// Without a token there is no connection, but further attempts.
func TestNoToken(t *testing.T) {
	f := fake(t)
	g, clock := timed(t)
	var s states
	var asked atomic.Int32
	noToken := errors.New("no token")
	start(t, client.Config{URL: f.url(), Group: g, OnState: s.add, Token: func(context.Context) (string, error) {
		if asked.Add(1) < 3 {
			return "", noToken
		}
		return "token", nil
	}})
	clock.until(t, time.Second/2)
	clock.until(t, time.Second)
	if _, h := f.greet(protocol.Welcome{}); h.Token != "token" {
		t.Errorf("%+v", h)
	}
	for _, change := range s.of(client.Waiting) {
		if !errors.Is(change.Err, noToken) {
			t.Error(change.Err)
		}
	}
}
