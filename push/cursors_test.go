package push_test

import (
	"sync/atomic"
	"testing"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// Where a session was is not forgotten because a connection has ended before it has
// subscribed again, to that filter or at all.
func TestPlacesOutliveConnections(t *testing.T) {
	for _, filter := range []string{"a/1", "a/#"} {
		t.Run(filter, func(t *testing.T) {
			b := start(t, push.Config{})
			c := b.connect("s")
			c.sub(filter, 1, nil)
			c.cut()
			b.publish("a/1", "x")
			b.connect("s").cut()
			c = b.connect("s")
			c.sub("other", 1, nil)
			c.cut()
			c = b.connect("s")
			c.sub(filter, 1, nil)
			if got := c.message(); got != "x" {
				t.Errorf("got %q", got)
			}
			// What is given up is forgotten.
			c.write(&protocol.Unsub{Filter: filter})
			c.cut()
			b.publish("a/1", "y")
			c = b.connect("s")
			c.write(&protocol.Unsub{Filter: "other"})
			c.sub(filter, 1, nil)
			c.none()
			c.cut()
			c = b.connect("s")
			c.write(&protocol.Unsub{Filter: filter})
			c.cut()
			if n := b.Stats().Detached; n != 0 {
				t.Errorf("%d sessions are remembered", n)
			}
		})
	}
}

// They are no more than a session may have subscriptions.
func TestPlacesAreBounded(t *testing.T) {
	b := start(t, push.Config{MaxSubs: 2})
	c := b.connect("s")
	c.sub("1", 1, nil)
	c.sub("2", 1, nil)
	for _, name := range []string{"3", "4", "5"} {
		c.cut()
		c = b.connect("s")
		c.sub(name, 1, nil)
	}
	c.cut()
	for _, name := range []string{"1", "2", "3", "4", "5"} {
		b.publish(name, name)
	}
	resumed := 0
	for _, name := range []string{"1", "2", "3", "4"} {
		c = b.connect("s")
		c.sub(name, 1, nil)
		b.publish(name, "now")
		if c.message() == name {
			resumed++
		}
		c.write(&protocol.Unsub{Filter: name})
		c.cut()
	}
	if resumed > 2 {
		t.Errorf("%d places are remembered", resumed)
	}
}

// SUB without a cursor goes on where the session is, also if it is subscribed already.
func TestSubscribedTwice(t *testing.T) {
	for _, filter := range []string{"a/1", "a/#"} {
		t.Run(filter, func(t *testing.T) {
			b := start(t, push.Config{})
			c := b.connect("s")
			c.sub(filter, 1, nil)
			c.block(true)
			b.publish("a/1", "x")
			c.sub(filter, 1, nil)
			c.block(false)
			if got := c.message(); got != "x" {
				t.Errorf("got %q", got)
			}
			c.cut()
			q := protocol.Subscription{Filter: filter, QoS: 1}
			c = b.connect("s", q, q)
			next[*protocol.SubOK](c)
			next[*protocol.SubOK](c)
			if got := c.message(); got != "x" {
				t.Errorf("got %q", got)
			}
			c.none()
		})
	}
}

// untouchable is a log that refuses Touch for a while.
type untouchable struct {
	*msglog.Memory
	failing atomic.Bool
}

func (l *untouchable) Touch(name string) (msglog.Extent, error) {
	if l.failing.Load() {
		return msglog.Extent{}, msglog.ErrUnavailable
	}
	return l.Memory.Touch(name)
}

// A SUB that was refused for the time being is not the one that takes the place.
func TestPlaceAfterRefusal(t *testing.T) {
	log := &untouchable{Memory: msglog.NewMemory(msglog.MemoryOptions{})}
	b := start(t, push.Config{Log: log})
	c := b.connect("s")
	c.sub("a", 1, nil)
	c.cut()
	b.publish("a", "x")
	log.failing.Store(true)
	c = b.connect("s")
	c.write(&protocol.Sub{ID: 1, Subscription: protocol.Subscription{Filter: "a", QoS: 1}})
	c.refused(protocol.CodeUnavailable)
	log.failing.Store(false)
	c.sub("a", 1, nil)
	if got := c.message(); got != "x" {
		t.Errorf("got %q", got)
	}
}
