//go:build !race

// Under the race detector a sync.Pool forgets at random what it has been given.

package weir_test

import (
	"bytes"
	"io"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// In steady state a message costs no allocation, whether it comes whole, with
// others, or in pieces.
func TestNoAllocations(t *testing.T) {
	line := append(bytes.Repeat([]byte("x"), 63), '\n')
	writeFrame := weir.HandlerFunc(func(c *weir.Conn, frame []byte) { c.WriteFrame(frame) })
	// As closures would be made for each call, the functions are made once. What they
	// append is the line, and in all more than the outbound buffer holds.
	answer := func(dst []byte) []byte { return append(dst, line...) }
	appendFrame := weir.HandlerFunc(func(c *weir.Conn, frame []byte) { c.Append(answer) })
	conns := make(chan *weir.Conn)
	go func() {
		for c := range conns {
			c.Append(answer)
		}
	}()
	defer close(conns)
	appendLater := weir.HandlerFunc(func(c *weir.Conn, frame []byte) { conns <- c })
	for _, test := range []struct {
		name     string
		codec    codec.Codec
		handler  weir.Handler
		pieces   [][]byte // sent one by one
		messages int
	}{
		{"raw", codec.Raw{}, echo, [][]byte{line}, 1},
		{"line", codec.Line{}, writeFrame, [][]byte{line}, 1},
		{"ten lines", codec.Line{}, writeFrame, [][]byte{bytes.Repeat(line, 10)}, 10},
		{"line in two pieces", codec.Line{}, writeFrame, [][]byte{line[:20], line[20:]}, 1},
		{"appended", codec.Line{}, appendFrame, [][]byte{bytes.Repeat(line, 100)}, 100},
		{"appended elsewhere", codec.Line{}, appendLater, [][]byte{line}, 1},
		{"16 KiB", codec.Fixed{Size: 16 << 10}, writeFrame, [][]byte{make([]byte, 16<<10)}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				s := &weir.Server{Codec: test.codec, Handler: test.handler}
				c := dial(t, serve(t, m, s))
				got := make([]byte, len(bytes.Join(test.pieces, nil)))
				sent := uint64(0)
				pass := func(n int) {
					for range n {
						for _, p := range test.pieces {
							for s.Stats().BytesIn < sent { // the one before is to come alone
								time.Sleep(10 * time.Microsecond)
							}
							c.Write(p)
							sent += uint64(len(p))
						}
						if _, err := io.ReadFull(c, got); err != nil {
							t.Fatal(err)
						}
					}
				}
				pass(100)
				// A collection would empty the pools.
				defer debug.SetGCPercent(debug.SetGCPercent(-1))
				const rounds = 1000
				per := 1.0
				for try := 0; try < 5 && per >= 0.05; try++ { // on a busy machine the runtime allocates, too
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					pass(rounds)
					runtime.ReadMemStats(&after)
					per = float64(after.Mallocs-before.Mallocs) / float64(rounds*test.messages)
				}
				if per >= 0.05 {
					t.Errorf("%.3f allocations per message", per)
				}
			})
		})
	}
}
