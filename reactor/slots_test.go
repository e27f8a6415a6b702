package reactor

import (
	"math"
	"testing"
	"unsafe"
)

func TestSlotSize(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("not a 64-bit machine")
	}
	if n := unsafe.Sizeof(slot{}); n != 32 {
		t.Errorf("a slot has %d bytes, want 32", n)
	}
}

// Slots do not move when the table grows, and it grows by what is needed.
func TestSlotGrowth(t *testing.T) {
	var table slotTable
	if table.lookup(NewToken(0, 1)) != nil {
		t.Error("an empty table knows a token")
	}
	const n = 3*chunkSize + 1
	tokens := make([]Token, n)
	places := make([]*slot, n)
	seen := map[uint32]bool{}
	for i := range n {
		if want := (i + chunkSize - 1) / chunkSize; len(table.chunks) != want {
			t.Fatalf("%d slots are in %d chunks, want %d", i, len(table.chunks), want)
		}
		tokens[i] = table.acquire(&named{name: i})
		places[i] = table.at(tokens[i].Index())
		seen[tokens[i].Index()] = true
		if tokens[i].Generation() != 1 {
			t.Fatalf("a new slot is of generation %d", tokens[i].Generation())
		}
	}
	if len(seen) != n || table.used != n {
		t.Errorf("%d registrations have %d slots, used is %d", n, len(seen), table.used)
	}
	for i, tok := range tokens {
		s := table.lookup(tok)
		if s != places[i] || s.handler.(*named).name != i {
			t.Fatalf("slot %d has moved", i)
		}
	}
}

// The table is dense: what is released is used before it grows, last in, first
// out, and the old token names nobody.
func TestSlotReuse(t *testing.T) {
	var table slotTable
	var tokens []Token
	for range chunkSize {
		tokens = append(tokens, table.acquire(&handler{}))
	}
	for round := range 5 {
		for i := 0; i < chunkSize; i += 2 {
			table.release(tokens[i])
		}
		if table.used != chunkSize/2 {
			t.Fatalf("used is %d", table.used)
		}
		for i := 0; i < chunkSize; i += 2 {
			old := tokens[i]
			if table.lookup(old) != nil {
				t.Fatal("a released token is known")
			}
			if s := table.at(old.Index()); s.handler != nil {
				t.Fatal("a free slot keeps its handler")
			}
		}
		for i := chunkSize - 2; i >= 0; i -= 2 {
			old := tokens[i]
			tokens[i] = table.acquire(&handler{})
			if tokens[i].Index() != old.Index() || tokens[i].Generation() != uint32(round)+2 {
				t.Fatalf("slot %d, generation %d followed slot %d, generation %d",
					tokens[i].Index(), tokens[i].Generation(), old.Index(), old.Generation())
			}
			if table.lookup(old) != nil || table.lookup(tokens[i]) == nil {
				t.Fatal("a new owner answers to an old token")
			}
		}
	}
	if len(table.chunks) != 1 {
		t.Errorf("%d chunks for %d registrations", len(table.chunks), chunkSize)
	}
}

// Generation 0 is never given out: the zero Token is not valid.
func TestSlotGenerationWraps(t *testing.T) {
	var table slotTable
	tok := table.acquire(&handler{})
	table.at(tok.Index()).generation = math.MaxUint32
	tok = NewToken(tok.Index(), math.MaxUint32)
	table.release(tok)
	if next := table.acquire(&handler{}); next != NewToken(tok.Index(), 1) {
		t.Errorf("generation %d followed the last", next.Generation())
	}
	if table.lookup(0) != nil {
		t.Error("the zero Token is known")
	}
}

func TestToken(t *testing.T) {
	for _, n := range [][2]uint32{{0, 1}, {1, 0}, {math.MaxUint32, 1}, {7, math.MaxUint32}, {math.MaxUint32, math.MaxUint32}} {
		if tok := NewToken(n[0], n[1]); tok.Index() != n[0] || tok.Generation() != n[1] {
			t.Errorf("NewToken(%d, %d) is slot %d, generation %d", n[0], n[1], tok.Index(), tok.Generation())
		}
	}
}

func TestInterestString(t *testing.T) {
	for i, want := range []string{"none", "readable", "writable", "readable|writable"} {
		if got := Interest(i).String(); got != want {
			t.Errorf("Interest %d is %q, want %q", i, got, want)
		}
	}
}
