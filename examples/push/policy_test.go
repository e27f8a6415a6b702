package main

import (
	"testing"

	"github.com/weir-go/weir/push"
)

func TestPolicies(t *testing.T) {
	p := policies{rest: push.Disconnect}
	for _, s := range []string{"price/#=latest", "price/eur=oldest", "a=b/+=oldest"} {
		if err := p.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]push.Policy{"price/eur": push.KeepLatest, "a=b/c": push.DropOldest, "chat": push.Disconnect}
	for name, policy := range want {
		if got := p.of(name); got != policy {
			t.Errorf("%s: %v, want %v", name, got, policy)
		}
	}
	if err := p.Set("oldest"); err != nil || p.of("chat") != push.DropOldest || p.String() != "oldest" {
		t.Errorf("%v, %v, %s", err, p.of("chat"), &p)
	}
	for _, s := range []string{"", "newest", "price/#=", "a/#/b=latest", "=latest"} {
		if p.Set(s) == nil {
			t.Errorf("%q is taken", s)
		}
	}
}
