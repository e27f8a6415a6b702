package gateway

import (
	"sync"
	"time"

	"github.com/weir-go/weir/web"
)

// lobby is where sockets are until they have sent something. All may stay equally
// long, so they stand in line, with one timer for the first of them; those that have
// left are skipped when their time has come. A timer for each socket would cost it
// memory for as long as it lives.
type lobby struct {
	timeout time.Duration
	late    func(s *web.Socket) // called for all whose time has come, from any goroutine
	opened  time.Time           // what guest.until counts from

	mu      sync.Mutex
	waiting []guest
	timer   *time.Timer // nil if nobody waits
}

type guest struct {
	socket *web.Socket
	until  time.Duration
}

func newLobby(timeout time.Duration, late func(s *web.Socket)) *lobby {
	return &lobby{timeout: timeout, late: late, opened: time.Now()}
}

func (l *lobby) enter(s *web.Socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, guest{s, time.Since(l.opened) + l.timeout})
	if l.timer == nil {
		l.timer = time.AfterFunc(l.timeout, l.sweep)
	}
}

// sweep sends away those whose time has come.
func (l *lobby) sweep() {
	for _, g := range l.expired() {
		l.late(g.socket)
	}
}

func (l *lobby) expired() []guest {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, n := time.Since(l.opened), 0
	for n < len(l.waiting) && l.waiting[n].until <= now {
		n++
	}
	gone := append([]guest(nil), l.waiting[:n]...)
	if n == len(l.waiting) {
		l.waiting, l.timer = nil, nil
		return gone
	}
	clear(l.waiting[:n])
	l.waiting = l.waiting[n:]
	l.timer.Reset(l.waiting[0].until - now)
	return gone
}
