package weir_test

import (
	"io"
	"net"
	"testing"
)

// pingOn sends a byte on an echoing connection and waits for it to come back.
func pingOn(t testing.TB, c net.Conn) {
	t.Helper()
	if err := tryPing(c); err != nil {
		t.Fatalf("ping: %v", err)
	}
}

func tryPing(c net.Conn) error {
	if _, err := c.Write([]byte{'p'}); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}
