package push

import (
	"slices"
	"sync"
	"time"

	"github.com/weir-go/weir/push/topic"
)

// slice is how many receivers one lane serves before others get their turn.
const slice = 512

// ahead is how many receivers are looked at before the first of them is served. Each is
// several cache misses away, and those of many are waited for together, but not across a
// system call.
const ahead = 16

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

// lane is a sequence of messages for the same subscribers.
type lane struct {
	topic *topicState // nil: the one for filters with wildcards

	// Guarded by fanOut.mu.
	waiting fifo[*publication]
	queued  bool // in runnable, or with a worker

	current *batch // of the worker that runs the lane
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
	l.waiting.push(p)
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
	for left := slice; left > 0; {
		if l.current == nil {
			if l.current = f.take(l); l.current == nil {
				break
			}
		}
		left -= f.serveSlice(l, left, &n)
	}
	if l.topic != nil {
		l.topic.delivered.Add(n.sent)
	}
	f.server.count(&n)
	f.mu.Lock()
	defer f.mu.Unlock()
	if l.queued = l.current != nil || l.waiting.len() > 0; l.queued {
		f.runnable.push(l)
		f.work.Signal()
	}
}

// serveSlice gives the current batch of a lane to at most as many receivers as left says,
// and returns to how many.
func (f *fanOut) serveSlice(l *lane, left int, n *tally) int {
	b := l.current
	upTo := min(len(b.audience), b.next+left)
	for ids := range slices.Chunk(b.audience[b.next:upTo], ahead) {
		var sessions [ahead]*Session
		for i, id := range ids {
			if sessions[i] = f.server.table.get(id); sessions[i] != nil {
				sessions[i].sink.Writable()
			}
		}
		for _, c := range sessions[:len(ids)] {
			switch {
			case c == nil: // it has gone
			case l.topic != nil:
				c.deliverBatch(l.topic, b, n)
			default:
				c.deliverWildBatch(b, n)
			}
		}
	}
	served := max(upTo-b.next, 1)
	if b.next = upTo; upTo == len(b.audience) {
		l.current = nil
		for i, p := range b.all {
			p.receivers.Add(b.receivers[i])
			if p.left.Add(-1) == 0 {
				f.finished(p)
			}
		}
		b.release()
	}
	return served
}

// audience appends who is to get a message, each once, in the order in which they have
// come, more or less: that is the order in which the kernel, and the heap, have what
// belongs to their connections, and serving them at random was some fifth dearer.
func (f *fanOut) audience(l *lane, name string, ids []uint32) []uint32 {
	if l.topic != nil {
		ids = f.server.topics.audience(l.topic, ids)
		slices.Sort(ids)
		return ids
	}
	w := &f.server.wild
	w.mu.RLock()
	ids = w.tree.Match(name, ids)
	w.mu.RUnlock()
	slices.Sort(ids)
	return slices.Compact(ids)
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
