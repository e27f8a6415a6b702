package msglog

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSequence(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := &sequence{}
	var live []*Record
	last := uint64(0)
	for range 60 {
		for range random.IntN(400) {
			last++
			r := &Record{Position: last}
			live = append(live, r)
			s.add(r)
		}
		for n := random.IntN(400); n > 0 && len(live) > 1; n-- {
			i := random.IntN(len(live))
			s.remove(live[i])
			s.remove(live[i]) // once more does nothing
			live = slices.Delete(live, i, i+1)
		}
		after := random.Uint64N(last + 2)
		var got []*Record
		for at, rounds := after, 0; at < last; rounds++ {
			if rounds > 100_000 {
				t.Fatal("no end")
			}
			found, next := s.collect(make([]*Record, 0, 7), at, last, 50)
			got = append(got, found...)
			if next <= at {
				t.Fatalf("from %d to %d", at, next)
			}
			at = next
		}
		i := slices.IndexFunc(live, func(r *Record) bool { return r.Position > after })
		want := live[len(live):]
		if i >= 0 {
			want = live[i:]
		}
		if !slices.Equal(got, want) {
			t.Fatalf("behind %d: %d records, want %d", after, len(got), len(want))
		}
	}
	for _, r := range live {
		s.remove(r)
	}
	if len(s.spans) > 0 {
		t.Errorf("%d spans are left", len(s.spans))
	}
}

func TestRing(t *testing.T) {
	var q ring
	next, first := uint64(0), uint64(1)
	for i := range 3000 {
		if i%3 < 2 && i < 1500 || q.n == 0 {
			next++
			q.push(&Record{Offset: next})
		} else if r := q.pop(); r.Offset != first {
			t.Fatalf("%d, want %d", r.Offset, first)
		} else {
			first++
		}
		for _, after := range []uint64{0, first, next - 1, next, next + 5} {
			if got, want := q.behind(after), int(min(max(after+1, first), next+1)-first); got != want {
				t.Fatalf("behind %d of %d to %d: %d, want %d", after, first, next, got, want)
			}
		}
	}
	for range 100 {
		next++
		q.push(&Record{Offset: next})
	}
	q.filter(func(r *Record) bool { return r.Offset%3 > 0 })
	for after := range next + 3 {
		i := q.behind(after)
		if i < q.n && q.at(i).Offset <= after || i > 0 && q.at(i-1).Offset > after {
			t.Fatalf("behind %d: %d", after, i)
		}
	}
	if q.filter(func(*Record) bool { return true }); q.n != 0 || q.slots != nil {
		t.Error("the memory is kept")
	}
}
