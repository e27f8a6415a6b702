package client

import (
	"container/heap"
	"time"
)

// timers is a heap of the clients that wait for something, by time: one timer, of the
// Clock, serves all of them, and a client costs two words. Guarded by Group.mu.
type timers struct {
	heap clientHeap
	at   time.Duration // when the Clock's timer fires; 0: it does not
	stop func() bool
}

// timerSlot is a client's place.
type timerSlot struct {
	at    time.Duration // 0: none
	index int
}

// set has a client be due at a time, or, if that is 0, not.
func (t *timers) set(c *Client, at time.Duration) {
	switch had := c.timer.at != 0; {
	case had && at == 0:
		heap.Remove(&t.heap, c.timer.index)
		c.timer.at = 0
	case had:
		c.timer.at = at
		heap.Fix(&t.heap, c.timer.index)
	case at != 0:
		c.timer.at = at
		heap.Push(&t.heap, c)
	}
}

// arm has c.due called at a time.
func (g *Group) arm(c *Client, at time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.timer.at == at {
		return
	}
	g.timers.set(c, at)
	g.wind()
}

// wind sets the Clock's timer to the earliest time. g.mu is held.
func (g *Group) wind() {
	t := &g.timers
	next := time.Duration(0)
	if len(t.heap) > 0 {
		next = t.heap[0].timer.at
	}
	// One that fires too early does no harm: it is set anew then.
	if t.at != 0 && next != 0 && t.at <= next {
		return
	}
	if t.at != 0 {
		t.stop()
	}
	if t.at = next; next != 0 {
		t.stop = g.config.Clock.AfterFunc(max(0, next-g.now()), g.fire)
	}
}

// fire is what the Clock's timer calls.
func (g *Group) fire() {
	g.mu.Lock()
	t := &g.timers
	t.at = 0
	now := g.now()
	var due []*Client
	for len(t.heap) > 0 && t.heap[0].timer.at <= now {
		c := t.heap[0]
		t.set(c, 0)
		due = append(due, c)
	}
	g.wind()
	g.mu.Unlock()
	for _, c := range due {
		c.due(now)
	}
}

type clientHeap []*Client

func (h clientHeap) Len() int           { return len(h) }
func (h clientHeap) Less(i, j int) bool { return h[i].timer.at < h[j].timer.at }

func (h clientHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].timer.index, h[j].timer.index = i, j
}

func (h *clientHeap) Push(x any) {
	c := x.(*Client)
	c.timer.index = len(*h)
	*h = append(*h, c)
}

func (h *clientHeap) Pop() any {
	n := len(*h) - 1
	c := (*h)[n]
	(*h)[n] = nil
	*h = (*h)[:n]
	return c
}
