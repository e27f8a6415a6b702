package web_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/web"
)

// socketMode is one combination of how WebSockets can be served.
type socketMode struct {
	mode
	fast bool // by web.Fast, or else by web.Handler, which needs Pool
}

// eachSocketMode runs a test in every combination.
func eachSocketMode(t *testing.T, f func(t *testing.T, m socketMode)) {
	for _, m := range modes() {
		if m.Dispatch == weir.Pool {
			t.Run(m.Poller.String()+"/pool/handler", func(t *testing.T) { f(t, socketMode{m, false}) })
		}
		t.Run(m.Poller.String()+"/"+m.Dispatch.String()+"/fast", func(t *testing.T) { f(t, socketMode{m, true}) })
	}
}

// serveSockets serves an endpoint on every path until the test ends.
func serveSockets(t testing.TB, m socketMode, ws *web.WebSocket) (addr string, s *weir.Server) {
	t.Helper()
	s = &weir.Server{Handler: web.Handler(ws)}
	if m.fast {
		s.Handler = web.Fast(ws.ServeFast)
	}
	return serve(t, m.mode, s), s
}

// echoSocket is an endpoint that sends back what it gets.
func echoSocket() *web.WebSocket {
	return &web.WebSocket{OnMessage: func(s *web.Socket, op web.Opcode, data []byte) { s.Write(op, data) }}
}

// closings is an OnClose that passes on what it gets.
func closings(ws *web.WebSocket) <-chan *web.CloseError {
	ch := make(chan *web.CloseError, 1024)
	ws.OnClose = func(_ *web.Socket, err error) { ch <- err.(*web.CloseError) }
	return ch
}

// upgrade is a request for a WebSocket, with further header lines.
func upgrade(lines ...string) string {
	var b strings.Builder
	b.WriteString("GET /socket?q=1 HTTP/1.1\r\nHost: weir.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	return b.String() + "\r\n"
}

const (
	offerTakeover   = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
	offerNoTakeover = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover"
)

// socketClient is the other side of a WebSocket.
type socketClient struct {
	t        testing.TB
	conn     net.Conn
	in       *bufio.Reader
	codec    websocket.Codec
	reader   websocket.Reader
	deflater *websocket.Deflater // nil: sends plain messages
	response *http.Response
	buf      []byte // of frames that were read
	deflated bool   // the last data frame began a compressed message
	size     int    // of that frame
}

// dialSocket opens a WebSocket, with further header lines in the request.
func dialSocket(t testing.TB, addr string, lines ...string) *socketClient {
	t.Helper()
	c, err := openSocket(t, dial(t, addr), lines...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func openSocket(t testing.TB, conn net.Conn, lines ...string) (*socketClient, error) {
	c := &socketClient{t: t, conn: conn, in: bufio.NewReader(conn), codec: websocket.Codec{Client: true, MaxFrame: 64 << 20}}
	c.reader.MaxMessage = 64 << 20
	if _, err := io.WriteString(conn, upgrade(lines...)); err != nil {
		return nil, err
	}
	var err error
	if c.response, err = http.ReadResponse(c.in, &http.Request{Method: http.MethodGet}); err != nil {
		return nil, err
	}
	if c.response.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("the handshake is answered with %s", c.response.Status)
	}
	if got := c.response.Header.Get("Sec-WebSocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		return nil, fmt.Errorf("Sec-WebSocket-Accept: %q", got)
	}
	if ext := c.response.Header.Get("Sec-WebSocket-Extensions"); ext != "" {
		c.codec.Deflate = true
		c.reader.Inflater = &websocket.Inflater{Takeover: !strings.Contains(ext, "server_no_context_takeover")}
		c.deflater = &websocket.Deflater{Takeover: !strings.Contains(ext, "client_no_context_takeover")}
	}
	return c, nil
}

// raw sends bytes as they are.
func (c *socketClient) raw(p []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(p); err != nil {
		c.t.Fatal(err)
	}
}

// masked is a frame as a client sends it.
func masked(op websocket.Opcode, fin bool, payload string) []byte {
	return websocket.AppendMasked(nil, op, fin, false, []byte(payload))
}

// closeFrame is a close frame as a client sends it.
func closeFrame(code int, reason string) []byte {
	return masked(websocket.Close, true, string(websocket.AppendClosePayload(nil, code, reason)))
}

// send sends a message, compressed if that has been negotiated.
func (c *socketClient) send(op websocket.Opcode, data string) {
	c.t.Helper()
	if c.deflater == nil {
		c.raw(masked(op, true, data))
		return
	}
	c.raw(websocket.AppendMasked(nil, op, true, true, c.deflater.Append(nil, []byte(data))))
}

// next returns the next message or control frame.
func (c *socketClient) next() (websocket.Opcode, string, error) {
	for {
		frame, n, err := c.codec.Decode(c.buf)
		if err != nil {
			return 0, "", err
		}
		if n == 0 {
			chunk := make([]byte, 64<<10)
			n, err := c.in.Read(chunk)
			if err != nil {
				return 0, "", err
			}
			c.buf = append(c.buf, chunk[:n]...)
			continue
		}
		c.buf = c.buf[n:]
		if h, _ := websocket.Parse(frame); !h.Op.Control() && h.Op != websocket.Continuation {
			c.deflated, c.size = h.RSV1, n
		}
		op, data, err := c.reader.Next(frame)
		if err != nil {
			return 0, "", err
		}
		if op != websocket.Continuation {
			return op, string(data), nil
		}
	}
}

// expect waits for a message or control frame.
func (c *socketClient) expect(op websocket.Opcode, data string) {
	c.t.Helper()
	gotOp, got, err := c.next()
	if err != nil {
		c.t.Fatalf("want %v %s: %v", op, brief(data), err)
	}
	if gotOp != op || got != data {
		c.t.Fatalf("got %v %s, want %v %s", gotOp, brief(got), op, brief(data))
	}
}

func brief(s string) string {
	if len(s) > 64 {
		return fmt.Sprintf("%q and %d bytes more", s[:64], len(s)-64)
	}
	return fmt.Sprintf("%q", s)
}

// expectClose waits for a close frame.
func (c *socketClient) expectClose(code int) (reason string) {
	c.t.Helper()
	op, data, err := c.next()
	if err != nil || op != websocket.Close {
		c.t.Fatalf("got %v %s (%v), want a close frame with %d", op, brief(data), err, code)
	}
	got, reason, err := websocket.ParseClose([]byte(data))
	if err != nil || got != code {
		c.t.Fatalf("closed with %d %q (%v), want %d", got, reason, err, code)
	}
	return reason
}

// expectEnd waits for the end of the stream, and ends it on this side, too.
func (c *socketClient) expectEnd() {
	c.t.Helper()
	op, data, err := c.next()
	if err == nil {
		c.t.Fatalf("got %v %s, want the end of the stream", op, brief(data))
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Fatalf("the stream does not end: %v", err)
	}
	c.conn.Close()
}

// leave does the close handshake from the client's side.
func (c *socketClient) leave() {
	c.t.Helper()
	c.raw(closeFrame(websocket.NormalClosure, ""))
	c.expectClose(websocket.NormalClosure)
	c.expectEnd()
}
