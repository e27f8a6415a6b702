package topic

import "unsafe"

// Set is a set of numbers larger than 0. The zero value is empty, ready to be used.
// It is not safe for concurrent use, and must not be copied when in use.
//
// One number is held in place, up to 16 in a list, more in a hash table with open
// addressing that is 53 to 80 % full as it grows: 5 to 7.5 bytes for a number.
type Set struct {
	n     uint32
	one   uint32   // the number, while there is no more than one and no slots
	slots []uint32 // up to listMax: a list. Longer: a table, 0 is a free slot
}

const (
	listMax  = 16
	tableMin = 26 // slots of the smallest table: listMax+1 numbers, two thirds full
)

// Len returns how many numbers there are.
func (s *Set) Len() int { return int(s.n) }

// Bytes returns the memory taken by the set, itself included.
func (s *Set) Bytes() int { return int(unsafe.Sizeof(*s)) + 4*cap(s.slots) }

// Has reports whether id is in the set.
func (s *Set) Has(id uint32) bool {
	_, ok := s.find(id)
	return ok
}

// Append appends all numbers to dst, in no order.
func (s *Set) Append(dst []uint32) []uint32 {
	switch {
	case s.one != 0:
		return append(dst, s.one)
	case !s.table():
		return append(dst, s.slots...)
	}
	for _, id := range s.slots {
		if id != 0 {
			dst = append(dst, id)
		}
	}
	return dst
}

// Add adds id and reports whether it is new. 0 is not added.
func (s *Set) Add(id uint32) bool {
	i, ok := s.find(id)
	if ok || id == 0 {
		return false
	}
	switch {
	case s.n == 0:
		s.one = id
	case s.one != 0:
		s.slots = append(s.slots, s.one, id)
		s.one = 0
	case !s.table() && s.n < listMax:
		s.slots = append(s.slots, id)
	default:
		if !s.table() {
			s.rehash(tableMin)
			i, _ = s.find(id)
		} else if int(s.n)+1 > len(s.slots)/5*4 {
			s.rehash(len(s.slots) / 2 * 3)
			i, _ = s.find(id)
		}
		s.slots[i] = id
	}
	s.n++
	return true
}

// Remove removes id and reports whether it was there.
func (s *Set) Remove(id uint32) bool {
	i, ok := s.find(id)
	if !ok {
		return false
	}
	s.n--
	switch {
	case s.one != 0:
		s.one = 0
	case !s.table():
		last := len(s.slots) - 1
		s.slots[i] = s.slots[last]
		s.slots = s.slots[:last]
		s.tighten()
	default:
		s.free(i)
		if int(s.n) < len(s.slots)/10*3 {
			s.shrink()
		}
	}
	return true
}

func (s *Set) table() bool { return len(s.slots) > listMax }

// find returns where id is, or, in a table, the free slot where it would be.
func (s *Set) find(id uint32) (i int, ok bool) {
	if s.table() {
		for i = s.home(id); s.slots[i] != 0; i = s.next(i) {
			if s.slots[i] == id {
				return i, true
			}
		}
		return i, false
	}
	for i, x := range s.slots {
		if x == id {
			return i, true
		}
	}
	return 0, id != 0 && id == s.one
}

// home returns the slot where the search for id begins. The size of the table is a part
// of what is hashed: the numbers of one table, added in its order to another one that
// is still smaller, would otherwise pile up at its beginning.
func (s *Set) home(id uint32) int {
	size := uint32(len(s.slots))
	h := id ^ size*0x9E3779B9
	h ^= h >> 16
	h *= 0x85EBCA6B
	h ^= h >> 13
	h *= 0xC2B2AE35
	h ^= h >> 16
	return int(uint64(h) * uint64(size) >> 32)
}

func (s *Set) next(i int) int {
	if i++; i == len(s.slots) {
		return 0
	}
	return i
}

// free empties slot i of a table, and moves up those behind it that would no longer be
// found: so there are no tombstones.
func (s *Set) free(i int) {
	for j := s.next(i); s.slots[j] != 0; j = s.next(j) {
		// The one in j stays if its home is in (i, j], around the end.
		home := s.home(s.slots[j])
		if i <= j && i < home && home <= j || i > j && (i < home || home <= j) {
			continue
		}
		s.slots[i] = s.slots[j]
		i = j
	}
	s.slots[i] = 0
}

// rehash makes a table of that size.
func (s *Set) rehash(size int) {
	old := s.slots
	s.slots = make([]uint32, size)
	for _, id := range old {
		if id != 0 {
			i, _ := s.find(id)
			s.slots[i] = id
		}
	}
}

// shrink makes a table that is too empty a smaller one, or a list.
func (s *Set) shrink() {
	if s.n > listMax {
		s.rehash(max(tableMin, int(s.n)/2*3))
		return
	}
	s.slots = s.Append(make([]uint32, 0, listMax))
	s.tighten()
}

// tighten gives back what a list no longer needs.
func (s *Set) tighten() {
	switch n := len(s.slots); {
	case n == 0:
		s.slots = nil
	case n == 1:
		s.one, s.slots = s.slots[0], nil
	case n <= cap(s.slots)/4:
		s.slots = append(make([]uint32, 0, cap(s.slots)/2), s.slots...)
	}
}
