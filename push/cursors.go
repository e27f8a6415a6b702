package push

import (
	"container/list"
	"encoding/json"
	"sync"
	"time"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/push/topic"
)

// savedPlace is where a session was in what it is subscribed to: what it has
// acknowledged.
type savedPlace struct {
	Filter string `json:"f"`
	protocol.Cursor
}

// savedSession is what is stored of a session.
type savedSession struct {
	At     int64        `json:"at"` // Unix seconds
	Places []savedPlace `json:"places"`
}

// cursors remember where sessions were: in memory those whose connection has ended, the
// latest MaxDetached of them; and, if the log survives a restart, there all, not later
// than a second after they have moved.
type cursors struct {
	server *Server
	stored bool // in the log, too

	mu       sync.Mutex
	detached map[string]*list.Element // by key
	order    list.List                // of *detachedSession, the oldest in front
	touched  []uint32                 // ids of sessions that have moved since they were saved
	changed  map[string][]byte        // to be stored: sessions that have ended, and nil for those nobody needs
}

type detachedSession struct {
	key string
	savedSession
}

func (s *cursors) init(server *Server) {
	s.server = server
	s.detached = map[string]*list.Element{}
	_, memory := server.log.(*msglog.Memory)
	s.stored = !memory
}

// acknowledge takes an ACK. The turn's.
func (c *Session) acknowledge(f *protocol.Ack) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.Filter == "" || topic.Wildcard(f.Filter) {
		if c.rare != nil && c.rare.wild != nil {
			if w := c.rare.wild; f.Offset > w.acked && f.Offset <= w.sent {
				w.acked = f.Offset
				c.touchLocked()
			}
		}
		return
	}
	t := c.format.server.topics.lookup(f.Filter)
	if t == nil {
		return
	}
	if i, ok := c.subscriptionTo(t); ok {
		if s := &c.subs[i]; f.Offset > s.acked() && f.Offset <= s.sent {
			s.unacked = uint32(s.sent - f.Offset)
			c.touchLocked()
		}
	}
}

// touchLocked has the session's cursors saved soon. c.mu is held.
func (c *Session) touchLocked() {
	s := &c.format.server.cursors
	if !s.stored || c.has(sessionTouched|sessionEnded) {
		return
	}
	c.set(sessionTouched)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touched = append(s.touched, c.id)
}

// placesLocked returns where the session is, in what it reads with QoS 1, and where it was
// in what it has not subscribed to again yet: the connection may end before it has. c.mu
// is held.
func (c *Session) placesLocked() (places []savedPlace) {
	log := c.format.server.log
	for i := range c.subs {
		if s := &c.subs[i]; s.has(subAtLeastOnce) {
			places = append(places, savedPlace{s.topic.name, protocol.Cursor{Epoch: log.Topic(s.topic.name).Epoch, Offset: s.acked()}})
		}
	}
	if c.rare == nil {
		return places
	}
	if c.rare.wild != nil {
		epoch := log.All().Epoch
		for _, f := range c.rare.wild.filters {
			if f.qos == protocol.AtLeastOnce {
				places = append(places, savedPlace{f.filter, protocol.Cursor{Epoch: epoch, Offset: max(f.from, c.rare.wild.acked)}})
			}
		}
	}
	for _, p := range c.rare.resumed {
		if len(places) >= c.format.server.config.MaxSubs {
			break
		}
		places = append(places, p)
	}
	return places
}

// keep remembers a session that ends. c.mu is held.
func (s *cursors) keep(c *Session) {
	places := c.placesLocked()
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.detached[c.key]; e != nil {
		s.order.Remove(e)
		delete(s.detached, c.key)
	}
	if len(places) == 0 {
		return
	}
	d := &detachedSession{c.key, savedSession{time.Now().Unix(), places}}
	s.detached[c.key] = s.order.PushBack(d)
	if s.stored {
		s.store(c.key, &d.savedSession)
	}
	for s.order.Len() > s.server.config.MaxDetached {
		s.forget(s.order.Front())
	}
}

// forget forgets a session. s.mu is held.
func (s *cursors) forget(e *list.Element) {
	d := s.order.Remove(e).(*detachedSession)
	delete(s.detached, d.key)
	if s.stored {
		s.store(d.key, nil)
	}
}

