package weir

import (
	"testing"
	"unsafe"
)

// What an idle connection costs is said in the doc of Conn, and in the README.
func TestConnSize(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the figure is for 64-bit machines")
	}
	if n := unsafe.Sizeof(Conn{}); n > 128 {
		t.Errorf("a Conn has %d bytes", n)
	}
}
