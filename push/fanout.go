package push

import (
	"slices"
	"sync"
	"time"

	"github.com/weir-go/weir/push/topic"
)

// slice is how many receivers one lane serves before others get their turn.
const slice = 512

// fanOut hands messages to their receivers. Each topic is a lane, in which one message
// follows the other; lanes take turns, a slice of receivers each, so that a topic with a
// huge audience does not keep the others waiting. Those who are subscribed to filters
// with wildcards have a lane of their own, for all topics, so that what they get has the
// order of the log's positions.
type fanOut struct {
	server *Server

	mu       sync.Mutex
	work     sync.Cond
	runnable fifo[*lane]
	closed   bool
	workers  sync.WaitGroup
}

// lane is a sequence of messages for the same subscribers. Guarded by fanOut.mu; the job
// in front belongs to the worker that runs the lane.
type lane struct {
	topic  *topicState // nil: the one for filters with wildcards
	jobs   fifo[job]
	queued bool // in runnable, or with a worker
}

// job is a message and who is still to get it.
type job struct {
	p        *publication
	audience *[]uint32 // nil: not begun
	next     int
}

// wilds are the filters with wildcards of all sessions.
type wilds struct {
	mu   sync.RWMutex // taken after a session's
	tree topic.Tree
	lane lane
}

func (f *fanOut) init(s *Server, workers int) {
	f.server = s
	f.work.L = &f.mu
	for range workers {
		f.workers.Go(f.run)
	}
}

// enter takes a message that is in the log, if it has to be.
func (f *fanOut) enter(p *publication) {
	s := f.server
	t := s.topics.lookup(p.m.record.Topic)
	s.wild.mu.RLock()
	wild := s.wild.tree.Len() > 0
	s.wild.mu.RUnlock()
	lanes := int32(0)
	if t != nil {
		lanes++
	}
	if wild {
		lanes++
	}
	if lanes == 0 {
		f.finished(p)
		return
	}
	p.left.Store(lanes)
	s.traceFanOut(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	if t != nil {
		f.append(&t.lane, p)
	}
	if wild {
		f.append(&s.wild.lane, p)
	}
}

// append puts a message at the end of a lane. f.mu is held.
func (f *fanOut) append(l *lane, p *publication) {
	l.jobs.push(job{p: p})
	if !l.queued {
		l.queued = true
		f.runnable.push(l)
		f.work.Signal()
	}
}

// run is a worker: it serves lanes, a slice each.
func (f *fanOut) run() {
	for {
		f.mu.Lock()
		for f.runnable.len() == 0 && !f.closed {
			f.work.Wait()
		}
		if f.runnable.len() == 0 {
			f.mu.Unlock()
			return
		}
		l := f.runnable.pop()
		f.mu.Unlock()
		f.serve(l)
	}
}

// serve serves a lane for a slice, and has it stand in line again if there is more.
func (f *fanOut) serve(l *lane) {
	var n tally
	for left := slice; left > 0 && f.serveOne(l, &left, &n); {
	}
	if l.topic != nil {
		l.topic.delivered.Add(n.sent)
	}
	f.server.count(&n)
	f.mu.Lock()
	defer f.mu.Unlock()
	if l.queued = l.jobs.len() > 0; l.queued {
		f.runnable.push(l)
		f.work.Signal()
	}
}

// serveOne gives the message in front of a lane to as many receivers as left allows, or
// reports that there is none.
func (f *fanOut) serveOne(l *lane, left *int, n *tally) bool {
	f.mu.Lock()
	if l.jobs.len() == 0 {
		f.mu.Unlock()
		return false
	}
	j := *l.jobs.front()
	f.mu.Unlock()

	if j.audience == nil {
		j.audience = f.audience(l, j.p.m)
	}
	sent := n.sent
	upTo := min(len(*j.audience), j.next+*left)
	for _, id := range (*j.audience)[j.next:upTo] {
		if c := f.server.table.get(id); c == nil {
			continue
		} else if l.topic != nil {
			c.deliver(l.topic, j.p.m, n)
		} else {
			c.deliverWild(j.p.m, n)
		}
	}
	j.p.receivers.Add(int64(n.sent - sent))
	*left -= max(upTo-j.next, 1)
	j.next = upTo

	done := upTo == len(*j.audience)
	f.mu.Lock()
	if done {
		l.jobs.pop()
	} else {
		*l.jobs.front() = j
	}
	f.mu.Unlock()
	if done {
		audiences.Put(j.audience)
		if j.p.left.Add(-1) == 0 {
			f.finished(j.p)
		}
	}
	return true
}

// audiences lends slices for the ids of receivers.
var audiences = sync.Pool{New: func() any { return new([]uint32) }}

// audience returns who is to get a message.
func (f *fanOut) audience(l *lane, m *message) *[]uint32 {
	ids := audiences.Get().(*[]uint32)
	if l.topic != nil {
		*ids = f.server.topics.audience(l.topic, (*ids)[:0])
		return ids
	}
	w := &f.server.wild
	w.mu.RLock()
	*ids = w.tree.Match(m.record.Topic, (*ids)[:0])
	w.mu.RUnlock()
	slices.Sort(*ids)
	*ids = slices.Compact(*ids)
	return ids
}

// finished is called when a message has reached everybody.
func (f *fanOut) finished(p *publication) {
	now := f.server.now()
	f.server.hists.fanOut.observe((now - p.logged).Seconds())
	f.server.hists.latency.observe((now - p.started).Seconds())
	f.server.pipeline.leave(p, nil)
}

// close waits until everything that was taken is handed out.
func (f *fanOut) close() {
	f.mu.Lock()
	f.closed = true
	f.work.Broadcast()
	f.mu.Unlock()
	f.workers.Wait()
}

// now returns the time since the server's start.
func (s *Server) now() time.Duration { return time.Since(s.started) }