// store has what is known of a session stored by the next save. s.mu is held.
func (s *cursors) store(key string, saved *savedSession) {
	if s.changed == nil {
		s.changed = map[string][]byte{}
	}
	s.changed[key] = nil
	if saved != nil {
		s.changed[key], _ = json.Marshal(saved) // it has no values that JSON lacks
	}
}

// of returns where a session was, and no longer keeps that.
func (s *cursors) of(key string) map[string]savedPlace {
	s.mu.Lock()
	e := s.detached[key]
	var saved savedSession
	if e != nil {
		saved = s.order.Remove(e).(*detachedSession).savedSession
		delete(s.detached, key)
	}
	s.mu.Unlock()
	if e == nil && s.stored {
		b, err := s.server.log.LoadCursors(key)
		if err == nil && b != nil {
			err = json.Unmarshal(b, &saved)
		}
		if err != nil {
			s.server.config.Logger.Warn("push: where a session was cannot be read", "err", err)
		}
	}
	if time.Since(time.Unix(saved.At, 0)) > s.server.config.DetachedTTL {
		return nil
	}
	places := make(map[string]savedPlace, len(saved.Places))
	for _, p := range saved.Places {
		places[p.Filter] = p
	}
	return places
}

// remembered returns where the session is with a filter that it reads with QoS 1, or was
// before this connection, or nil. The turn's.
func (c *Session) remembered(filter string) *protocol.Cursor {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.format.server
	if topic.Wildcard(filter) {
		if c.rare != nil && c.rare.wild != nil {
			for _, f := range c.rare.wild.filters {
				if f.filter == filter && f.qos == protocol.AtLeastOnce {
					return &protocol.Cursor{Epoch: s.log.All().Epoch, Offset: max(f.from, c.rare.wild.acked)}
				}
			}
		}
	} else if t := s.topics.lookup(filter); t != nil {
		if i, ok := c.subscriptionTo(t); ok && c.subs[i].has(subAtLeastOnce) {
			return &protocol.Cursor{Epoch: s.log.Topic(filter).Epoch, Offset: c.subs[i].acked()}
		}
	}
	if c.rare == nil {
		return nil
	}
	if p, ok := c.rare.resumed[filter]; ok {
		return &p.Cursor
	}
	return nil
}

// takePlaceLocked forgets where the session was with a filter before this connection: it
// is subscribed to it by now, or no longer wants it. c.mu is held.
func (c *Session) takePlaceLocked(filter string) {
	if c.rare == nil || c.rare.resumed == nil {
		return
	}
	if delete(c.rare.resumed, filter); len(c.rare.resumed) == 0 {
		c.rare.resumed = nil
	}
}

// save forgets sessions that have been away for too long, and stores the cursors that
// have changed.
func (s *cursors) save() {
	oldest := time.Now().Add(-s.server.config.DetachedTTL).Unix()
	s.mu.Lock()
	for e := s.order.Front(); e != nil && e.Value.(*detachedSession).At < oldest; e = s.order.Front() {
		s.forget(e)
	}
	touched := s.touched
	s.touched = nil
	s.mu.Unlock()
	now := time.Now().Unix()
	for _, id := range touched {
		if c := s.server.table.get(id); c != nil {
			c.mu.Lock()
			c.unset(sessionTouched)
			if !c.has(sessionEnded) {
				var saved *savedSession // nil if nothing is left to come back to
				if places := c.placesLocked(); len(places) > 0 {
					saved = &savedSession{now, places}
				}
				s.mu.Lock()
				s.store(c.key, saved)
				s.mu.Unlock()
			}
			c.mu.Unlock()
		}
	}
	s.mu.Lock()
	changed := s.changed
	s.changed = nil
	s.mu.Unlock()
	if len(changed) == 0 {
		return
	}
	err := s.server.log.SaveCursors(changed)
	if err == nil {
		return
	}
	s.server.config.Logger.Warn("push: where sessions are cannot be stored, will be tried again", "sessions", len(changed), "err", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = changed
		return
	}
	for key, b := range changed {
		if _, newer := s.changed[key]; !newer {
			s.changed[key] = b
		}
	}
}
