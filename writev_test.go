package weir_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/weir-go/weir"
)

// The system takes 1,024 slices at a time; Writev takes any number, empty ones
// among them, in and outside of callbacks.
func TestWritevOfManySlices(t *testing.T) {
	var slices [][]byte
	var want []byte
	for i := range 5000 {
		p := bytes.Repeat([]byte{byte(i)}, i%7)
		slices = append(slices, p)
		want = append(want, p...)
	}
	for name, in := range map[string]func(c *weir.Conn, f func()){
		"in a callback": func(_ *weir.Conn, f func()) { f() },
		"outside":       func(_ *weir.Conn, f func()) { go f() },
		"behind other bytes": func(c *weir.Conn, f func()) {
			c.Write(nil)
			f()
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				nc := dial(t, serve(t, m, &weir.Server{Handler: hooks{frame: func(c *weir.Conn, _ []byte) {
					in(c, func() {
						if n, err := c.Writev(slices); n != int64(len(want)) || err != nil {
							t.Errorf("Writev returned %d, %v", n, err)
						}
					})
				}}}))
				io.WriteString(nc, "go")
				got := make([]byte, len(want))
				if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, want) {
					t.Errorf("what arrived differs, %v", err)
				}
			})
		})
	}
}

// Writes of nothing are accepted, in any number, and send nothing.
func TestEmptyWrites(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		empty, err := weir.NewMessage(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer empty.Release()
		released := 0
		j := newJudge(t, hooks{frame: func(c *weir.Conn, _ []byte) {
			for range 200 {
				c.Write(nil)
				c.Writev(nil)
				c.Writev([][]byte{nil, {}})
				c.WriteMessage(empty)
				c.WriteOwned(nil, func() { released++ })
			}
			io.WriteString(c, "done")
			c.Close()
		}})
		nc := dial(t, serve(t, m, &weir.Server{Handler: j}))
		io.WriteString(nc, "go")
		if got, err := io.ReadAll(nc); string(got) != "done" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		nc.Close()
		j.settled(1)
		if released != 200 {
			t.Errorf("%d releases of 200", released)
		}
	})
}
