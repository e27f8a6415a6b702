package api

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/weir-go/weir/push"
)

// window remembers keys of messages of QoS 0 with what has become of them: the latest
// max, for ttl.
type window struct {
	max int
	ttl time.Duration
	now func() time.Time

	mu      sync.Mutex
	byKey   map[string]*list.Element
	order   *list.List // of *entry, the oldest in front
	dropped uint64
}

// entry is a key. receipt and err are there when done is closed.
type entry struct {
	key   string
	since time.Time
	ended bool // the window's
	done  chan struct{}

	receipt push.Receipt
	err     error
}

func newWindow(max int, ttl time.Duration) *window {
	return &window{max: max, ttl: ttl, now: time.Now, byKey: make(map[string]*list.Element), order: list.New()}
}

// begin returns the entry of a key. The first to ask has to publish, and call end; the
// others wait for it.
func (w *window) begin(key string) (e *entry, first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	for front := w.order.Front(); front != nil && now.Sub(front.Value.(*entry).since) >= w.ttl; front = w.order.Front() {
		w.remove(front)
	}
	if at := w.byKey[key]; at != nil {
		return at.Value.(*entry), false
	}
	if w.order.Len() >= w.max {
		w.remove(w.order.Front())
		w.dropped++
	}
	e = &entry{key: key, since: now, done: make(chan struct{})}
	w.byKey[key] = w.order.PushBack(e)
	return e, true
}

// end says what has become of the message, once: later calls do nothing. One that was
// not published is forgotten, so that the next attempt does.
func (w *window) end(e *entry, r push.Receipt, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.ended {
		return
	}
	e.ended, e.receipt, e.err = true, r, err
	if at := w.byKey[e.key]; err != nil && at != nil && at.Value.(*entry) == e {
		w.remove(at)
	}
	close(e.done)
}

func (w *window) remove(at *list.Element) {
	w.order.Remove(at)
	delete(w.byKey, at.Value.(*entry).key)
}

func (w *window) stats() (keys int, dropped uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.order.Len(), w.dropped
}

// wait returns the receipt for a duplicate, when whoever came first has it.
func (e *entry) wait(ctx context.Context) (push.Receipt, error) {
	select {
	case <-e.done:
	case <-ctx.Done():
		return push.Receipt{}, ctx.Err()
	}
	r := e.receipt
	r.Duplicate = e.err == nil
	return r, e.err
}
