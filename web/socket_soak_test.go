package web_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/web"
)

// Clients of all manners come and go, while somebody broadcasts and pings. Each gets
// its own messages and no others, and each socket is opened and closed once, with no
// callback beside another.
func TestSocketSoak(t *testing.T) {
	clients, rounds := 16, 10
	if testing.Short() {
		rounds = 3
	}
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		var open sync.Map
		var opened, closed atomic.Int64
		ws := &web.WebSocket{
			Compression:  web.CompressionTakeover,
			PingInterval: 5 * time.Millisecond,
			PongTimeout:  patience,
			CloseTimeout: 20 * time.Millisecond,
			MaxMessage:   1 << 20,
			Subprotocols: []string{"soak"},
		}
		callback := func(s *web.Socket, f func()) {
			inside, ok := s.Context().(*atomic.Bool)
			if !ok || !inside.CompareAndSwap(false, true) {
				t.Error("a callback runs beside another, or before OnOpen")
				return
			}
			defer inside.Store(false)
			f()
		}
		ws.OnOpen = func(s *web.Socket) {
			s.SetContext(new(atomic.Bool))
			callback(s, func() {
				open.Store(s, true)
				opened.Add(1)
			})
		}
		ws.OnMessage = func(s *web.Socket, op web.Opcode, data []byte) {
			callback(s, func() {
				if string(data) == "stream" && m.Dispatch == weir.Pool {
					stream(s, strings.Repeat("stream", 10_000), 5000)
					return
				}
				s.Write(op, data)
			})
		}
		ws.OnClose = func(s *web.Socket, err error) {
			callback(s, func() {
				if _, ok := open.LoadAndDelete(s); !ok {
					t.Error("OnClose without OnOpen, or twice")
				}
				closed.Add(1)
			})
			s.SetContext(nil)
		}
		h := web.Handler(ws)
		if m.fast {
			h = web.Fast(ws.ServeFast)
		}
		srv := &weir.Server{Handler: h}
		srv.Linger = 50 * time.Millisecond
		addr := serve(t, m.mode, srv)

		stop := make(chan struct{})
		var background sync.WaitGroup
		background.Go(func() {
			p := prepare(t, web.Text, "to all: "+strings.Repeat("hello ", 100))
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
				web.Broadcast(func(yield func(*web.Socket) bool) {
					open.Range(func(s, _ any) bool { return yield(s.(*web.Socket)) })
				}, p)
				open.Range(func(s, _ any) bool { return s.(*web.Socket).Ping([]byte("soak")) != nil })
			}
		})

		var wg sync.WaitGroup
		for i := range clients {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), 1))
				for round := range rounds {
					if err := soak(t, addr, fmt.Sprintf("%d/%d", i, round), r, m.Dispatch == weir.Pool); err != nil {
						t.Errorf("client %d, round %d: %v", i, round, err)
					}
				}
			})
		}
		wg.Wait()
		close(stop)
		background.Wait()
		eventually(t, "all are closed", func() bool { return closed.Load() == int64(clients*rounds) })
		if n := opened.Load(); n != int64(clients*rounds) {
			t.Errorf("%d were opened", n)
		}
		if n := srv.Stats().Panics; n != 0 {
			t.Errorf("%d panics", n)
		}
	})
}

// soak is one client.
func soak(t *testing.T, addr, name string, r *rand.Rand, streams bool) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	offer := []string{"X-Nothing: here", offerNoTakeover, offerTakeover}[r.IntN(3)]
	c, err := openSocket(t, conn, offer, "Sec-WebSocket-Protocol: soak")
	if err != nil {
		return err
	}
	next := func() (websocket.Opcode, string, error) {
		for {
			op, data, err := c.next()
			switch {
			case err != nil:
				return op, data, err
			case op == websocket.Ping:
				if r.IntN(2) == 0 {
					c.conn.Write(masked(websocket.Pong, true, data))
				}
			case op == websocket.Pong, strings.HasPrefix(data, "to all: "):
			default:
				return op, data, nil
			}
		}
	}
	for i := range 1 + r.IntN(10) {
		text := fmt.Sprintf("%s %d %s", name, i, strings.Repeat("x", r.IntN([]int{10, 1000, 100_000}[i%3])))
		want := text
		var frames []byte
		switch k := r.IntN(6); {
		case k == 0:
			half := len(text) / 2
			frames = append(masked(websocket.Text, false, text[:half]), masked(websocket.Ping, true, "?")...)
			frames = append(frames, masked(websocket.Continuation, true, text[half:])...)
		case k == 1 && c.deflater != nil:
			frames = websocket.AppendMasked(nil, websocket.Text, true, true, c.deflater.Append(nil, []byte(text)))
		case k == 2 && streams:
			frames, want = masked(websocket.Text, true, "stream"), strings.Repeat("stream", 10_000)
		default:
			frames = masked(websocket.Text, true, text)
		}
		for len(frames) > 0 {
			n := 1 + r.IntN(len(frames))
			if _, err := c.conn.Write(frames[:n]); err != nil {
				return err
			}
			frames = frames[n:]
		}
		op, data, err := next()
		if err != nil || op != websocket.Text || data != want {
			return fmt.Errorf("got %v %s, want %s: %v", op, brief(data), brief(want), err)
		}
	}
	switch r.IntN(5) {
	case 0: // no good-bye
	case 1:
		conn.(*net.TCPConn).SetLinger(0)
	case 2:
		c.conn.Write([]byte{0xff, 0xff, 0xff})
		fallthrough
	default:
		c.conn.Write(closeFrame(4000, "done"))
		op, data, err := next()
		if err != nil || op != websocket.Close {
			return fmt.Errorf("got %v %s, want a close frame: %v", op, brief(data), err)
		}
	}
	return nil
}
