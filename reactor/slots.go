package reactor

// A slot holds the handler of one registration and its place in the timing
// wheel: 32 bytes on 64-bit machines.
type slot struct {
	handler    Handler // nil: the slot is free
	generation uint32

	// Wheel links are slot indexes plus one; zero is "none". For a free slot
	// next links the free list.
	when uint32 // the tick at which the timer fires
	next uint32
	prev uint32 // in the wheel: the slot before, or bucketFlag|bucket for the first; 0: not armed
}

// Slots come in chunks that never move, so that growth copies nothing and
// leaves no slack behind.
const (
	chunkBits = 8
	chunkSize = 1 << chunkBits
)

type slotTable struct {
	chunks []*[chunkSize]slot
	free   uint32 // head of the free list, index plus one
	used   int
}

func (t *slotTable) at(index uint32) *slot {
	return &t.chunks[index>>chunkBits][index&(chunkSize-1)]
}

// lookup returns the slot that tok names, or nil when tok is stale.
func (t *slotTable) lookup(tok Token) *slot {
	i := tok.Index()
	if int(i>>chunkBits) >= len(t.chunks) {
		return nil
	}
	s := t.at(i)
	if s.generation != tok.Generation() || s.handler == nil {
		return nil
	}
	return s
}

func (t *slotTable) acquire(h Handler) Token {
	if t.free == 0 {
		t.grow()
	}
	i := t.free - 1
	s := t.at(i)
	t.free = s.next
	s.next, s.prev, s.handler = 0, 0, h
	t.used++
	return NewToken(i, s.generation)
}

// release frees the slot; the caller has disarmed its timer.
func (t *slotTable) release(tok Token) {
	s := t.at(tok.Index())
	s.handler = nil
	s.generation++
	if s.generation == 0 {
		s.generation = 1
	}
	s.next = t.free
	t.free = tok.Index() + 1
	t.used--
}

func (t *slotTable) grow() {
	base := uint32(len(t.chunks)) << chunkBits
	chunk := new([chunkSize]slot)
	for i := range chunk {
		chunk[i].generation = 1
		chunk[i].next = base + uint32(i) + 2
	}
	chunk[chunkSize-1].next = 0
	t.chunks = append(t.chunks, chunk)
	t.free = base + 1
}
