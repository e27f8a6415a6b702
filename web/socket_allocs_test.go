//go:build !race

// Under the race detector a sync.Pool forgets at random what it has been given.

package web_test

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/web"
)

// In steady state a message costs no allocation, be it echoed in a callback or sent
// by another goroutine, small or large, compressed or prepared.
func TestSocketNoAllocations(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 1<<10)
	for _, test := range []struct {
		name   string
		mode   web.Compression
		data   string
		pieces int // fragments that the client sends it in
		push   func(s *web.Socket, data []byte, p *web.Prepared) error
	}{
		{name: "echo", data: large[:64]},
		{name: "echo, 1 KiB", data: large[:1<<10]},
		{name: "echo, 16 KiB", data: large},
		{name: "echo of fragments", data: large[:1<<10], pieces: 3},
		{name: "echo, compressed", mode: web.CompressionNoTakeover, data: large[:1<<10]},
		{name: "echo, compressed with takeover", mode: web.CompressionTakeover, data: large[:1<<10]},
		{name: "push", data: large[:64], push: func(s *web.Socket, data []byte, p *web.Prepared) error { return s.Write(web.Text, data) }},
		{name: "push, 16 KiB", data: large, push: func(s *web.Socket, data []byte, p *web.Prepared) error { return s.Write(web.Text, data) }},
		{name: "push, prepared", data: large, push: func(s *web.Socket, data []byte, p *web.Prepared) error { return s.WritePrepared(p) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				ws := echoSocket()
				ws.Compression = test.mode
				opened := sockets(ws)
				addr, _ := serveSockets(t, m, ws)
				offer := "X-Nothing: here"
				if test.mode != web.CompressionOff {
					offer = offerTakeover
				}
				c := dialSocket(t, addr, offer)
				s := receive(t, opened, "OnOpen")
				data, p := []byte(test.data), prepare(t, web.Text, test.data)

				// What is sent and what comes back, always the same: the client's
				// messages refer to none before.
				var in, out []byte
				switch {
				case test.mode != web.CompressionOff:
					in = websocket.AppendMasked(nil, websocket.Text, true, true, new(websocket.Deflater).Append(nil, data))
				case test.pieces > 0:
					op := websocket.Text
					for i := range test.pieces {
						n := len(data) / test.pieces
						part := data[i*n : (i+1)*n]
						last := i == test.pieces-1
						if last {
							part = data[i*n:]
						}
						in = websocket.AppendMasked(in, op, last, false, part)
						op = websocket.Continuation
					}
				default:
					in = masked(websocket.Text, true, test.data)
				}
				out = make([]byte, 2*len(data)+1000)
				size := 0
				pass := func(n int) {
					for range n {
						if test.push != nil {
							if err := test.push(s, data, p); err != nil {
								t.Fatal(err)
							}
						} else if _, err := c.conn.Write(in); err != nil {
							t.Fatal(err)
						}
						// A whole frame has to come back; how long it is depends on
						// what the deflater remembers.
						size = 0
						for size < 4 || size < frameLen(out[:size]) {
							k, err := c.in.Read(out[size:])
							if err != nil {
								t.Fatal(err)
							}
							size += k
						}
					}
				}
				pass(500)
				// A collection would empty the pools.
				defer debug.SetGCPercent(debug.SetGCPercent(-1))
				const rounds = 1000
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				pass(rounds)
				runtime.ReadMemStats(&after)
				limit := 0.1 // the pools are filled by processor, now and then
				if test.mode != web.CompressionOff {
					limit = 0.5 // what deflates is made of many objects
				}
				if per := float64(after.Mallocs-before.Mallocs) / rounds; per >= limit {
					t.Errorf("%.3f allocations per message", per)
				}
				if test.mode == web.CompressionOff && !bytes.HasSuffix(out[:size], data) {
					t.Error("what came back is not the message")
				}
			})
		})
	}
}

// frameLen returns the size of the frame that b begins with, whose header is there.
func frameLen(b []byte) int {
	return websocket.Codec{Client: true, Deflate: true}.FrameSize(b)
}
