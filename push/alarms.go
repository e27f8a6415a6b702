package push

import (
	"container/heap"
	"sync"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// alarmKind is what a time was set for.
type alarmKind uint8

const (
	alarmExpire alarmKind = iota // the token expires
	alarmWake                    // catchUp may go on
	alarmRetry                   // the sink may take something again
)

// alarms are the times of all sessions, in one heap with one timer. Few sessions have
// one for long.
type alarms struct {
	server *Server

	mu     sync.Mutex
	heap   alarmHeap
	timer  *time.Timer
	closed bool
}

// alarm names a session by its id, so that one which has ended does not live on for it.
// Another may have the id then: no alarm does harm to the wrong one.
type alarm struct {
	at     int64 // Unix nanoseconds
	id     uint32
	opened uint32
	kind   alarmKind
}

type alarmHeap []alarm

func (h alarmHeap) Len() int           { return len(h) }
func (h alarmHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h alarmHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *alarmHeap) Push(x any)        { *h = append(*h, x.(alarm)) }
func (h *alarmHeap) Pop() any {
	old := *h
	n := len(old) - 1
	x := old[n]
	old[n] = alarm{}
	*h = old[:n]
	if cap(*h) > 64 && n < cap(*h)/4 {
		*h = append(make(alarmHeap, 0, cap(*h)/2), *h...)
	}
	return x
}

// set has a session looked at at a time.
func (a *alarms) set(at time.Time, c *Session, kind alarmKind) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	heap.Push(&a.heap, alarm{at.UnixNano(), c.id, c.opened, kind})
	if a.heap[0].at == at.UnixNano() {
		a.arm()
	}
}

// arm sets the timer to the first alarm.
func (a *alarms) arm() {
	d := time.Until(time.Unix(0, a.heap[0].at))
	if a.timer == nil {
		a.timer = time.AfterFunc(d, a.ring)
	} else {
		a.timer.Reset(d)
	}
}

// ring handles the alarms that are due.
func (a *alarms) ring() {
	for {
		a.mu.Lock()
		if a.closed || len(a.heap) == 0 {
			a.mu.Unlock()
			return
		}
		if a.heap[0].at > time.Now().UnixNano() {
			a.arm()
			a.mu.Unlock()
			return
		}
		x := heap.Pop(&a.heap).(alarm)
		a.mu.Unlock()
		if c := a.server.table.get(x.id); c != nil && c.opened == x.opened {
			c.alarm(x.kind)
		}
	}
}

func (a *alarms) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed, a.heap = true, nil
	if a.timer != nil {
		a.timer.Stop()
	}
}

// alarm does what a time was set for.
func (c *Session) alarm(kind alarmKind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch kind {
	case alarmExpire:
		if who := c.identity; who != nil && !who.Expires.IsZero() && !time.Now().Before(who.Expires) {
			c.failLocked(refusal(protocol.CodeExpired, "the token has expired"))
		} else if who != nil && c.rare != nil && c.rare.expiry != 0 && c.rare.expiry <= time.Now().UnixNano() {
			c.rare.expiry = 0
			c.expireAgain(who)
		}
	case alarmRetry:
		c.unset(sessionRetry)
		c.wakeLocked()
	case alarmWake:
		c.unset(sessionThrottled)
		c.wakeLocked()
	}
}
