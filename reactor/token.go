package reactor

// Token names one registration for as long as it lasts, and nothing after it.
//
//	 63            32 31             0
//	┌────────────────┬────────────────┐
//	│   generation   │   slot index   │
//	└────────────────┴────────────────┘
//
// The generation of a slot grows when the slot is released, so a token that
// outlives its registration matches nothing. Generations start at 1: the zero
// Token is never valid. After 2^32-1 reuses of one slot a generation repeats; a
// stale event lives for one batch only, so it cannot meet that repetition.
type Token uint64

// NewToken returns the token of a slot index and a generation. It is for
// pollers that store the two halves apart.
func NewToken(index, generation uint32) Token {
	return Token(generation)<<32 | Token(index)
}

// Index returns the slot index.
func (t Token) Index() uint32 { return uint32(t) }

// Generation returns the generation of the slot.
func (t Token) Generation() uint32 { return uint32(t >> 32) }
