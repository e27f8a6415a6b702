package push

import (
	"cmp"
	"encoding/json"
	"runtime/metrics"
	"slices"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// statsTopic is where a Report is published each second, if somebody listens.
const statsTopic = "$weir/stats"

// topCount is how many topics and clients a Report lists.
const topCount = 10

// Gauges are figures of the transport for Report.
type Gauges struct {
	LoopLag time.Duration
}

// SetGauges gives the server a function for the figures of the transport.
func (s *Server) SetGauges(f func() Gauges) { s.gauges.Store(&f) }

// reporter makes Reports. It belongs to the goroutine that ticks.
type reporter struct {
	server *Server
	last   Stats
	at     time.Time
	heard  bool // somebody was subscribed at the last tick, so that rates of topics are known
}

// tick makes and publishes a Report, if somebody is subscribed.
func (r *reporter) tick() {
	s := r.server
	st, now := s.Stats(), time.Now()
	last, seconds := r.last, now.Sub(r.at).Seconds()
	r.last, r.at = st, now
	heard := r.heard
	if r.heard = s.heard(statsTopic); !r.heard {
		return
	}
	top := s.topTopics(seconds)
	if !heard {
		return // what was counted has come in more than a second
	}
	report := Report{
		Time:        now.UnixMilli(),
		Stats:       st,
		PublishRate: float64(st.Published-last.Published) / seconds,
		DeliverRate: float64(st.Delivered-last.Delivered) / seconds,
		BytesRate:   float64(st.BytesOut-last.BytesOut) / seconds,
		FanOutP99:   st.FanOut.Sub(last.FanOut).Quantile(0.99),
		Memory:      memory(),
		TopTopics:   top,
		Slowest:     s.Clients(topCount),
	}
	if f := s.gauges.Load(); f != nil {
		report.LoopLag = (*f)().LoopLag.Seconds()
	}
	b, err := json.Marshal(report)
	if err != nil {
		s.config.Logger.Error("push: a report cannot be encoded", "err", err)
		return
	}
	// A refused one is made up for by the next.
	_ = s.pipeline.enter(s.begin(s.ctx, newMessage(statsTopic, protocol.AtMostOnce, b)))
}

// heard reports whether anybody is subscribed to a topic, by its name or a filter.
func (s *Server) heard(name string) bool {
	if s.topics.lookup(name) != nil {
		return true
	}
	s.wild.mu.RLock()
	defer s.wild.mu.RUnlock()
	return len(s.wild.tree.Match(name, nil)) > 0
}

// topTopics returns the topics with the most deliveries since the last call.
func (s *Server) topTopics(seconds float64) (top []TopicStats) {
	s.topics.each(func(t *topicState) {
		if n := t.delivered.Swap(0); n > 0 {
			top = append(top, TopicStats{Name: t.name, Subscribers: t.subscribers.Len(), Rate: float64(n) / seconds})
		}
	})
	slices.SortFunc(top, func(a, b TopicStats) int { return cmp.Compare(b.Rate, a.Rate) })
	top = top[:min(len(top), topCount)]
	for i := range top {
		e := s.log.Topic(top[i].Name)
		top[i].Epoch, top[i].First, top[i].Last = e.Epoch, e.First, e.Last
		top[i].Messages = int(max(e.Last+1, e.First, 1) - max(e.First, 1))
	}
	return top
}

// memory returns what the Go runtime has taken from the system and not given back.
func memory() uint64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64()
}

// Clients returns the sessions that lag most, at most limit. It looks at all sessions.
func (s *Server) Clients(limit int) []ClientStats {
	limit = max(limit, 0)
	var all []ClientStats
	less := func(a, b ClientStats) int {
		return cmp.Or(cmp.Compare(b.Lag, a.Lag), cmp.Compare(b.Queued+b.Buffered, a.Queued+a.Buffered),
			cmp.Compare(b.Unacked, a.Unacked), cmp.Compare(b.Dropped, a.Dropped))
	}
	s.table.each(func(c *Session) bool {
		if st, ok := c.stats(); ok {
			if all = append(all, st); len(all) >= 4*limit+64 {
				slices.SortStableFunc(all, less)
				all = all[:limit]
			}
		}
		return true
	})
	slices.SortStableFunc(all, less)
	return all[:min(limit, len(all))]
}

// stats returns a line of Clients.
func (c *Session) stats() (st ClientStats, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.has(sessionGreeted) || c.has(sessionEnded) {
		return st, false
	}
	st = ClientStats{
		User: c.identity.User, Session: c.name(), Format: c.format.Name,
		Subs: len(c.subs), Buffered: c.sink.Buffered(), Age: c.age(),
	}
	for i := range c.subs {
		s := &c.subs[i]
		if s.has(subBehind) {
			st.Lag += lag(c.format.server.log.Topic(s.topic.name).Last, s.sent)
		}
		st.Unacked += uint64(s.unacked)
	}
	if x := c.rare; x != nil {
		st.Dropped = x.dropped
		if x.queue != nil {
			st.Queued = x.queue.size
		}
		if w := x.wild; w != nil {
			st.Subs += len(w.filters)
			if w.flags&subBehind != 0 {
				st.Lag += lag(c.format.server.log.All().Last, w.sent)
			}
			if w.flags&subAtLeastOnce != 0 {
				st.Unacked += w.sent - w.acked
			}
		}
	}
	st.Remote = c.sink.RemoteAddr().String()
	return st, true
}

func lag(last, sent uint64) uint64 { return max(last, sent) - sent }

// Topics returns topics that are subscribed to or in the log, in order, behind a name.
func (s *Server) Topics(prefix, after string, limit int) ([]TopicStats, error) {
	limit = max(limit, 0)
	logged, err := s.log.Topics(nil, prefix, after, limit)
	if err != nil {
		return nil, unavailable(err)
	}
	byName := make(map[string]TopicStats, len(logged))
	for _, t := range logged {
		byName[t.Name] = TopicStats{Name: t.Name, Messages: t.Messages, Bytes: t.Bytes, Epoch: t.Epoch, First: t.First, Last: t.Last}
	}
	s.topics.each(func(t *topicState) {
		if len(t.name) >= len(prefix) && t.name[:len(prefix)] == prefix && t.name > after {
			st := byName[t.name]
			st.Name, st.Subscribers = t.name, t.subscribers.Len()
			byName[t.name] = st
		}
	})
	all := make([]TopicStats, 0, len(byName))
	for _, t := range byName {
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b TopicStats) int { return cmp.Compare(a.Name, b.Name) })
	return all[:min(limit, len(all))], nil
}
