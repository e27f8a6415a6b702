package weir_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/weir-go/weir"
)

func TestEcho(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		addr := serve(t, m, &weir.Server{Handler: echo})
		c := dial(t, addr)
		for _, size := range []int{1, 64, 4096, 100_000, 5_000_000} {
			msg := bytes.Repeat([]byte("weir"), size/4+1)[:size]
			go c.Write(msg)
			got := make([]byte, size)
			if _, err := io.ReadFull(c, got); err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			if !bytes.Equal(got, msg) {
				t.Fatalf("%d bytes: the echo differs", size)
			}
		}
	})
}
