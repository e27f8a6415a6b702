package web_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/web"
)

func prepare(t testing.TB, op web.Opcode, data string) *web.Prepared {
	t.Helper()
	p, err := web.NewPrepared(op, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Messages are compressed for those who can inflate them, if they are large enough,
// with and without context takeover, in both directions.
func TestSocketCompression(t *testing.T) {
	for _, test := range []struct {
		name   string
		mode   web.Compression
		offer  string
		expect bool
	}{
		{"off", web.CompressionOff, offerTakeover, false},
		{"not offered", web.CompressionTakeover, "X-Nothing: here", false},
		{"takeover", web.CompressionTakeover, offerTakeover, true},
		{"takeover, declined by the client", web.CompressionTakeover, offerNoTakeover, true},
		{"takeover, one way", web.CompressionTakeover, "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover", true},
		{"takeover, the other way", web.CompressionTakeover, "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover", true},
		{"no takeover", web.CompressionNoTakeover, offerTakeover, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				ws := echoSocket()
				ws.Compression = test.mode
				addr, _ := serveSockets(t, m, ws)
				c := dialSocket(t, addr, test.offer)
				if got := c.deflater != nil; got != test.expect {
					t.Fatalf("compression: %v", got)
				}
				for i := range 20 {
					small := fmt.Sprintf("number %d", i)
					c.send(websocket.Text, small)
					c.expect(websocket.Text, small)
					if c.deflated {
						t.Fatal("a small message is compressed")
					}
					large := strings.Repeat(fmt.Sprintf("this is number %d. ", i), 100*(i+1))
					c.send(websocket.Text, large)
					c.expect(websocket.Text, large)
					if c.deflated != test.expect {
						t.Fatalf("a large message is compressed: %v", c.deflated)
					}
				}
				// Fragments of a compressed message, with a ping in between.
				if c.deflater != nil {
					text := strings.Repeat("fragment ", 1000)
					z := c.deflater.Append(nil, []byte(text))
					c.raw(websocket.AppendMasked(nil, websocket.Text, false, true, z[:5]))
					c.raw(masked(websocket.Ping, true, "?"))
					c.raw(websocket.AppendMasked(nil, websocket.Continuation, true, false, z[5:]))
					c.expect(websocket.Pong, "?")
					c.expect(websocket.Text, text)
				}
				c.leave()
			})
		})
	}
}

// With context takeover a message refers to those before, until nothing has been
// sent for a while: then the memory for that is given back.
func TestSocketTakeover(t *testing.T) {
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		ws := echoSocket()
		ws.Compression = web.CompressionTakeover
		ws.PingInterval, ws.PongTimeout = 20*time.Millisecond, patience
		opened := sockets(ws)
		addr, _ := serveSockets(t, m, ws)
		c := dialSocket(t, addr, offerTakeover)
		s := receive(t, opened, "OnOpen")
		digits := make([]byte, 2000)
		for i := range digits {
			digits[i] = "0123456789abcdef"[rand.IntN(16)]
		}
		pinged := false // and not answered, so that there is no other ping
		size := func() int {
			if err := s.Write(web.Text, digits); err != nil {
				t.Fatal(err)
			}
			for {
				op, data, err := c.next()
				if op == websocket.Ping && err == nil {
					pinged = true
					continue
				}
				if op != websocket.Text || data != string(digits) || err != nil {
					t.Fatalf("got %v %s: %v", op, brief(data), err)
				}
				return c.size
			}
		}
		if first, again := size(), size(); first < 1000 || again > first/2 {
			t.Errorf("the first has %d bytes, the second %d", first, again)
		}
		for range 3 {
			if !pinged {
				c.expect(websocket.Ping, "")
			}
			pinged = false
			c.raw(masked(websocket.Pong, true, ""))
		}
		if late := size(); late < 1000 {
			t.Errorf("one after a pause has %d bytes", late)
		}
		if again := size(); again > 1000/2 {
			t.Errorf("one after that has %d bytes", again)
		}
	})
}

// A message that inflates to more than MaxMessage is refused, and costs no more.
func TestSocketBomb(t *testing.T) {
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		ws := echoSocket()
		ws.Compression = web.CompressionTakeover
		ws.MaxMessage = 1 << 16
		addr, _ := serveSockets(t, m, ws)
		c := dialSocket(t, addr, offerTakeover)
		c.send(websocket.Binary, strings.Repeat("\x00", 10<<20))
		c.expectClose(websocket.TooBig)
		c.expectEnd()
		eventually(t, "it is counted", func() bool { return ws.Stats().TooLarge == 1 })
		c = dialSocket(t, addr, offerTakeover)
		c.raw(websocket.AppendMasked(nil, websocket.Text, true, true, []byte("no deflate\xff\xff")))
		c.expectClose(websocket.InvalidPayload)
		c.expectEnd()
	})
}

