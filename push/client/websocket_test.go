package client_test

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/web"
)

// serveSocket serves a WebSocket until the test ends, and returns its URL.
func serveSocket(t *testing.T, ws *web.WebSocket) string {
	t.Helper()
	s := &weir.Server{Handler: web.Handler(ws)}
	s.Loops, s.Logger = 1, slog.New(slog.DiscardHandler)
	ln := listen(t, "127.0.0.1:0")
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	t.Cleanup(func() {
		s.Close()
		<-ended
	})
	return "ws://" + ln.Addr().String()
}

func encode(t *testing.T, e protocol.Encoding, f protocol.Frame) []byte {
	t.Helper()
	b, err := protocol.Append(nil, e, f)
	if err != nil {
		t.Error(err)
	}
	return b
}

// The first message tells the encoding; pings are answered, fragments joined, and close
// codes mean what an ERR would.
func TestWebSocket(t *testing.T) {
	for _, e := range []protocol.Encoding{protocol.Binary, protocol.JSON} {
		op := web.Binary
		if e == protocol.JSON {
			op = web.Text
		}
		pong := make(chan string, 1)
		sockets := make(chan *web.Socket, 1)
		ws := &web.WebSocket{
			Subprotocols: []string{client.Subprotocol},
			OnMessage: func(s *web.Socket, got web.Opcode, data []byte) {
				f, err := protocol.Decode(e, data)
				if err != nil || got != op {
					t.Errorf("%v %v", got, err)
				}
				if _, ok := f.(*protocol.Hello); !ok {
					return
				}
				if s.Subprotocol() != client.Subprotocol {
					t.Errorf("subprotocol %q", s.Subprotocol())
				}
				_ = s.Ping([]byte("anybody?"))
				b := encode(t, e, &protocol.Welcome{Session: "s", MaxMessage: 100, MaxTopic: 255})
				frames := websocket.AppendFrame(nil, op, false, false, b[:3])
				frames = websocket.AppendFrame(frames, websocket.Ping, true, false, nil)
				frames = websocket.AppendFrame(frames, websocket.Continuation, true, false, b[3:])
				_, _ = s.Conn().Write(frames)
				sockets <- s
			},
			OnPong: func(_ *web.Socket, data []byte) {
				if len(data) > 0 {
					pong <- string(data)
				}
			},
		}
		var s states
		c := start(t, client.Config{URL: serveSocket(t, ws) + "/anywhere?x=1", Encoding: e, OnState: s.add})
		if err := c.Connected(patiently(t)); err != nil {
			t.Fatal(err)
		}
		if data := receive(t, pong, "a pong"); data != "anybody?" {
			t.Errorf("pong %q", data)
		}
		_ = receive(t, sockets, "HELLO").Close(4000+int(protocol.CodeInternal), "again")
		eventually(t, "the client waits", func() bool { return len(s.of(client.Waiting)) == 1 })
		if err := s.of(client.Waiting)[0].Err; !isCode(err, protocol.CodeInternal) {
			t.Error(err)
		}
		_ = c.Reconnect() // or it is on its way already
		_ = receive(t, sockets, "HELLO").Close(4000+int(protocol.CodeDisconnected), "bye")
		eventually(t, "the client stops", func() bool { return c.State() == client.Stopped })
		if err := c.Connected(t.Context()); !isCode(err, protocol.CodeDisconnected) {
			t.Error(err)
		}
	}
}

// A close frame is sent at the end.
func TestWebSocketClose(t *testing.T) {
	ended := make(chan error, 1)
	ws := &web.WebSocket{
		OnMessage: func(s *web.Socket, _ web.Opcode, _ []byte) {
			_ = s.WriteBinary(encode(t, protocol.Binary, &protocol.Welcome{Session: "s"}))
		},
		OnClose: func(_ *web.Socket, err error) { ended <- err },
	}
	c := start(t, client.Config{URL: serveSocket(t, ws)})
	if err := c.Connected(patiently(t)); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(patiently(t)); err != nil {
		t.Fatal(err)
	}
	e, ok := errors.AsType[*web.CloseError](receive(t, ended, "the end"))
	if !ok || e.Code != websocket.NormalClosure {
		t.Errorf("%+v", e)
	}
}

