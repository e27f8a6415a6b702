package weir_test

import (
	"io"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// ReadThrough takes nothing behind the delimiter, wherever the bytes wait: what is
// left is the codec's.
func TestStreamReadThrough(t *testing.T) {
	eachPoolMode(t, func(t *testing.T, m mode) {
		got := make(chan string, 10)
		addr := serve(t, m, &weir.Server{Codec: codec.Line{}, Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			if string(frame) != "read" {
				got <- "frame " + string(frame)
				return
			}
			c.Write([]byte("!"))
			c.Flush()
			p := make([]byte, 5)
			for end := byte(0); end != ';'; {
				n, err := c.Stream().ReadThrough(p, ';')
				if err != nil {
					t.Error(err)
					return
				}
				end = p[n-1]
				got <- "read " + string(p[:n])
			}
		})})
		nc := dial(t, addr)
		expect := func(want ...string) {
			t.Helper()
			for _, w := range want {
				if s := receive(t, got, w); s != w {
					t.Errorf("got %q, want %q", s, w)
				}
			}
		}
		io.WriteString(nc, "read\nab;cd\n") // with the frame
		expect("read ab;", "frame cd")
		io.WriteString(nc, "read\n")
		if _, err := io.ReadFull(nc, make([]byte, 2)); err != nil {
			t.Fatal(err)
		}
		io.WriteString(nc, "01234567;ef\n") // behind it, and longer than p
		expect("read 01234", "read 567;", "frame ef")
	})
}
