package push

import (
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"

	"github.com/weir-go/weir/push/protocol"
)

// order is a Sink that notes which topics messages came for.
type order struct {
	nowhere
	got *received
}

type received struct {
	mu     sync.Mutex
	topics []string
	done   sync.WaitGroup
}

func (o order) Send(wire any) error {
	f, err := protocol.Decode(protocol.Binary, wire.([]byte))
	if m, ok := f.(*protocol.Msg); ok && err == nil {
		o.got.mu.Lock()
		o.got.topics = append(o.got.topics, m.Topic)
		o.got.mu.Unlock()
		o.got.done.Done()
	}
	return err
}

// A topic with a huge audience does not keep the others waiting: with a single worker, a
// message for one subscriber arrives while one for ten thousand is under way.
func TestHugeAudienceIsServedInSlices(t *testing.T) {
	const huge = 10_000
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	s, err := New(Config{AcceptRate: -1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := &Format{Name: "order", Wrap: func(b []byte) (any, int, error) { return b, len(b), nil }}
	if err := s.Register(f); err != nil {
		t.Fatal(err)
	}
	got := &received{}
	subscribe := func(topic string) {
		c := s.Attach(order{got: got}, f)
		for _, frame := range []protocol.Frame{
			&protocol.Hello{Version: protocol.Version},
			&protocol.Sub{ID: 1, Subscription: protocol.Subscription{Filter: topic}},
		} {
			b, err := protocol.Append(nil, protocol.Binary, frame)
			if err != nil {
				t.Fatal(err)
			}
			c.Receive(b)
		}
	}
	for range huge {
		subscribe("huge")
	}
	const small = 5
	for i := range small {
		subscribe(fmt.Sprint("small/", i))
	}
	got.done.Add(huge + small)
	ps := []Publication{{Topic: "huge", Data: []byte("x")}}
	for i := range small {
		ps = append(ps, Publication{Topic: fmt.Sprint("small/", i), Data: []byte("x")})
	}
	if _, errs := s.PublishAll(t.Context(), ps); errs != nil {
		t.Fatal(errs)
	}
	got.done.Wait()
	for i, topic := range got.topics {
		if topic != "huge" && i > huge/2 {
			t.Errorf("%s came after %d messages of the other", topic, i)
		}
	}
}
