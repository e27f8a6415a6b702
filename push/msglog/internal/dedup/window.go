// Package dedup remembers which messages were stored lately, so that a publisher who
// repeats one, as it has not heard of the first, is told where that is.
package dedup

import "time"

// Defaults of New. An entry takes about 200 bytes with its identifiers, so a full
// window is 20 MB.
const (
	DefaultCount = 100_000
	DefaultAge   = 2 * time.Minute
)

// Key identifies a message. It holds for all topics: a publisher does not use an ID
// for a second message.
type Key struct {
	Publisher string
	ID        string
}

// Place is where the first message with a Key was stored.
type Place struct {
	Time     int64 // Unix time in milliseconds
	Epoch    uint64
	Offset   uint64
	Previous uint64
	Position uint64
}

// Window holds the places of the latest messages, bounded in count and age. It is not
// safe for concurrent use.
type Window struct {
	places map[Key]Place
	order  []Key // a ring: the oldest is at head
	head   int
	count  int // bound
	age    int64
}

// New returns a window. Zero arguments stand for the defaults; a negative count is a
// window that remembers nothing.
func New(count int, age time.Duration) *Window {
	if count == 0 {
		count = DefaultCount
	}
	if age <= 0 {
		age = DefaultAge
	}
	return &Window{places: make(map[Key]Place), count: max(count, 0), age: age.Milliseconds()}
}

// Find returns where a message is, if it is known and not older than the window at the
// time now, in milliseconds.
func (w *Window) Find(k Key, now int64) (Place, bool) {
	p, ok := w.places[k]
	return p, ok && now-p.Time <= w.age
}

// Add remembers a message and forgets those that are beyond the window. Times must not
// decrease.
func (w *Window) Add(k Key, p Place) {
	if w.count == 0 {
		return
	}
	w.Expire(p.Time)
	if _, ok := w.places[k]; ok {
		w.places[k] = p
		return
	}
	if len(w.places) >= w.count {
		w.drop()
	}
	w.places[k] = p
	if len(w.places) > len(w.order) {
		w.grow()
	}
	w.order[(w.head+len(w.places)-1)%len(w.order)] = k
}

// Expire forgets what is older than the window at the time now, in milliseconds.
func (w *Window) Expire(now int64) {
	for len(w.places) > 0 && now-w.places[w.order[w.head]].Time > w.age {
		w.drop()
	}
	// A burst's memory is given back.
	if len(w.places) == 0 && len(w.order) > 1024 {
		w.places, w.order, w.head = make(map[Key]Place), nil, 0
	}
}

// Oldest returns the position of the oldest message that is remembered; false if there
// is none.
func (w *Window) Oldest() (position uint64, ok bool) {
	if len(w.places) == 0 {
		return 0, false
	}
	return w.places[w.order[w.head]].Position, true
}

// Len returns how many messages are remembered.
func (w *Window) Len() int { return len(w.places) }

func (w *Window) drop() {
	delete(w.places, w.order[w.head])
	w.order[w.head] = Key{}
	w.head = (w.head + 1) % len(w.order)
}

// grow makes room for one more; what there is begins at 0 then.
func (w *Window) grow() {
	larger := make([]Key, min(max(16, 2*len(w.order)), w.count))
	n := copy(larger, w.order[w.head:])
	copy(larger[n:], w.order[:w.head])
	w.order, w.head = larger, 0
}
