package push

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
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
	switch {
	case err != nil:
		return nil, authError(err)
	case strings.Contains(who.User, "\x00"): // its sessions' keys could be another's
		return nil, authError(errors.New("push: the name of a user has a zero byte"))
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
	case strings.IndexByte(f.Session, 0) >= 0: // it ends the user in the key
		c.Refuse(protocol.CodeMalformed, "the name of a session has no NUL")
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
	key := sessionKey(who.User, f.Session)
	c.mu.Lock()
	c.key = key
	c.mu.Unlock()
	s.register(c, key)
	c.mu.Lock()
	if c.has(sessionEnded) {
		c.mu.Unlock()
		s.unregister(c, key)
		return
	}
	c.set(sessionGreeted)
	s.counts.sessions.Add(1)
	if f.Session != "" {
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
		Session:    c.name(),
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

// expireAgain is expire for a token that has been renewed. An alarm that is due before is
// enough, it sets the next: or else each TOKEN would leave one behind. c.mu is held.
func (c *Session) expireAgain(who *Identity) {
	if who.Expires.IsZero() {
		return
	}
	if at, x := who.Expires.UnixNano(), c.ext(); x.expiry == 0 || at < x.expiry {
		x.expiry = at
		c.expire(who)
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
	c.expireAgain(who)
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

// names finds sessions by their keys, of which it keeps 64 bits: a table of strings would
// take twice as much for each session.
type names struct {
	seed maphash.Seed
	mu   sync.Mutex
	ids  map[uint64]uint32
}

// register makes a session findable by its key. One that has the key already ends.
func (s *Server) register(c *Session, key string) {
	n := &s.names
	h := maphash.String(n.seed, key)
	n.mu.Lock()
	other := s.table.get(n.ids[h])
	n.ids[h] = c.id
	n.mu.Unlock()
	if other == nil {
		return
	}
	other.mu.Lock()
	defer other.mu.Unlock()
	if other.key == key { // or else, once in 2^64, it can no longer be found
		if !other.has(sessionEnded) {
			s.counts.takenOver.Add(1)
		}
		other.failLocked(refusal(protocol.CodeTakenOver, "another connection has this session now"))
	}
}

// unregister is the contrary.
func (s *Server) unregister(c *Session, key string) {
	n := &s.names
	h := maphash.String(n.seed, key)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ids[h] == c.id {
		delete(n.ids, h)
	}
}

// sessionKey returns the key of a session. Without a name it gets one of 88 random
// bits: as many as make up, with the zero byte, 16 bytes of memory.
func sessionKey(user, name string) string {
	key := make([]byte, 0, 128)
	key = append(append(key, user...), 0)
	if name != "" {
		return string(append(key, name...))
	}
	var b [11]byte
	rand.Read(b[:])
	return string(base64.RawURLEncoding.AppendEncode(key, b[:]))
}

// remaining is the time until a token expires, in seconds, rounded up; 0: it does not.
func remaining(t time.Time) uint32 {
	if t.IsZero() {
		return 0
	}
	return uint32(max(1, min((time.Until(t)+time.Second-1)/time.Second, 1<<32-1)))
}
