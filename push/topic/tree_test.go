package topic_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/weir-go/weir/push/topic"
)

// A tree finds what Match finds among all its filters, while they come and go.
func TestTreeModel(t *testing.T) {
	names, filters := allTopics(3), allFilters(3)
	rng := rand.New(rand.NewPCG(1, 2))
	type pair struct {
		filter string
		id     uint32
	}
	var tree topic.Tree
	model := map[pair]bool{}
	check := func() {
		t.Helper()
		used := map[string]bool{}
		for p := range model {
			used[p.filter] = true
		}
		if tree.Len() != len(model) || tree.Filters() != len(used) {
			t.Fatalf("Len %d of %d, Filters %d of %d", tree.Len(), len(model), tree.Filters(), len(used))
		}
		for _, name := range names {
			var want []uint32
			for p := range model {
				if topic.Match(p.filter, name) {
					want = append(want, p.id)
				}
			}
			got := tree.Match(name, []uint32{99})[1:]
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("%q: %v, want %v", name, got, want)
			}
		}
	}
	for round := range 6 {
		for range 200 {
			p := pair{filters[rng.IntN(len(filters))], 1 + rng.Uint32N(3)}
			if round%3 < 2 {
				if tree.Add(p.filter, p.id) == model[p] {
					t.Fatalf("Add(%q, %d) is wrong", p.filter, p.id)
				}
				model[p] = true
			}
			for p = range model {
				break
			}
			if round%3 > 0 && len(model) > 0 {
				if !tree.Remove(p.filter, p.id) || tree.Remove(p.filter, p.id) {
					t.Fatalf("Remove(%q, %d) is wrong", p.filter, p.id)
				}
				delete(model, p)
			}
		}
		check()
	}
	for p := range model {
		tree.Remove(p.filter, p.id)
	}
	clear(model)
	check()
	if tree.Remove("a", 1) || tree.Add("a/b", 0) || tree.Len() != 0 {
		t.Error("the empty tree has something")
	}
}

// Filters made of "+" only make the work of as many nodes as there are.
func TestTreeManyPlus(t *testing.T) {
	var tree topic.Tree
	const depth = 12
	id := uint32(0)
	for bits := range 1 << depth {
		levels := make([]string, depth)
		for i := range levels {
			levels[i] = "a"
			if bits>>i&1 == 1 {
				levels[i] = "+"
			}
		}
		id++
		tree.Add(strings.Join(levels, "/"), id)
	}
	name := strings.Repeat("a/", depth-1) + "a"
	if got := tree.Match(name, nil); len(got) != 1<<depth {
		t.Errorf("%d ids", len(got))
	}
	// One filter of a thousand "+" is one path.
	var deep topic.Tree
	deep.Add(strings.Repeat("+/", 1000)+"#", 1)
	if got := deep.Match(strings.Repeat("a/", 1000)+"a", nil); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestTreeMatchAllocatesNothing(t *testing.T) {
	var tree topic.Tree
	for id := range uint32(100) {
		tree.Add("a/+/c", id+1)
		tree.Add("a/#", id+1)
		tree.Add("$x/#", id+1)
	}
	dst := make([]uint32, 0, 1000)
	if n := testing.AllocsPerRun(100, func() {
		tree.Match("a/b/c", dst)
		tree.Match("$x/y", dst)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTreeMatch(b *testing.B) {
	var tree topic.Tree
	for i := range 10_000 {
		tree.Add("user/"+strings.Repeat("x", i%20)+"/"+string(rune('a'+i%26))+"/#", uint32(i+1))
	}
	tree.Add("user/+/a/#", 1)
	dst := make([]uint32, 0, 1000)
	b.ReportAllocs()
	for b.Loop() {
		tree.Match("user/xxxxx/a/b", dst)
	}
}
