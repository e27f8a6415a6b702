package push

import (
	"net/netip"
	"testing"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

type deaf struct{ Sink }

func (deaf) RemoteAddr() (a netip.AddrPort) { return a }
func (deaf) Writable() bool                 { return true }
func (deaf) SetPing(time.Duration)          {}
func (deaf) Close(protocol.Code)            {}

// Who looks up ids that have just been read may find another session, which has said no
// HELLO yet.
func TestPresenceOfAnother(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := &Format{Name: "test"}
	if err := s.Register(f); err != nil {
		t.Fatal(err)
	}
	c := s.Attach(deaf{}, f)
	topic := s.topics.add(s.log, "t", c.id, true)
	if p, err := s.Presence("t"); err != nil || len(p.Clients) != 0 {
		t.Errorf("%v, %v", p, err)
	}
	s.presence.changes = map[*topicState]*changes{topic: {joined: []string{"x"}}}
	s.tellPresence() // deaf panics if something is sent
	s.topics.remove(s.log, topic, c.id)
	c.Closed(nil)
}
