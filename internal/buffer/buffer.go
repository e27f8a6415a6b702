// Package buffer lends byte buffers. It is the only user of bytebufferpool.
package buffer

import (
	"sync/atomic"

	"github.com/valyala/bytebufferpool"
)

// Buffer is a growing byte slice; its bytes are B.
type Buffer = bytebufferpool.ByteBuffer

// MaxPooled is the capacity, in bytes, above which a returned buffer is left to
// the garbage collector, so that a burst of large messages leaves no memory
// behind.
const MaxPooled = 64 << 10

// MinSize is the least capacity, in bytes, that Get provides.
const MinSize = 512

// Poison makes Put overwrite what a buffer held, so that a test notices whoever
// still looks at it. For tests.
var Poison atomic.Bool

var pool bytebufferpool.Pool

// Get returns an empty buffer with a capacity of at least size bytes, and of
// MinSize at least.
func Get(size int) *Buffer {
	if size > MaxPooled {
		return &Buffer{B: make([]byte, 0, size)}
	}
	b := pool.Get()
	if cap(b.B) < size {
		b.B = make([]byte, 0, max(size, MinSize))
	}
	return b
}

// Put takes b back. The caller must not touch it, nor any slice of it, again.
func Put(b *Buffer) {
	if Poison.Load() {
		all := b.B[:cap(b.B)]
		for i := range all {
			all[i] = 0xDB
		}
	}
	if cap(b.B) > MaxPooled {
		return
	}
	pool.Put(b)
}
