package push

import (
	"sync"
	"sync/atomic"
)

// chunk is how many slots of the table are allocated together.
const chunk = 1 << 12

// table finds sessions by their ids, small numbers that are used again: what the sets of
// subscribers hold. Looking up takes no lock.
type table struct {
	chunks atomic.Pointer[[]*[chunk]atomic.Pointer[Session]]

	mu   sync.Mutex
	free []uint32
	next uint32 // the lowest id that was never used; 0 is none
}

// get returns the session that has an id now, or nil.
func (t *table) get(id uint32) *Session {
	chunks := t.chunks.Load()
	if chunks == nil || int(id/chunk) >= len(*chunks) {
		return nil
	}
	return (*chunks)[id/chunk][id%chunk].Load()
}

// put gives a session an id.
func (t *table) put(c *Session) uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	var id uint32
	if n := len(t.free); n > 0 {
		id, t.free = t.free[n-1], t.free[:n-1]
	} else {
		t.next++
		id = t.next
	}
	var chunks []*[chunk]atomic.Pointer[Session]
	if p := t.chunks.Load(); p != nil {
		chunks = *p
	}
	if int(id/chunk) >= len(chunks) {
		grown := append(chunks[:len(chunks):len(chunks)], new([chunk]atomic.Pointer[Session]))
		t.chunks.Store(&grown)
		chunks = grown
	}
	chunks[id/chunk][id%chunk].Store(c)
	return id
}

// drop takes the id of a session back.
func (t *table) drop(id uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	(*t.chunks.Load())[id/chunk][id%chunk].Store(nil)
	t.free = append(t.free, id)
}

// each calls f for all sessions, until it returns false.
func (t *table) each(f func(c *Session) bool) {
	chunks := t.chunks.Load()
	if chunks == nil {
		return
	}
	for _, slots := range *chunks {
		for i := range slots {
			if c := slots[i].Load(); c != nil && !f(c) {
				return
			}
		}
	}
}
