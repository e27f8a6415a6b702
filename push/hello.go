package push

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/weir-go/weir/push/protocol"
)

// anonymous is everybody if there is no Authenticator.
var anonymous = &Identity{Publish: []string{"#"}, Subscribe: []string{"#", "$weir/#"}, API: true}

// authenticate returns who a token stands for.
func (s *Server) authenticate(token string) (*Identity, *Error) {
	if s.config.Auth == nil {
		return anonymous, nil
	}
	who, err := s.config.Auth.Authenticate(token)
	if err != nil {
		return nil, authError(err)
	}
	return who, nil
}

// hello takes the first frame. The turn's.
func (c *Session) hello(f *protocol.Hello) {
	s := c.format.server
	switch {
	case f.Version != protocol.Version:
		c.Refuse(protocol.CodeVersion, fmt.Sprintf("version %d is not spoken here, but %d", f.Version, protocol.Version))
		return
	case len(f.Session) > s.config.MaxTopic || !utf8.ValidString(f.Session):
		c.Refuse(protocol.CodeTooLarge, fmt.Sprintf("the name of a session is UTF-8, of up to %d bytes", s.config.MaxTopic))
		return
	case len(f.Cursors) > s.config.MaxSubs:
		c.Refuse(protocol.CodeTooManySubs, fmt.Sprintf("a session may have %d subscriptions", s.config.MaxSubs))
		return
	}
	who, err := s.authenticate(f.Token)
	if err != nil {
		c.fail(err)
		return
	}
	f.Token = ""
	c.mu.Lock()
	c.identity = who
	c.mu.Unlock()
	s.admission.enter(c, f)
}

// greet accepts a HELLO that was admitted. The turn's.
func (c *Session) greet(f *protocol.Hello) {
	s := c.format.server
	who := c.who()
	name, fresh := f.Session, false
	if name == "" {
		name, fresh = newSessionName(), true
	}
	key := who.User + "\x00" + name
	s.register(c, key)
	c.mu.Lock()
	if c.has(sessionEnded) {
		c.mu.Unlock()
		s.unregister(c, key)
		return
	}
	c.key = key
	c.set(sessionGreeted)
	s.counts.sessions.Add(1)
	if !fresh {
		if places := s.cursors.of(key); len(places) > 0 {
			c.ext().resumed = places
		}
	}
	ping := s.config.Ping
	if s.config.PingFor != nil {
		if d := s.config.PingFor(c.infoLocked()); d > 0 && d != ping {
			ping = d
			c.sink.SetPing(d)
		}
	}
	c.sendLocked(&protocol.Welcome{
		Session:    name,
		Ping:       milliseconds(ping),
		Expires:    remaining(who.Expires),
		MaxMessage: uint32(s.config.MaxMessage),
		MaxSubs:    uint32(s.config.MaxSubs),
		MaxTopic:   uint32(s.config.MaxTopic),
		MaxFlight:  uint32(s.config.MaxFlight),
	})
	c.mu.Unlock()
	c.expire(who)
	for i, q := range f.Cursors {
		c.subscribe(uint32(i+1), q)
	}
}

// expire has the session end when its token does.
func (c *Session) expire(who *Identity) {
	if !who.Expires.IsZero() {
		c.format.server.alarms.set(who.Expires, c, alarmExpire)
	}
}

// renew takes a new token. The turn's.
func (c *Session) renew(f *protocol.Token) {
	who, err := c.format.server.authenticate(f.Token)
	if err != nil {
		c.refuse(f.ID, err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if who.User != c.identity.User {
		c.refuseLocked(f.ID, refusal(protocol.CodeForbidden, "the token is another user's"))
		return
	}
	for _, filter := range c.filtersLocked() {
		if !allowed(who.Subscribe, filter) {
			c.refuseLocked(f.ID, refusal(protocol.CodeForbidden, "the token does not allow the subscription to "+filter))
			return
		}
	}
	c.identity = who
	c.sendLocked(&protocol.Token{ID: f.ID, Expires: remaining(who.Expires)})
	c.expire(who)
}

// filtersLocked returns what the session is subscribed to.
func (c *Session) filtersLocked() (filters []string) {
	for i := range c.subs {
		filters = append(filters, c.subs[i].topic.name)
	}
	if c.rare != nil && c.rare.wild != nil {
		for _, f := range c.rare.wild.filters {
			filters = append(filters, f.filter)
		}
	}
	return filters
}

// infoLocked returns what is known of the client.
func (c *Session) infoLocked() ClientInfo {
	return ClientInfo{User: c.identity.User, Session: c.name(), Remote: c.sink.RemoteAddr(), Format: c.format.Name}
}

// name returns the session's name, as the client knows it.
func (c *Session) name() string { return c.key[len(c.identity.User)+1:] }

// label is what others are told of the client; the name of an anonymous session is what
// it comes back with, and a secret.
func (c *Session) label() string {
	if c.identity.User != "" {
		return c.identity.User
	}
	return fmt.Sprintf("#%d", c.id)
}

// register makes a session findable by its name. One that has the name already ends.
func (s *Server) register(c *Session, key string) {
	for {
		s.names.Lock()
		other := s.names.byKey[key]
		if other == nil {
			s.names.byKey[key] = c
			s.names.Unlock()
			return
		}
		delete(s.names.byKey, key)
		s.names.Unlock()
		s.counts.takenOver.Add(1)
		other.fail(refusal(protocol.CodeTakenOver, "another connection has this session now"))
	}
}

// unregister is the contrary.
func (s *Server) unregister(c *Session, key string) {
	s.names.Lock()
	defer s.names.Unlock()
	if s.names.byKey[key] == c {
		delete(s.names.byKey, key)
	}
}

// newSessionName returns 128 random bits.
func newSessionName() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// remaining is the time until a token expires, in seconds, rounded up; 0: it does not.
func remaining(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return uint32(max(1, min((time.Until(t)+time.Second-1)/time.Second, 1<<32-1)))
}