// Nonsense is answered with a close frame.
func TestWebSocketNonsense(t *testing.T) {
	for name, x := range map[string]struct {
		frame []byte
		code  int
	}{
		"masked":       {websocket.AppendMasked(nil, websocket.Binary, true, false, []byte{10}), websocket.ProtocolError},
		"no beginning": {websocket.AppendFrame(nil, websocket.Continuation, true, false, nil), websocket.ProtocolError},
		"not UTF-8":    {websocket.AppendFrame(nil, websocket.Text, true, false, []byte("\xff")), websocket.InvalidPayload},
		"no frame":     {websocket.AppendFrame(nil, websocket.Binary, true, false, []byte("\xff")), websocket.PolicyViolation},
		"too large":    {websocket.AppendHeader(nil, websocket.Binary, true, false, 1<<30), websocket.TooBig},
	} {
		ended := make(chan error, 10)
		ws := &web.WebSocket{
			OnMessage: func(s *web.Socket, _ web.Opcode, _ []byte) { _, _ = s.Conn().Write(x.frame) },
			OnClose:   func(_ *web.Socket, err error) { ended <- err },
		}
		g, _ := timed(t)
		var s states
		start(t, client.Config{URL: serveSocket(t, ws), Group: g, OnState: s.add})
		e, ok := errors.AsType[*web.CloseError](receive(t, ended, "the end"))
		if !ok || e.Code != x.code {
			t.Errorf("%s: %+v", name, e)
		}
		eventually(t, "the client waits", func() bool { return len(s.of(client.Waiting)) == 1 })
		if err := s.of(client.Waiting)[0].Err; !errors.Is(err, client.ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A handshake that is refused, and one that is not an answer.
func TestHandshakeRefused(t *testing.T) {
	good := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
	for name, x := range map[string]struct {
		head   string
		status int
	}{
		"no HTTP":     {"hello\r\n\r\n", 0},
		"another key": {good + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 101},
		"extension":   {good + "Sec-WebSocket-Accept: KEY\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 101},
		"subprotocol": {good + "Sec-WebSocket-Accept: KEY\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n", 101},
		"no upgrade":  {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n", 101},
		"connection":  {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\n\r\n", 101},
		"forbidden":   {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", 403},
	} {
		ln := listen(t, "127.0.0.1:0")
		go func() {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			answerHandshake(conn, x.head)
		}()
		g, _ := timed(t)
		var s states
		start(t, client.Config{URL: "ws://" + ln.Addr().String(), Group: g, OnState: s.add})
		eventually(t, "the client waits", func() bool { return len(s.of(client.Waiting)) == 1 })
		err := s.of(client.Waiting)[0].Err
		if e, ok := errors.AsType[*client.HandshakeError](err); !ok || e.Status != x.status {
			t.Errorf("%s: %v", name, err)
		}
		ln.Close()
	}
}

// answerHandshake reads a request, and sends head with KEY being the right one.
func answerHandshake(conn net.Conn, head string) {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	key := websocket.AcceptKey(r.Header.Get("Sec-WebSocket-Key"))
	_, _ = io.WriteString(conn, strings.ReplaceAll(head, "KEY", key))
	_, _ = io.Copy(io.Discard, conn)
}

// A server that says when to come back is obeyed.
func TestHandshakeRetryAfter(t *testing.T) {
	var requests atomic.Int32
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.Header().Set("Retry-After", "7")
		http.Error(w, "later", http.StatusServiceUnavailable)
	}))
	defer h.Close()
	g, clock := timed(t)
	c := start(t, client.Config{URL: strings.Replace(h.URL, "http", "ws", 1), Group: g})
	clock.until(t, 7500*time.Millisecond)
	clock.until(t, 8*time.Second)
	eventually(t, "it comes back", func() bool { return requests.Load() == 3 })
	if err := c.Close(patiently(t)); err != nil {
		t.Error(err)
	}
}
