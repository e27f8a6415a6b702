package push_test

import (
	"errors"
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