// A prepared message suits everybody, and so do those after it.
func TestBroadcast(t *testing.T) {
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		ws := echoSocket()
		ws.Compression = web.CompressionTakeover
		var mu sync.Mutex
		var all []*web.Socket
		ws.OnOpen = func(s *web.Socket) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, s)
		}
		addr, _ := serveSockets(t, m, ws)
		var clients []*socketClient
		for i := range 9 {
			clients = append(clients, dialSocket(t, addr, []string{"X-Nothing: here", offerNoTakeover, offerTakeover}[i%3]))
		}
		eventually(t, "all are open", func() bool { return ws.Stats().Open == len(clients) })
		gone := dialSocket(t, addr)
		eventually(t, "all are open", func() bool { return ws.Stats().Open == len(clients)+1 })
		gone.leave()
		eventually(t, "one is closed", func() bool { return ws.Stats().Closed == 1 })

		message := func(round, i int) string {
			return strings.Repeat(fmt.Sprintf("round %d, part %d, and what all have in common. ", round, i), 20)
		}
		for round := range 5 {
			for i, c := range clients {
				before := message(round, i%2)
				c.send(websocket.Text, before)
				c.expect(websocket.Text, before)
			}
			p := prepare(t, websocket.Text, message(round, 100))
			small := prepare(t, websocket.Binary, "small")
			if p.Len() != len(message(round, 100)) {
				t.Errorf("Len is %d", p.Len())
			}
			for _, p := range []*web.Prepared{p, small, p} {
				if n := web.Broadcast(slices.Values(all), p); n != len(clients) {
					t.Fatalf("accepted on %d of %d", n, len(clients))
				}
			}
			for i, c := range clients {
				c.expect(websocket.Text, message(round, 100))
				if got, want := c.deflated, i%3 != 0; got != want {
					t.Errorf("client %d got it compressed: %v", i, got)
				}
				c.expect(websocket.Binary, "small")
				if c.deflated {
					t.Error("a small message is compressed")
				}
				c.expect(websocket.Text, message(round, 100))
				after := message(round, 2)
				c.send(websocket.Text, after)
				c.expect(websocket.Text, after)
			}
		}
		for _, c := range clients {
			c.leave()
		}
	})
}

// What does not get smaller is sent as it is.
func TestPreparedIncompressible(t *testing.T) {
	ws := echoSocket()
	ws.Compression, ws.CompressionThreshold = web.CompressionNoTakeover, -1
	opened := sockets(ws)
	addr, _ := serveSockets(t, socketMode{mode: modes()[0]}, ws)
	c := dialSocket(t, addr, offerTakeover)
	s := receive(t, opened, "OnOpen")
	for _, send := range []func() error{
		func() error { return s.WritePrepared(prepare(t, websocket.Text, "q")) },
		func() error { return s.WriteText("q") },
	} {
		if err := send(); err != nil {
			t.Fatal(err)
		}
		c.expect(websocket.Text, "q")
		if c.deflated {
			t.Error("a message of one byte is compressed")
		}
	}
}

// Messages that are joined arrive one by one, each compressed if it is large enough and
// the socket can do that; and so they do behind a message that is under way.
func TestJoinPrepared(t *testing.T) {
	large := strings.Repeat("large ", 1000)
	joined := web.JoinPrepared(
		prepare(t, web.Text, "small"),
		web.JoinPrepared(prepare(t, web.Text, large), prepare(t, web.Binary, "bytes")),
		prepare(t, web.Text, ""),
	)
	for _, mode := range []web.Compression{web.CompressionOff, web.CompressionNoTakeover, web.CompressionTakeover} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				ws := &web.WebSocket{Compression: mode}
				ws.OnMessage = func(s *web.Socket, _ web.Opcode, _ []byte) {
					if err := s.WritePrepared(joined); err != nil {
						t.Error(err)
					}
				}
				addr, _ := serveSockets(t, m, ws)
				c := dialSocket(t, addr, offerTakeover)
				for range 2 {
					c.send(websocket.Text, "go")
					c.expect(websocket.Text, "small")
					c.expect(websocket.Text, large)
					if c.deflated != (mode != web.CompressionOff) {
						t.Fatalf("compressed: %v", c.deflated)
					}
					c.expect(websocket.Binary, "bytes")
					c.expect(websocket.Text, "")
				}
				c.leave()
				if n := ws.Stats().MessagesOut; n != 8 {
					t.Fatalf("%d messages are counted", n)
				}
			})
		})
	}
}
