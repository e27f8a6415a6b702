package push

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
)

// publication is a message on its way through the server:
//
//	PUB, Publish ──▶ pipeline ──▶ log.Append ──▶ fan-out ──▶ receivers
//	                 one queue    one group at   a lane for each topic
//	                              a time         and one for wildcards
//	                                 │
//	                                 └─▶ PUBACK
//
// Whatever waits when the group before is done makes up the next group, so that a log
// that syncs for each has the larger groups the slower it is.
type publication struct {
	m       *message
	started time.Duration // since the server's start
	logged  time.Duration // when it was appended

	// Who is told: one of them, or nobody.
	session *Session
	id      uint32
	answer  func(Receipt, *Error)

	left      atomic.Int32 // lanes that are not done with it
	receivers atomic.Int64

	ctx          context.Context // carries the trace
	span, fanOut trace.Span      // nil without a Tracer
}

// begin makes a publication of a message.
func (s *Server) begin(ctx context.Context, m *message) *publication {
	p := &publication{m: m, started: s.now(), ctx: ctx}
	s.traceBegin(p)
	return p
}

// size is what a publication counts against MaxPending.
func (p *publication) size() int64 { return int64(len(p.m.record.Data)) + 256 }

// tell answers the publisher.
func (p *publication) tell(r Receipt, err *Error) {
	switch {
	case p.answer != nil:
		p.answer(r, err)
	case p.session != nil && p.m.qos == protocol.AtLeastOnce:
		p.session.answer(p.id, r, err)
	}
}

// pipeline takes publications to the log, in order, and on to the fan-out.
type pipeline struct {
	server *Server
	max    int64

	pending atomic.Int64 // bytes that have entered and not reached everybody

	mu      sync.Mutex
	queue   []*publication
	waiters []*Session // not read from until there is room
	closed  bool
	wake    chan struct{}
	done    chan struct{}
}

func (l *pipeline) init(s *Server) {
	l.server, l.max = s, int64(s.config.MaxPending)
	l.wake, l.done = make(chan struct{}, 1), make(chan struct{})
}

// enter takes publications, all or none.
func (l *pipeline) enter(ps ...*publication) *Error {
	var size int64
	for _, p := range ps {
		size += p.size()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return &Error{Code: protocol.CodeGoingAway, Temporary: true, RetryAfter: time.Second, Message: "the server shuts down", Err: ErrServerClosed}
	}
	if l.pending.Load()+size > l.max {
		return refusal(protocol.CodeOverloaded, "too many messages wait to be stored and delivered")
	}
	l.pending.Add(size)
	if len(ps) == 0 {
		return nil
	}
	l.queue = append(l.queue, ps...)
	if len(l.queue) == len(ps) {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

// congested reports whether publishers should be slowed down.
func (l *pipeline) congested() bool { return l.pending.Load() > l.max/4*3 }

// wait has a session released when there is room again, or reports false.
func (l *pipeline) wait(c *Session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || !l.congested() {
		return false
	}
	l.waiters = append(l.waiters, c)
	return true
}

// leave is called when a publication has reached everybody, or, with an error, never
// will anybody.
func (l *pipeline) leave(p *publication, err *Error) {
	l.server.traceEnd(p, err)
	if l.pending.Add(-p.size()) > l.max/2 {
		return
	}
	l.mu.Lock()
	waiters := l.waiters
	l.waiters = nil
	l.mu.Unlock()
	for _, c := range waiters {
		c.mu.Lock()
		c.release(sessionCongested)
		c.mu.Unlock()
	}
}

// run appends until the pipeline is closed and empty.
func (l *pipeline) run() {
	defer close(l.done)
	var group []*publication
	var records []*msglog.Record
	for {
		l.mu.Lock()
		l.queue, group = group[:0], l.queue
		closed := l.closed
		l.mu.Unlock()
		if len(group) == 0 {
			if closed {
				return
			}
			<-l.wake
			continue
		}
		for part := range slices.Chunk(group, maxGroup) {
			records = l.append(part, records[:0])
		}
		clear(group)
		clear(records[:cap(records)])
	}
}

// maxGroup is how many messages are appended together at the most.
const maxGroup = 4096

// append takes a group to the log and on.
func (l *pipeline) append(group []*publication, records []*msglog.Record) []*msglog.Record {
	s := l.server
	for _, p := range group {
		if p.m.qos == protocol.AtLeastOnce {
			records = append(records, &p.m.record)
		}
	}
	var err error
	if len(records) > 0 {
		began := s.now()
		s.traceAppend(group, func() { err = s.log.Append(records) })
		s.hists.append.observe((s.now() - began).Seconds())
		s.hists.group.observe(float64(len(records)))
		if err != nil {
			s.appendFailed(len(records), err)
		}
	}
	now := s.now()
	for _, p := range group {
		p.logged = now
		r := &p.m.record
		if p.m.qos == protocol.AtLeastOnce {
			if err != nil {
				e := unavailable(err)
				p.tell(Receipt{}, e)
				l.leave(p, e)
				continue
			}
			p.tell(Receipt{Epoch: r.Epoch, Offset: r.Offset, Duplicate: r.Duplicate}, nil)
			if r.Duplicate {
				s.counts.duplicates.Add(1)
				l.leave(p, nil)
				continue
			}
		}
		s.counts.published.Add(1)
		s.counts.bytesIn.Add(uint64(len(r.Data)))
		s.fanOut.enter(p)
	}
	return records
}

// appendFailed tells the operator, at most once a second.
func (s *Server) appendFailed(n int, err error) {
	s.counts.appendFailed.Add(uint64(n))
	now := s.now()
	if last := s.lastFailure.Load(); now-time.Duration(last) > time.Second && s.lastFailure.CompareAndSwap(last, int64(now)) {
		s.config.Logger.Error("push: messages cannot be stored, and are refused", "messages", n, "err", err)
	}
}

// close stops taking publications and waits for those that were taken.
func (l *pipeline) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	<-l.done
}
