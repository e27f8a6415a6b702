package weir_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/weir-go/weir"
)

// OverflowNotify accepts up to MaxOutbound, tells, and reads on.
func TestOverflowNotify(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		requests := make(chan string, 1)
		s, c, peer, _ := slow(t, m, weir.OverflowNotify, func(_ *weir.Conn, f []byte) { requests <- string(f) })
		n, err := push(c, gigabyte)
		if !errors.Is(err, weir.ErrBacklog) {
			t.Fatalf("after %d parcels: %v", n, err)
		}
		if c.Writable() || c.Buffered() < s.MaxOutbound {
			t.Errorf("writable %v with %d bytes waiting", c.Writable(), c.Buffered())
		}
		// The other direction is not concerned.
		peer.Write(append(binary.BigEndian.AppendUint32(nil, 5), "hello"...))
		if got := receive(t, requests, "a request of the slow reader"); got != "hello" {
			t.Errorf("got %q", got)
		}
		for i := range n {
			if got := unpack(t, peer); got != i {
				t.Fatalf("parcel %d came for %d", got, i)
			}
		}
		eventually(t, "the connection is writable again", c.Writable)
	})
}
