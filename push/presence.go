package push

import (
	"slices"
	"sync"

	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/push/topic"
)

// presence collects who comes and goes, for those who want to know, until the next
// second.
type presence struct {
	mu      sync.Mutex
	changes map[*topicState]*changes
}

// changes are those of a topic. The lists are bounded.
type changes struct {
	joined, left []string
	truncated    bool
}

// Presence returns who is subscribed to an exact topic. Those who get it by a filter
// with wildcards do not count. Listed are at most MaxPresence.
func (s *Server) Presence(name string) (protocol.Presence, error) {
	if err := topic.Check(name, s.config.MaxTopic); err != nil {
		return protocol.Presence{}, &Error{Code: protocol.CodeTopic, Message: err.Error(), Err: err}
	}
	p := protocol.Presence{Topic: name}
	t := s.topics.lookup(name)
	if t == nil {
		return p, nil
	}
	ids := s.topics.audience(t, nil)
	p.Count = uint32(len(ids))
	for _, id := range ids {
		if len(p.Clients) == s.config.MaxPresence {
			p.Truncated = true
			break
		}
		if c := s.table.get(id); c != nil {
			c.mu.Lock()
			if _, ok := c.subscriptionTo(t); ok { // or else it has ended, and the id is another's
				p.Clients = append(p.Clients, c.label())
			}
			c.mu.Unlock()
		}
	}
	slices.Sort(p.Clients)
	return p, nil
}

// askPresence takes a PRESENCE. The turn's.
func (c *Session) askPresence(f *protocol.Presence) {
	if err := topic.Check(f.Topic, c.format.server.config.MaxTopic); err != nil {
		c.refuse(f.ID, &Error{Code: protocol.CodeTopic, Message: err.Error(), Err: err})
		return
	}
	if !allowed(c.who().Subscribe, f.Topic) {
		c.refuse(f.ID, refusal(protocol.CodeForbidden, "the token does not allow to subscribe to "+f.Topic))
		return
	}
	p, _ := c.format.server.Presence(f.Topic) // the topic has been checked
	p.ID = f.ID
	c.send(&p)
}

// note notes that a session has come to a topic, or left it. c.mu is held.
func (p *presence) note(t *topicState, c *Session, joined bool) {
	if t.watcherCount.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.changes[t]
	if x == nil {
		if p.changes == nil {
			p.changes = map[*topicState]*changes{}
		}
		x = &changes{}
		p.changes[t] = x
	}
	list := &x.left
	if joined {
		list = &x.joined
	}
	if len(*list) >= c.format.server.config.MaxPresence {
		x.truncated = true
		return
	}
	*list = append(*list, c.label())
}

// tellPresence tells of the changes of the last second.
func (s *Server) tellPresence() {
	p := &s.presence
	p.mu.Lock()
	all := p.changes
	p.changes = nil
	p.mu.Unlock()
	for t, x := range all {
		ids, count := s.topics.watched(t, nil)
		f := &protocol.Presence{Topic: t.name, Count: uint32(count), Joined: x.joined, Left: x.left, Truncated: x.truncated}
		for _, id := range ids {
			if c := s.table.get(id); c != nil {
				c.mu.Lock()
				if _, ok := c.subscriptionTo(t); ok && c.sink.Writable() { // others will be told by the next one's count
					c.sendLocked(f)
				}
				c.mu.Unlock()
			}
		}
	}
}
