package web_test

import (
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/web"
)

// heap returns the bytes of the live objects.
func heap() int64 {
	// Twice, because a sync.Pool keeps what it has for one more cycle.
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// An idle socket keeps its Socket and nothing else: nothing of its handshake, and
// nothing of what it has received and sent.
func TestSocketMemory(t *testing.T) {
	const each, slack = 128, 160 << 10 // a few buffers may be anywhere
	for _, offer := range []string{"X-Nothing: here", offerNoTakeover} {
		t.Run(offer, func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				conns := 500
				if m.Poller == weir.PollerSelect {
					conns = 400 // it takes 1,023 descriptors
				}
				ws := echoSocket()
				ws.Compression = web.CompressionNoTakeover
				addr, s := serveSockets(t, m, ws)
				clients := make([]net.Conn, conns)
				for i := range clients {
					c, err := net.Dial("tcp", addr)
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					clients[i] = c
				}
				eventually(t, "all are connected", func() bool { return s.Stats().Conns == conns })
				before := heap()
				request := []byte(upgrade(offer, "X-Large: "+strings.Repeat("x", 4000)))
				text := strings.Repeat("hello ", 2000)
				messages := append(masked(websocket.Text, true, text), masked(websocket.Text, false, text)...)
				messages = append(messages, masked(websocket.Continuation, true, text)...)
				answer := 4 + len(text) + 4 + 2*len(text)
				if offer == offerNoTakeover {
					z := new(websocket.Deflater).Append(nil, []byte(text))
					messages = websocket.AppendMasked(nil, websocket.Text, true, true, z)
					answer = 2 + len(z)
					if len(z) > 125 {
						answer += 2
					}
				}
				buf := make([]byte, 64<<10)
				for _, c := range clients {
					c.Write(request)
					n, err := c.Read(buf)
					if err != nil || !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 101") {
						t.Fatalf("%q, %v", buf[:n], err)
					}
					c.Write(messages)
					if _, err := io.ReadFull(c, buf[:answer]); err != nil {
						t.Fatal(err)
					}
				}
				eventually(t, "the buffers are given back", func() bool { return s.Stats().Buffered == 0 })
				if kept := heap() - before; kept > int64(conns*each+slack) {
					t.Errorf("%d bytes are kept for %d sockets", kept, conns)
				}
			})
		})
	}
}
