package push

import (
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/weir-go/weir/push/protocol"
)

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(subscription{}); n > 24 {
		t.Errorf("a subscription has %d bytes", n)
	}
	if n := unsafe.Sizeof(Session{}); n > 112 {
		t.Errorf("a session has %d bytes", n)
	}
}

// nowhere is a Sink that takes everything.
type nowhere struct{}

func (nowhere) Send(any) error             { return nil }
func (nowhere) Write([]byte) error         { return nil }
func (nowhere) Writable() bool             { return true }
func (nowhere) Buffered() int              { return 0 }
func (nowhere) Do(f func()) error          { return nil }
func (nowhere) Pause()                     {}
func (nowhere) Resume()                    {}
func (nowhere) SetPing(time.Duration)      {}
func (nowhere) Close(protocol.Code)        {}
func (nowhere) RemoteAddr() netip.AddrPort { return netip.AddrPort{} }

// liveBytes returns the bytes that live.
func liveBytes() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A subscription is to take at most 40 bytes where there are a hundred for a session,
// and all of an idle session with one subscription some 200.
func TestMemory(t *testing.T) {
	for _, x := range []struct{ sessions, subs, topics, each, session int }{
		{20_000, 1, 1, 0, 290},
		{5_000, 100, 100, 40, 0},
		{5_000, 100, 1000, 40, 0},
	} {
		t.Run(fmt.Sprint(x), func(t *testing.T) {
			s, err := New(Config{AcceptRate: -1, Logger: slog.New(slog.DiscardHandler), HelloTimeout: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			f := &Format{Name: "nowhere", Wrap: func(b []byte) (any, int, error) { return nil, len(b), nil }}
			if err := s.Register(f); err != nil {
				t.Fatal(err)
			}
			all := make([]*Session, x.sessions)
			before := liveBytes()
			for i := range all {
				c := s.Attach(nowhere{}, f)
				b, _ := protocol.Append(nil, protocol.Binary, &protocol.Hello{Version: protocol.Version})
				c.Receive(b)
				all[i] = c
			}
			greeted := liveBytes()
			for i, c := range all {
				for j := range x.subs {
					c.subscribe(1, protocol.Subscription{Filter: fmt.Sprint("topic/", (i*7+j)%x.topics), QoS: 1})
				}
			}
			subscribed := liveBytes()
			session := int(subscribed-before) / x.sessions
			each := int(subscribed-greeted) / (x.sessions * x.subs)
			t.Logf("a session takes %d bytes, a subscription %d, both %d", int(greeted-before)/x.sessions, each, session)
			if x.each > 0 && each > x.each {
				t.Errorf("a subscription takes %d bytes", each)
			}
			if x.session > 0 && session > x.session {
				t.Errorf("a session with a subscription takes %d bytes", session)
			}
			runtime.KeepAlive(all)
		})
	}
}
