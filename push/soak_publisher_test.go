package push_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
)

// soakItem is what a message says: who has published it, and as which of its topic.
type soakItem struct {
	publisher string
	n         int
}

func (i soakItem) data() []byte {
	size := rand.IntN(200)
	if rand.IntN(4) == 0 {
		size = rand.IntN(8000)
	}
	return fmt.Appendf(nil, "%s %d %s", i.publisher, i.n, strings.Repeat("x", size))
}

func parseSoakItem(data []byte) (i soakItem, err error) {
	_, err = fmt.Sscan(string(data[:min(len(data), 40)]), &i.publisher, &i.n)
	return i, err
}

// soakTruth is what the log should have: what receipts and messages have told, which
// must not contradict each other.
type soakTruth struct {
	mu     sync.Mutex
	epochs map[string]uint64
	items  map[string]map[uint64]soakItem // by topic and offset
}

func newSoakTruth() *soakTruth {
	return &soakTruth{epochs: map[string]uint64{}, items: map[string]map[uint64]soakItem{}}
}

// note takes in what an offset has.
func (h *soakTruth) note(topic string, offset uint64, item soakItem) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.items[topic]
	if all == nil {
		all = map[uint64]soakItem{}
		h.items[topic] = all
	}
	if other, known := all[offset]; known && other != item {
		return fmt.Errorf("%s: offset %d is %v and %v", topic, offset, other, item)
	}
	all[offset] = item
	return nil
}

// receipt takes in what a publisher was told.
func (h *soakTruth) receipt(topic string, r sdk.Receipt, item soakItem) error {
	h.mu.Lock()
	epoch, known := h.epochs[topic]
	h.epochs[topic] = r.Epoch
	h.mu.Unlock()
	if known && epoch != r.Epoch {
		return fmt.Errorf("%s: the epoch was %d and is %d", topic, epoch, r.Epoch)
	}
	return h.note(topic, r.Offset, item)
}

// last returns the last offset of each topic.
func (h *soakTruth) last() map[string]uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	last := map[string]uint64{}
	for topic, all := range h.items {
		last[topic] = slices.Max(slices.Collect(maps.Keys(all)))
	}
	return last
}

// check returns how many messages there are, once all have their receipts: none is
// missing, none is there twice, and those of a publisher are in order.
func (h *soakTruth) check(t *testing.T) (messages int) {
	t.Helper()
	last := h.last()
	for topic, all := range h.items {
		next := map[string]int{}
		for offset := uint64(1); offset <= last[topic]; offset++ {
			item, ok := all[offset]
			if !ok {
				t.Fatalf("%s: nobody has published what is at offset %d of %d", topic, offset, last[topic])
			}
			if next[item.publisher]++; item.n != next[item.publisher] {
				t.Fatalf("%s: %v is at offset %d, in place of its number %d", topic, item, offset, next[item.publisher])
			}
			messages++
		}
	}
	return messages
}

// soakPublisher publishes to topics, in each one message after the other.
type soakPublisher struct {
	run  *soakRun
	name string
	c    *sdk.Client

	repeated   atomic.Int64 // published twice on purpose
	recognised atomic.Int64 // sent again by the client, and stored once
}

// publish publishes to a topic until stop is closed.
func (p *soakPublisher) publish(topic string, stop <-chan struct{}) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for n := 1; ; n++ {
		select {
		case <-stop:
			return
		case <-pause.C:
		}
		item := soakItem{p.name, n}
		data := item.data()
		o := sdk.PubOptions{QoS: protocol.AtLeastOnce, ID: fmt.Sprint(p.name, "/", topic, "/", n)}
		r, err := p.c.Publish(p.run.ctx, topic, data, o)
		if err == nil {
			err = p.run.truth.receipt(topic, r, item)
		}
		if err != nil {
			p.run.failed("%s: message %d to %s: %v", p.name, n, topic, err)
			return
		}
		if r.Duplicate {
			p.recognised.Add(1)
		}
		if n%7 == 0 {
			again, err := p.c.Publish(p.run.ctx, topic, data, o)
			if err != nil || !again.Duplicate || again.Offset != r.Offset || again.Epoch != r.Epoch {
				p.run.failed("%s: message %d to %s again: %+v, it was %+v: %v", p.name, n, topic, again, r, err)
				return
			}
			p.repeated.Add(1)
		}
		pause.Reset(time.Duration(rand.IntN(80)) * time.Millisecond)
	}
}
