package push_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

var beginning = &protocol.Cursor{}

func (b *bench) publish(topic, data string) {
	b.t.Helper()
	if _, err := b.Publish(b.t.Context(), push.Publication{Topic: topic, Data: []byte(data), QoS: protocol.AtLeastOnce}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) idle() {
	b.t.Helper()
	eventually(b.t, "nothing is left of the session", func() bool {
		st := b.Stats()
		return st.Sessions == 0 && st.Subs == 0 && st.Behind == 0 && st.Attached == 0 && st.Topics == 0 && st.Pending == 0
	})
}

// A connection that takes no answer any more ends in the middle of a subscription.
func TestAnswerThatDoesNotFit(t *testing.T) {
	for _, filter := range []string{"a/1", "a/#"} {
		t.Run(filter, func(t *testing.T) {
			b := start(t, push.Config{})
			b.publish("a/1", "x")
			c := b.connect("s")
			c.fail(errors.New("full"))
			c.write(&protocol.Sub{ID: 1, Subscription: protocol.Subscription{Filter: filter, QoS: 1, Cursor: beginning}})
			c.end()
			b.idle()
		})
	}
}

// So does one that is told of a gap.
func TestGapThatCannotBeTold(t *testing.T) {
	for _, filter := range []string{"a/1", "a/#"} {
		t.Run(filter, func(t *testing.T) {
			log := msglog.NewMemory(msglog.MemoryOptions{})
			b := start(t, push.Config{Log: log})
			c := b.connect("s")
			c.sub(filter, 1, nil)
			c.block(true)
			b.publish("a/1", "x")
			eventually(t, "behind", func() bool { return b.Stats().Behind == 1 })
			if err := log.Sweep(time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			c.fail(errors.New("full"))
			c.block(false)
			c.end()
			b.idle()
		})
	}
}

func (c *client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sendFail = err
}

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

// watched is a log that knows which topics it was told to keep.
type watched struct {
	*msglog.Memory
	mu  sync.Mutex
	all map[string]bool
}

func (l *watched) Watch(name string, on bool) {
	runtime.Gosched()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[name] = on; !on {
		delete(l.all, name)
	}
	l.Memory.Watch(name, on)
}

// Ids, names and topics are used again at once by those who come as others leave.
func TestComingAsOthersLeave(t *testing.T) {
	log := &watched{Memory: msglog.NewMemory(msglog.MemoryOptions{}), all: map[string]bool{}}
	b := start(t, push.Config{Log: log})
	stop := make(chan struct{})
	var asking, coming sync.WaitGroup
	asking.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := b.Presence("t"); err != nil {
					t.Error(err)
				}
			}
		}
	})
	hello, err := protocol.Append(nil, protocol.Binary, &protocol.Hello{
		Version: protocol.Version, Session: "s", Cursors: []protocol.Subscription{{Filter: "t", QoS: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		coming.Go(func() {
			for range 1000 {
				c := b.attach(protocol.Binary)
				c.Do(func() { c.session.Receive(hello) })
				c.cut()
			}
		})
	}
	coming.Wait()
	close(stop)
	asking.Wait()
	b.idle()
	if len(log.all) != 0 {
		t.Errorf("%v are still watched", log.all)
	}
	first := b.connect("s")
	first.sub("t", 1, nil)
	if !log.all["t"] {
		t.Error("not watched")
	}
	b.connect("s")
	first.refused(protocol.CodeTakenOver)
}

// What separates user and session in a key cannot be a part of the session.
func TestNameWithNUL(t *testing.T) {
	b := start(t, push.Config{})
	c := b.attach(protocol.Binary)
	c.write(&protocol.Hello{Version: protocol.Version, Session: "b\x00c"})
	c.refused(protocol.CodeMalformed)
	c.end()
}

// A Shutdown with a deadline ends, also if the log does not.
func TestShutdownWithBlockedLog(t *testing.T) {
	log := &failing{Log: msglog.NewMemory(msglog.MemoryOptions{}), gate: make(chan struct{})}
	b := start(t, push.Config{Log: log})
	defer close(log.gate)
	c := b.connect("s")
	c.write(&protocol.Pub{ID: 1, Topic: "t", QoS: 1})
	c.none()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := b.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
