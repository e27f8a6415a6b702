// Package buffer lends byte buffers. It is the only user of bytebufferpool.
package buffer

import (
	"sync/atomic"

	"github.com/valyala/bytebufferpool"
)

// Buffer is a growing byte slice; its bytes are B.
type Buffer = bytebufferpool.ByteBuffer

// MaxPooled is the capacity, in bytes, of the largest buffers that are lent again.
// Larger ones are left to the garbage collector, so that a burst of large
// messages leaves no memory behind.
const MaxPooled = 64 << 10

// sizes are the capacities that are lent, each from a pool of its own: a pool
// of mixed ones would often have the wrong one at hand.
var (
	sizes = [...]int{512, 4 << 10, 16 << 10, MaxPooled}
	pools [len(sizes)]bytebufferpool.Pool
)

// Poison makes Put and Scrub overwrite what a buffer held, so that a test notices
// whoever still looks at it. For tests.
var Poison atomic.Bool

// Get returns an empty buffer with a capacity of at least size bytes.
func Get(size int) *Buffer {
	for i, s := range sizes {
		if size <= s {
			b := pools[i].Get()
			if cap(b.B) < s {
				b.B = make([]byte, 0, s)
			}
			return b
		}
	}
	return &Buffer{B: make([]byte, 0, size)}
}

// Put takes b back. The caller must not touch it, nor any slice of it, again.
func Put(b *Buffer) {
	Scrub(b.B)
	if cap(b.B) > MaxPooled {
		return
	}
	for i := len(sizes) - 1; i >= 0; i-- {
		if s := sizes[i]; cap(b.B) >= s {
			// The pool learns from the lengths that come back which
			// capacities to keep, so it is shown the capacity.
			b.B = b.B[:s:s]
			pools[i].Put(b)
			return
		}
	}
}

// Scrub overwrites p, its spare capacity included, if Poison is set.
func Scrub(p []byte) {
	if p = p[:cap(p)]; len(p) == 0 || !Poison.Load() {
		return
	}
	p[0] = 0xDB
	for n := 1; n < len(p); n *= 2 { // many times faster than byte by byte under -race
		copy(p[n:], p[:n])
	}
}
