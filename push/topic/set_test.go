package topic_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/weir-go/weir/push/topic"
)

// A set does what a map does, small and large, growing and shrinking.
func TestSetModel(t *testing.T) {
	for _, span := range []uint32{3, 20, 40, 300, 5000, 1 << 31} {
		rng := rand.New(rand.NewPCG(1, uint64(span)))
		var s topic.Set
		model := map[uint32]bool{}
		steps := 4 * int(min(span, 5000))
		for i := range 10 * steps {
			id := 1 + rng.Uint32N(span)
			// It grows and shrinks in turns.
			if rng.IntN(10) < 7 != (i/steps%2 == 1) {
				if s.Add(id) == model[id] {
					t.Fatalf("span %d: Add(%d) is wrong", span, id)
				}
				model[id] = true
			} else {
				for id = range model {
					if rng.IntN(2) == 0 {
						break
					}
				}
				if s.Remove(id) != model[id] {
					t.Fatalf("span %d: Remove(%d) is wrong", span, id)
				}
				delete(model, id)
			}
			if s.Len() != len(model) || s.Has(id) != model[id] {
				t.Fatalf("span %d: Len %d of %d, Has(%d) is %v", span, s.Len(), len(model), id, s.Has(id))
			}
			if i%997 == 0 {
				compare(t, &s, model)
			}
		}
		compare(t, &s, model)
		for id := range model {
			s.Remove(id)
		}
		if s.Len() != 0 || len(s.Append(nil)) != 0 || s.Bytes() > 64 {
			t.Errorf("span %d: %d numbers, %d bytes in an empty set", span, s.Len(), s.Bytes())
		}
	}
}

func compare(t *testing.T, s *topic.Set, model map[uint32]bool) {
	t.Helper()
	ids := s.Append([]uint32{0})
	if len(ids) != len(model)+1 {
		t.Fatalf("%d numbers, want %d", len(ids)-1, len(model))
	}
	slices.Sort(ids)
	for i, id := range ids[1:] {
		if id == ids[i] || !model[id] || !s.Has(id) {
			t.Fatalf("%d is twice or not in the model", id)
		}
	}
}

func TestSetZero(t *testing.T) {
	var s topic.Set
	for i := range uint32(100) {
		if s.Has(0) || s.Add(0) || s.Remove(0) {
			t.Fatalf("0 is in a set of %d", s.Len())
		}
		s.Add(i + 1)
	}
}

func TestSetMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s topic.Set
	var sum float64
	n := 0
	for s.Len() < 100_000 {
		s.Add(1 + rng.Uint32N(1<<31))
		if s.Len() >= 1000 {
			per := float64(s.Bytes()) / float64(s.Len())
			if per > 8 {
				t.Fatalf("%d numbers: %.1f bytes for each", s.Len(), per)
			}
			sum, n = sum+per, n+1
		}
	}
	t.Logf("%.2f bytes for a number, %.2f on the way to 100,000", float64(s.Bytes())/float64(s.Len()), sum/float64(n))
	one := topic.Set{}
	if allocs := testing.AllocsPerRun(100, func() { one.Add(7); one.Remove(7) }); allocs != 0 {
		t.Errorf("%v allocations for a set of one", allocs)
	}
}

// Numbers in the order of another table do not pile up: with a hash that is the same in
// all tables this takes minutes.
func TestSetCopiesInOrder(t *testing.T) {
	var from, to topic.Set
	for id := range uint32(300_000) {
		from.Add(id + 1)
	}
	for _, id := range from.Append(nil) {
		to.Add(id)
	}
	if to.Len() != from.Len() {
		t.Errorf("%d of %d", to.Len(), from.Len())
	}
}

func BenchmarkSet(b *testing.B) {
	var s topic.Set
	for id := range uint32(100_000) {
		s.Add(id + 1)
	}
	b.ReportAllocs()
	id := uint32(0)
	for b.Loop() {
		id = id%100_000 + 1
		s.Remove(id)
		s.Add(id)
	}
}
