package web_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/web"
)

// Handshakes for the path of an HTTP.WebSocket are answered ahead of the http.Handler,
// which gets everything else.
func TestHTTPWebSocket(t *testing.T) {
	ws := echoSocket()
	ws.Accept = func(h *web.Handshake) error {
		if h.Request() != nil {
			t.Error("an *http.Request was made")
		}
		if h.Query() == "q=2" {
			return &web.HandshakeError{Status: http.StatusTeapot}
		}
		return nil
	}
	h := web.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", r.Method, r.URL.Path)
	})).WebSocket("/socket", ws)
	s := &weir.Server{Handler: h}
	addr := serve(t, mode{}, s)

	c := dialSocket(t, addr)
	c.send(websocket.Text, "hello")
	c.expect(websocket.Text, "hello")
	c.leave()

	for _, x := range []struct{ request, answer string }{
		{upgrade(), "HTTP/1.1 101 "},
		{strings.Replace(upgrade(), "q=1", "q=2", 1), "HTTP/1.1 418 "},
		{strings.Replace(upgrade(), "Version: 13", "Version: 9", 1), "HTTP/1.1 426 "},
		{strings.Replace(upgrade(), "/socket", "/other", 1), "GET /other"},
		{"GET /socket HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /socket"},
		{"POST /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", "POST /socket"},
	} {
		conn := dial(t, addr)
		if _, err := io.WriteString(conn, x.request); err != nil {
			t.Fatal(err)
		}
		buf, got := make([]byte, 4096), ""
		for !strings.Contains(got, x.answer) {
			n, err := conn.Read(buf)
			if got += string(buf[:n]); err != nil {
				t.Fatalf("%q answered with %q, want %q: %v", x.request, got, x.answer, err)
			}
		}
		conn.Close()
	}
}
