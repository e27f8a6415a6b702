package buffer

import "testing"

func TestGetHasTheCapacityAskedFor(t *testing.T) {
	for _, size := range []int{0, 1, 511, 512, 513, 4096, 5000, 65536, 65537, 1 << 20} {
		b := Get(size)
		if len(b.B) != 0 || cap(b.B) < size {
			t.Errorf("Get(%d): length %d, capacity %d", size, len(b.B), cap(b.B))
		}
		Put(b)
	}
}

// A pool that sees short contents must not conclude that its buffers are too
// large to keep: 100,000 rounds are more than it takes to learn.
func TestShortContentsAllocateNothing(t *testing.T) {
	round := func() {
		b := Get(64)
		b.B = append(b.B, "a message of some bytes"...)
		Put(b)
	}
	for range 100_000 {
		round()
	}
	if n := testing.AllocsPerRun(1000, round); n >= 1 {
		t.Errorf("%v allocations per Get and Put", n)
	}
}

func TestPoison(t *testing.T) {
	Poison.Store(true)
	defer Poison.Store(false)
	b := Get(64)
	b.B = append(b.B, "secret"...)
	kept := b.B
	Put(b)
	if string(kept) == "secret" {
		t.Error("the released buffer still holds what it held")
	}
}
