package msglog

import "sort"

// sequence is the index of all records by position. It is a row of spans, each of which
// covers spanSize positions and is closed up when most of its records are gone; so one
// old record does not keep a span for each that came after it, and taking out a record
// anywhere costs little.
type sequence struct {
	first uint64 // number of spans[0]
	spans []*span
}

const spanSize = 1024

type span struct {
	slots []slot // by position
	live  int    // those with a record
}

type slot struct {
	position uint64
	record   *Record // nil: taken out
}

func (s *sequence) add(r *Record) {
	n := r.Position / spanSize
	if len(s.spans) == 0 {
		s.first = n
	}
	for uint64(len(s.spans)) <= n-s.first {
		s.spans = append(s.spans, nil)
	}
	p := s.spans[n-s.first]
	if p == nil {
		p = &span{}
		s.spans[n-s.first] = p
	}
	p.slots = append(p.slots, slot{r.Position, r})
	p.live++
}

func (s *sequence) remove(r *Record) {
	n := r.Position / spanSize
	if n < s.first || n-s.first >= uint64(len(s.spans)) || s.spans[n-s.first] == nil {
		return
	}
	p := s.spans[n-s.first]
	i := p.behind(r.Position - 1)
	if i == len(p.slots) || p.slots[i].record != r {
		return
	}
	p.slots[i].record = nil
	p.live--
	switch {
	case p.live == 0:
		s.spans[n-s.first] = nil
	case len(p.slots) >= 64 && p.live <= len(p.slots)/2:
		kept := make([]slot, 0, p.live)
		for _, e := range p.slots {
			if e.record != nil {
				kept = append(kept, e)
			}
		}
		p.slots = kept
	}
	for len(s.spans) > 0 && s.spans[0] == nil {
		s.spans = s.spans[1:]
		s.first++
	}
}

func (p *span) behind(position uint64) int {
	return sort.Search(len(p.slots), func(i int) bool { return p.slots[i].position > position })
}

// collect appends to dst the records behind a position, as many as fit in it, and looks
// at no more than about limit slots. It returns the position up to which it has looked,
// which is at least last if it has come to the end.
func (s *sequence) collect(dst []*Record, after, last uint64, limit int) ([]*Record, uint64) {
	n := max(after/spanSize, s.first)
	for ; n-s.first < uint64(len(s.spans)); n++ {
		limit--
		if p := s.spans[n-s.first]; p != nil {
			for i := p.behind(after); i < len(p.slots); i++ {
				if limit <= 0 || len(dst) == cap(dst) {
					return dst, after
				}
				limit--
				after = p.slots[i].position
				if r := p.slots[i].record; r != nil {
					dst = append(dst, r)
				}
			}
		}
		if limit <= 0 {
			return dst, min(max(after, (n+1)*spanSize-1), last)
		}
	}
	return dst, max(after, last)
}
