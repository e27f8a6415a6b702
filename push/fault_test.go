package push_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// failing is a log whose Append, or Read, fails when it is told to, or waits.
type failing struct {
	msglog.Log
	append, read atomic.Bool
	gate         chan struct{} // if set, each Append takes one from it
}

func (f *failing) Append(rs []*msglog.Record) error {
	if f.gate != nil {
		<-f.gate
	}
	if f.append.Load() {
		return fmt.Errorf("%w: no space left on device", msglog.ErrUnavailable)
	}
	return f.Log.Append(rs)
}

func (f *failing) Read(dst []*msglog.Record, name string, after uint64, max, size int) ([]*msglog.Record, uint64, error) {
	if f.read.Load() {
		return dst, after, errors.New("input/output error")
	}
	return f.Log.Read(dst, name, after, max, size)
}

// A full disk: PUB of QoS 1 is refused with a temporary error, QoS 0 goes on, and what
// was acknowledged is there when it is over.
func TestFullDisk(t *testing.T) {
	log := &failing{Log: msglog.NewMemory(msglog.MemoryOptions{})}
	b := start(t, push.Config{Log: log})
	sub, pub := b.connect(""), b.connect("")
	sub.sub("t", 1, nil)
	pub.pub("t", 1, "0")
	log.append.Store(true)
	pub.write(&protocol.Pub{ID: 4, Topic: "t", QoS: 1, Data: []byte("lost")})
	if e := pub.refused(protocol.CodeUnavailable); e.ID != 4 || !e.Temporary || e.RetryAfter == 0 {
		t.Fatalf("%+v", e)
	}
	pub.pub("t", 0, "passing")
	_, err := b.Publish(t.Context(), push.Publication{Topic: "t", QoS: 1})
	var e *push.Error
	if !errors.As(err, &e) || e.Code != protocol.CodeUnavailable || !errors.Is(err, msglog.ErrUnavailable) {
		t.Fatal(err)
	}
	log.append.Store(false)
	if ack := pub.pub("t", 1, "1"); ack.Offset != 2 {
		t.Fatalf("%+v", ack)
	}
	for _, want := range []string{"0", "passing", "1"} {
		if got := sub.message(); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	if n := b.Stats().AppendFailed; n != 2 {
		t.Fatal(n)
	}
}

// A log that cannot be read for a while delays those who catch up, and nobody else.
func TestReadFails(t *testing.T) {
	log := &failing{Log: msglog.NewMemory(msglog.MemoryOptions{})}
	b := start(t, push.Config{Log: log})
	pub := b.connect("")
	pub.pub("t", 1, "0")
	log.read.Store(true)
	late, live := b.connect(""), b.connect("")
	late.sub("t", 1, &protocol.Cursor{})
	live.sub("t", 1, nil)
	pub.pub("t", 1, "1")
	if got := live.message(); got != "1" {
		t.Fatal(got)
	}
	late.none()
	log.read.Store(false)
	for _, want := range []string{"0", "1"} {
		if got := late.message(); got != want {
			t.Fatal(got)
		}
	}
}

// Who publishes faster than the log stores is slowed down, and above that refused.
func TestPublishersAreSlowedDown(t *testing.T) {
	log := &failing{Log: msglog.NewMemory(msglog.MemoryOptions{}), gate: make(chan struct{}, 1000)}
	b := start(t, push.Config{Log: log, MaxFlight: 10})
	c := b.connect("")
	for i := range 10 {
		c.write(&protocol.Pub{ID: uint32(i + 1), Topic: "t", QoS: 1})
	}
	isPaused := func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.paused }
	eventually(t, "not read from", isPaused)
	for range 100 {
		log.gate <- struct{}{}
	}
	for range 10 {
		next[*protocol.PubAck](c)
	}
	eventually(t, "read from again", func() bool { return !isPaused() })
}

func TestOverload(t *testing.T) {
	log := &failing{Log: msglog.NewMemory(msglog.MemoryOptions{}), gate: make(chan struct{}, 1000)}
	b := start(t, push.Config{Log: log, MaxMessage: 1000, MaxPending: 10_000})
	c := b.connect("")
	for i := range 10 { // each counts as 1,256 bytes, of which seven fit
		c.write(&protocol.Pub{ID: uint32(i + 1), Topic: "t", QoS: 1, Data: make([]byte, 1000)})
	}
	for range 3 {
		if e := c.refused(protocol.CodeOverloaded); !e.Temporary {
			t.Fatalf("%+v", e)
		}
	}
	eventually(t, "not read from", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.paused })
	for range 100 {
		log.gate <- struct{}{}
	}
	for range 7 {
		next[*protocol.PubAck](c)
	}
	eventually(t, "read from again", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return !c.paused })
}

var beginning = &protocol.Cursor{}

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
