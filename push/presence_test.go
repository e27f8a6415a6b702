package push_test

import (
	"slices"
	"testing"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
)

func TestPresence(t *testing.T) {
	b := start(t, push.Config{Auth: guard{}, MaxPresence: 3})
	login := func(user string) *client {
		c := b.attach(protocol.Binary)
		c.write(&protocol.Hello{Version: protocol.Version, Token: user})
		next[*protocol.Welcome](c)
		return c
	}
	watcher := login("ann")
	watcher.write(&protocol.Sub{ID: 1, Subscription: protocol.Subscription{Filter: "news", Presence: true}})
	next[*protocol.SubOK](watcher)
	p := next[*protocol.Presence](watcher) // itself
	if p.ID != 0 || p.Count != 1 || !slices.Equal(p.Joined, []string{"ann"}) {
		t.Fatalf("%+v", p)
	}

	bob := login("bob")
	bob.sub("news", 0, nil)
	login("cid").sub("news", 0, nil)
	bob.cut()
	var joined, left []string
	for !slices.Contains(joined, "cid") || !slices.Contains(left, "bob") {
		p = next[*protocol.Presence](watcher)
		joined, left = append(joined, p.Joined...), append(left, p.Left...)
	}
	if p.Count != 2 {
		t.Fatalf("%+v", p)
	}
	for range 4 {
		login("dan").sub("news", 0, nil)
	}
	c := login("eve")
	c.write(&protocol.Presence{ID: 4, Topic: "news"})
	p = next[*protocol.Presence](c)
	if p.ID != 4 || p.Count != 6 || len(p.Clients) != 3 || !p.Truncated {
		t.Fatalf("%+v", p)
	}
	if p, err := b.Presence("nowhere"); err != nil || p.Count != 0 {
		t.Fatal(p, err)
	}
	if _, err := b.Presence("a/#"); err == nil {
		t.Fatal("presence of a filter")
	}
}
