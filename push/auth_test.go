package push_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

// guard is an Authenticator: a token is "user" or "user for duration".
type guard struct{}

func (guard) Authenticate(token string) (*push.Identity, error) {
	user, span, limited := strings.Cut(token, " for ")
	switch user {
	case "":
		return nil, fmt.Errorf("no token")
	case "old":
		return nil, fmt.Errorf("%w: yesterday", push.ErrExpired)
	case "bad":
		return nil, fmt.Errorf("%w: lost", push.ErrRevoked)
	}
	id := &push.Identity{User: user, Publish: []string{user + "/#"}, Subscribe: []string{user + "/#", "news"}}
	if limited {
		d, err := time.ParseDuration(span)
		if err != nil {
			return nil, err
		}
		id.Expires = time.Now().Add(d)
	}
	return id, nil
}

func TestTokens(t *testing.T) {
	b := start(t, push.Config{Auth: guard{}})
	for token, code := range map[string]protocol.Code{"": protocol.CodeUnauthorized, "old": protocol.CodeExpired, "bad": protocol.CodeRevoked} {
		c := b.attach(protocol.JSON)
		c.write(&protocol.Hello{Version: protocol.Version, Token: token})
		if e := c.refused(code); e.Temporary {
			t.Fatalf("%+v", e)
		}
		if got := c.end(); got != code {
			t.Fatal(got)
		}
	}
	c := b.attach(protocol.JSON)
	c.write(&protocol.Hello{Version: protocol.Version, Token: "ann"})
	next[*protocol.Welcome](c)
	for filter, ok := range map[string]bool{"ann": true, "ann/+/x": true, "ann/#": true, "news": true, "+": false, "#": false, "bob": false, "news/#": false} {
		c.write(&protocol.Sub{ID: 1, Subscription: protocol.Subscription{Filter: filter}})
		if ok {
			next[*protocol.SubOK](c)
		} else {
			c.refused(protocol.CodeForbidden)
		}
	}
	c.write(&protocol.Pub{ID: 1, Topic: "news", QoS: 1})
	c.refused(protocol.CodeForbidden)
	c.write(&protocol.Presence{ID: 1, Topic: "bob"})
	c.refused(protocol.CodeForbidden)
	c.pub("ann/x", 0, "mine")
	if got := c.message(); got != "mine" {
		t.Fatal(got)
	}
}

// Sessions of the same name are not the same if their users are not.
func TestSessionsBelongToUsers(t *testing.T) {
	b := start(t, push.Config{Auth: guard{}})
	var all []*client
	for _, user := range []string{"ann", "bob"} {
		c := b.attach(protocol.Binary)
		c.write(&protocol.Hello{Version: protocol.Version, Token: user, Session: "phone"})
		next[*protocol.Welcome](c)
		all = append(all, c)
	}
	for _, c := range all {
		c.write(&protocol.Ping{})
		next[*protocol.Pong](c)
	}
}

func TestTokenExpires(t *testing.T) {
	b := start(t, push.Config{Auth: guard{}})
	c := b.attach(protocol.Binary)
	c.write(&protocol.Hello{Version: protocol.Version, Token: "ann for 300ms"})
	if w := next[*protocol.Welcome](c); w.Expires != 1 {
		t.Fatalf("%+v", w)
	}
	c.refused(protocol.CodeExpired)
	if code := c.end(); code != protocol.CodeExpired {
		t.Fatal(code)
	}
}

func TestTokenRenewal(t *testing.T) {
	b := start(t, push.Config{Auth: guard{}})
	c := b.attach(protocol.Binary)
	c.write(&protocol.Hello{Version: protocol.Version, Token: "ann for 1s"})
	next[*protocol.Welcome](c)
	c.sub("ann/x", 0, nil)
	renew := func(token string) { c.write(&protocol.Token{ID: 5, Token: token}) }
	renew("bob")
	if e := c.refused(protocol.CodeForbidden); e.ID != 5 {
		t.Fatalf("%+v", e)
	}
	renew("bad")
	c.refused(protocol.CodeRevoked)
	renew("ann for 1h")
	if f := next[*protocol.Token](c); f.ID != 5 || f.Expires != 3600 {
		t.Fatalf("%+v", f)
	}
	renew("ann")
	if f := next[*protocol.Token](c); f.Expires != 0 {
		t.Fatalf("%+v", f)
	}
	c.pub("ann/x", 0, "still here")
	if got := c.message(); got != "still here" {
		t.Fatal(got)
	}
}

// What separates user and session in a key cannot be a part of the session.
func TestNameWithNUL(t *testing.T) {
	b := start(t, push.Config{})
	c := b.attach(protocol.Binary)
	c.write(&protocol.Hello{Version: protocol.Version, Session: "b\x00c"})
	c.refused(protocol.CodeMalformed)
	c.end()
}
