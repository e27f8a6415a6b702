package push_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// Subscribers whose sockets are full now and then, and who come back with their cursors,
// while several publish: each gets every message of each topic once, in order.
func TestHistoryMeetsLive(t *testing.T) {
	const topics, publishers, each, rounds = 5, 4, 400, 6
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	b := start(t, push.Config{Log: msglog.NewMemory(msglog.MemoryOptions{Keep: msglog.Retention{Count: 1 << 20, Bytes: 1 << 30}}), AcceptRate: -1})

	var publishing, reading sync.WaitGroup
	done := make(chan struct{})
	for range publishers {
		publishing.Go(func() {
			for i := range each {
				p := push.Publication{Topic: fmt.Sprint("t/", i%topics), QoS: 1, Data: []byte("x")}
				if _, err := b.Publish(t.Context(), p); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	go func() { publishing.Wait(); close(done) }()

	total := uint64(publishers * each / topics)
	for k := range 8 {
		rng := rand.New(rand.NewPCG(seed, uint64(k)))
		reading.Go(func() {
			exact := k%2 == 0
			last := map[string]uint64{} // offsets
			cursors := map[string]*protocol.Cursor{}
			complete := func() bool {
				for i := range topics {
					if last[fmt.Sprint("t/", i)] < total {
						return false
					}
				}
				return true
			}
			for round := 0; !complete() && !t.Failed(); round++ {
				var subs []protocol.Subscription
				if exact {
					for i := range topics {
						name := fmt.Sprint("t/", i)
						if cursors[name] == nil {
							cursors[name] = &protocol.Cursor{}
						}
						c := *cursors[name]
						subs = append(subs, protocol.Subscription{Filter: name, QoS: 1, Cursor: &c})
					}
				} else {
					if cursors["#"] == nil {
						cursors["#"] = &protocol.Cursor{}
					}
					c := *cursors["#"]
					subs = append(subs, protocol.Subscription{Filter: "t/#", QoS: 1, Cursor: &c})
				}
				c := b.connect("", subs...)
				for n := 1 + rng.IntN(800); n > 0 || round > rounds; n-- {
					if complete() {
						break
					}
					if rng.IntN(20) == 0 {
						c.mu.Lock()
						c.room = 1 + rng.IntN(30)
						c.mu.Unlock()
					}
					if rng.IntN(4) == 0 || c.idle() {
						c.block(false)
					}
					switch f := c.frame().(type) {
					case *protocol.SubOK:
						if !f.Recovered && f.Epoch != 0 && round > 0 {
							t.Errorf("not recovered: %+v", f)
						}
						key := f.Filter
						if !exact {
							key = "#"
						}
						cursors[key].Epoch = f.Epoch
					case *protocol.Msg:
						if f.Previous != last[f.Topic] || f.Offset != f.Previous+1 {
							t.Errorf("subscriber %d: %s: %d follows %d, and says %d", k, f.Topic, f.Offset, last[f.Topic], f.Previous)
							return
						}
						last[f.Topic] = f.Offset
						if exact {
							cursors[f.Topic].Offset = f.Offset
						} else {
							cursors["#"].Offset = f.Position
						}
					default:
						t.Errorf("got %#v", f)
					}
				}
				c.cut()
			}
		})
	}
	reading.Wait()
	<-done
}

// idle reports whether nothing has come that was not read.
func (c *client) idle() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.frames) == 0 }

// A filter that is added with an old cursor takes the others back: they get again what
// they have had, which positions tell.
func TestWildcardRewind(t *testing.T) {
	b := start(t, push.Config{})
	c, pub := b.connect(""), b.connect("")
	for i := range 3 {
		pub.pub("a/x", 1, fmt.Sprint("a", i))
		pub.pub("b/x", 1, fmt.Sprint("b", i))
	}
	c.sub("a/#", 1, nil)
	pub.pub("a/x", 1, "a3")
	if got := c.message(); got != "a3" {
		t.Fatal(got)
	}
	c.sub("b/#", 1, &protocol.Cursor{})
	for _, want := range []string{"b0", "b1", "b2", "a3"} { // not a0 to a2, which are before a/# began
		if got := c.message(); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	pub.pub("b/x", 1, "b3")
	if got := c.message(); got != "b3" {
		t.Fatal(got)
	}
	c.none()
}

// While a session is behind, also what only a filter of QoS 0 matches waits for its turn:
// the position that comes with it stands for all filters.
func TestPositionStandsForAllFilters(t *testing.T) {
	b := start(t, push.Config{})
	c, pub := b.connect(""), b.connect("")
	c.sub("a/+", 1, nil)
	c.sub("b/+", 0, nil)
	c.block(true)
	pub.pub("a/x", 1, "a")
	eventually(t, "behind", func() bool { return b.Stats().Behind == 1 })
	c.mu.Lock()
	c.blocked = false // without telling
	c.mu.Unlock()
	pub.pub("b/x", 1, "b")
	eventually(t, "handed out", func() bool { return b.Stats().Pending == 0 })
	c.none()
	c.Do(c.session.Writable)
	for _, want := range []string{"a", "b"} {
		if got := c.message(); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}
