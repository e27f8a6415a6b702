package push

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/weir-go/weir/push/protocol"
)

// admission spreads the HELLO of those who come back all at once, after a restart or a
// broken link: at AcceptRate they are admitted, and those for whom there is no token yet
// wait in line, connected and not read from. Whoever would have to wait for longer than
// AcceptWait is told when to come back.
type admission struct {
	server  *Server
	limiter *rate.Limiter // nil: no limit
	wait    time.Duration

	mu    sync.Mutex
	line  fifo[applicant]
	timer *time.Timer
	ended bool
}

type applicant struct {
	session *Session
	hello   *protocol.Hello
}

func (a *admission) init(s *Server) {
	a.server, a.wait = s, s.config.AcceptWait
	if s.config.AcceptRate > 0 {
		a.limiter = rate.NewLimiter(rate.Limit(s.config.AcceptRate), s.config.AcceptBurst)
	}
}

// enter admits a session, now or in its turn. The turn's of the session.
func (a *admission) enter(c *Session, hello *protocol.Hello) {
	a.mu.Lock()
	if a.ended {
		a.mu.Unlock()
		c.leave(a.server.goAway(a.server.sessions(), "the server shuts down"))
		return
	}
	if a.limiter == nil || a.line.len() == 0 && a.limiter.Allow() {
		a.mu.Unlock()
		c.greet(hello)
		return
	}
	n := a.line.len()
	if time.Duration(float64(n)/float64(a.limiter.Limit())*float64(time.Second)) > a.wait {
		a.mu.Unlock()
		c.leave(a.server.goAway(n, "too many connect at once"))
		return
	}
	a.server.counts.deferred.Add(1)
	c.mu.Lock() // nobody holds a session's mutex and takes that of the admission
	c.hold(sessionWaiting)
	c.mu.Unlock()
	a.line.push(applicant{c, hello})
	a.arm()
	a.mu.Unlock()
}

// arm sets the timer for the one in front. a.mu is held.
func (a *admission) arm() {
	if a.line.len() > 0 && a.timer == nil {
		a.timer = time.AfterFunc(5*time.Millisecond, a.next)
	}
}

// next admits those for whom there are tokens by now.
func (a *admission) next() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.timer = nil
	for a.line.len() > 0 && !a.ended && a.limiter.Allow() {
		next := a.line.pop()
		c := next.session
		// An error says that it has gone away.
		_ = c.sink.Do(func() {
			c.greet(next.hello)
			c.mu.Lock()
			c.release(sessionWaiting)
			c.mu.Unlock()
		})
	}
	if !a.ended {
		a.arm()
	}
}

// waiting returns how many wait.
func (a *admission) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.line.len()
}

// end admits nobody any more.
func (a *admission) end() {
	a.mu.Lock()
	a.ended = true
	line := a.line.all()
	a.line = fifo[applicant]{}
	a.mu.Unlock()
	for _, x := range line {
		x.session.leave(a.server.goAway(len(line), "the server shuts down"))
	}
}

// goAway sends clients away, n at about the same time: the more, the longer they have to
// spread.
func (s *Server) goAway(n int, reason string) *protocol.GoAway {
	spread := time.Second
	if s.config.AcceptRate > 0 {
		spread = max(spread, time.Duration(2*float64(n)/s.config.AcceptRate*float64(time.Second)))
	}
	return &protocol.GoAway{RetryAfter: 1000, Spread: milliseconds(min(spread, time.Minute)), Reason: reason}
}
