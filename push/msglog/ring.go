package msglog

import "sort"

// ring is a queue of records in the order of their offsets and positions: the oldest is
// at head. Expired ones may have been taken out of the middle, so the offsets grow but
// may have holes. The zero value is empty and has no memory; its size is a power of two.
type ring struct {
	slots []*Record
	head  int
	n     int
}

func (q *ring) at(i int) *Record { return q.slots[(q.head+i)&(len(q.slots)-1)] }

func (q *ring) push(r *Record) {
	if q.n == len(q.slots) {
		q.resize(max(4, 2*q.n))
	}
	q.slots[(q.head+q.n)&(len(q.slots)-1)] = r
	q.n++
}

// pop takes out the oldest. Memory goes back in halves, so that a ring that is emptied
// and filled again is not allocated each time.
func (q *ring) pop() *Record {
	r := q.slots[q.head]
	q.slots[q.head] = nil
	q.head = (q.head + 1) & (len(q.slots) - 1)
	q.n--
	switch {
	case q.n == 0 && len(q.slots) <= 16:
		*q = ring{}
	case len(q.slots) > 16 && q.n <= len(q.slots)/4:
		q.resize(len(q.slots) / 2)
	}
	return r
}

func (q *ring) resize(size int) {
	slots := make([]*Record, size)
	for i := range q.n {
		slots[i] = q.at(i)
	}
	q.slots, q.head = slots, 0
}

// filter takes out the records for which drop is true.
func (q *ring) filter(drop func(*Record) bool) {
	n := q.n
	kept := 0
	for i := range n {
		r := q.at(i)
		if drop(r) {
			continue
		}
		q.slots[(q.head+kept)&(len(q.slots)-1)] = r
		kept++
	}
	for i := kept; i < n; i++ {
		q.slots[(q.head+i)&(len(q.slots)-1)] = nil
	}
	q.n = kept
	if kept == 0 {
		*q = ring{}
	}
}

// behind returns the index of the first record behind an offset, q.n if there is none.
func (q *ring) behind(offset uint64) int {
	if q.n == 0 {
		return 0
	}
	// Without holes, and for those who are nearly at the end, which is nearly always.
	if last := q.at(q.n - 1).Offset; offset >= last {
		return q.n
	} else if k := int(min(last-offset, uint64(q.n))); k < q.n && q.at(q.n-k).Offset == offset+1 {
		return q.n - k
	}
	return sort.Search(q.n, func(i int) bool { return q.at(i).Offset > offset })
}

// behindPosition is behind for positions.
func (q *ring) behindPosition(position uint64) int {
	return sort.Search(q.n, func(i int) bool { return q.at(i).Position > position })
}
