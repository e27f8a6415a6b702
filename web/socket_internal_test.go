package web

import (
	"testing"
	"unsafe"
)

// The size of a Socket is what an idle one costs beside its connection: 104 bytes,
// which Go's allocator rounds up to 112.
func TestSizeOfSocket(t *testing.T) {
	if n := unsafe.Sizeof(Socket{}); unsafe.Sizeof(uintptr(0)) == 8 && n > 104 {
		t.Errorf("a Socket has %d bytes", n)
	}
}
