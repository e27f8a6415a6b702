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

type mute struct{ deaf }

func (mute) Write([]byte) error { return nil }

// renewals are tokens that hold for an hour, "a", and a bit less, "b".
type renewals struct{ begin time.Time }

func (r renewals) Authenticate(token string) (*Identity, error) {
	return &Identity{User: "u", Expires: r.begin.Add(time.Hour - time.Duration(token[0])*time.Second)}, nil
}

// Whoever renews a token again and again leaves no alarm behind each time.
func TestAlarmsOfTokens(t *testing.T) {
	s, err := New(Config{Auth: renewals{time.Now()}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := &Format{Name: "test"}
	if err := s.Register(f); err != nil {
		t.Fatal(err)
	}
	c := s.Attach(mute{}, f)
	c.hello(&protocol.Hello{Version: protocol.Version, Token: "a"})
	for range 100 {
		c.renew(&protocol.Token{ID: 1, Token: "b"})
		c.renew(&protocol.Token{ID: 1, Token: "a"})
	}
	s.alarms.mu.Lock()
	n := len(s.alarms.heap)
	s.alarms.mu.Unlock()
	if n > 2 {
		t.Errorf("%d alarms", n)
	}
	// The alarm for the token before has the next one set.
	c.mu.Lock()
	c.rare.expiry = 1
	c.mu.Unlock()
	c.alarm(alarmExpire)
	c.mu.Lock()
	if at := c.identity.Expires.UnixNano(); c.rare.expiry != at {
		t.Errorf("the next alarm is at %d, want %d", c.rare.expiry, at)
	}
	c.mu.Unlock()
	c.Closed(nil)
}
