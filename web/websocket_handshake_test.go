package web_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/web"
)

// lines is upgrade() with some of its lines replaced, or left out if new is empty.
func lines(changes ...string) string {
	s := upgrade()
	for i := 0; i < len(changes); i += 2 {
		before := changes[i] + "\r\n"
		after := changes[i+1] + "\r\n"
		if changes[i+1] == "" {
			after = ""
		}
		s = strings.Replace(s, before, after, 1)
	}
	return s
}

func TestSocketHandshake(t *testing.T) {
	const (
		get  = "GET /socket?q=1 HTTP/1.1"
		host = "Host: weir.test"
		conn = "Connection: Upgrade"
		upgr = "Upgrade: websocket"
		vers = "Sec-WebSocket-Version: 13"
		key  = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	)
	for _, test := range []struct {
		name    string
		request string
		status  int
		headers map[string]string // of the response; "": must be missing
	}{
		{"good", upgrade(), 101, map[string]string{"Upgrade": "websocket", "Connection": "Upgrade",
			"Sec-Websocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Sec-Websocket-Protocol": "", "Sec-Websocket-Extensions": "", "Content-Length": ""}},
		{"any case, lists", lines(conn, "connection: keep-alive, UPGRADE", upgr, "upgrade: h2c, WebSocket"), 101, nil},
		{"no upgrade", lines(conn, "", upgr, ""), 426, map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-Websocket-Version": "13"}},
		{"upgrade to something else", lines(upgr, "Upgrade: h2c"), 426, map[string]string{"Upgrade": "websocket"}},
		{"Connection does not say so", lines(conn, "Connection: keep-alive"), 400, nil},
		{"POST", lines(get, "POST /socket HTTP/1.1"), 405, map[string]string{"Allow": "GET"}},
		{"version 8", lines(vers, "Sec-WebSocket-Version: 8"), 426, map[string]string{"Sec-Websocket-Version": "13"}},
		{"no version", lines(vers, ""), 426, map[string]string{"Sec-Websocket-Version": "13"}},
		{"two versions", lines(vers, vers+"\r\n"+vers), 426, nil},
		{"no key", lines(key, ""), 400, nil},
		{"two keys", lines(key, key+"\r\n"+key), 400, nil},
		{"short key", lines(key, "Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="), 400, nil},
		{"key not base64", lines(key, "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="), 400, nil},
		{"body", lines(host, host+"\r\nContent-Length: 3") + "abc", 400, nil},
		{"chunked body", lines(host, host+"\r\nTransfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n", 400, nil},

		{"same origin", upgrade("Origin: https://weir.test"), 101, nil},
		{"same origin, other case", upgrade("Origin: https://WEIR.test"), 101, nil},
		{"other origin", upgrade("Origin: https://evil.test"), 403, nil},
		{"other port", upgrade("Origin: https://weir.test:8443"), 403, nil},
		{"opaque origin", upgrade("Origin: null"), 403, nil},
		{"empty origin", upgrade("Origin: "), 403, nil},
		{"two origins", upgrade("Origin: https://weir.test", "Origin: https://weir.test"), 403, nil},

		{"subprotocol", upgrade("Sec-WebSocket-Protocol: v1.chat, v2.chat"), 101, map[string]string{"Sec-Websocket-Protocol": "v2.chat"}},
		{"subprotocol, two lines", upgrade("Sec-WebSocket-Protocol: other", "Sec-WebSocket-Protocol: v1.chat"), 101, map[string]string{"Sec-Websocket-Protocol": "v1.chat"}},
		{"subprotocol unknown", upgrade("Sec-WebSocket-Protocol: v3.chat"), 101, map[string]string{"Sec-Websocket-Protocol": ""}},

		{"extension", upgrade(offerTakeover), 101, map[string]string{"Sec-Websocket-Extensions": "permessage-deflate"}},
		{"extension, no takeover", upgrade(offerNoTakeover), 101,
			map[string]string{"Sec-Websocket-Extensions": "permessage-deflate; server_no_context_takeover; client_no_context_takeover"}},
		{"extension unknown", upgrade("Sec-WebSocket-Extensions: x-webkit-deflate-frame"), 101, map[string]string{"Sec-Websocket-Extensions": ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				ws := echoSocket()
				ws.Subprotocols = []string{"v2.chat", "v1.chat"}
				ws.Compression = web.CompressionTakeover
				addr, _ := serveSockets(t, m, ws)
				c := dial(t, addr)
				if _, err := io.WriteString(c, test.request); err != nil {
					t.Fatal(err)
				}
				in := bufio.NewReader(c)
				r, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Fatal(err)
				}
				if r.StatusCode != test.status {
					t.Fatalf("answered with %s", r.Status)
				}
				for name, want := range test.headers {
					if got := r.Header.Get(name); got != want {
						t.Errorf("%s: %q, want %q", name, got, want)
					}
				}
				st := ws.Stats()
				switch refused := st.RefusedRequest + st.RefusedOrigin; {
				case test.status == 101 && (refused != 0 || st.Opened != 1),
					test.status == 403 && (st.RefusedOrigin != 1 || st.Opened != 0),
					test.status != 101 && (refused != 1 || st.Opened != 0):
					t.Errorf("counted: %+v", st)
				}
				if test.status == 101 {
					return
				}
				if text, err := io.ReadAll(r.Body); err != nil || len(text) < 5 {
					t.Errorf("the response says %q (%v)", text, err)
				}
				if r.Close {
					return
				}
				// The connection is as good as before.
				io.WriteString(c, upgrade())
				if r, err = http.ReadResponse(in, nil); err != nil || r.StatusCode != 101 {
					t.Errorf("the next request is answered with %v, %v", r, err)
				}
			})
		})
	}
}

// Accept and CheckOrigin see the request, and have their say in the response.
func TestSocketAccept(t *testing.T) {
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		ws := echoSocket()
		ws.Subprotocols = []string{"chat"}
		ws.CheckOrigin = func(h *web.Handshake) bool { return h.Header("origin") == "https://friend.test" }
		ws.Accept = func(h *web.Handshake) error {
			if (h.Request() == nil) != m.fast || (h.Ctx() == nil) == m.fast {
				t.Error("Request and Ctx are mixed up")
			}
			if h.Host() != "weir.test" || h.Path() != "/socket" || h.Query() != "q=1" || h.Subprotocol() != "chat" {
				t.Errorf("the handshake is for %s %s %s %s", h.Host(), h.Path(), h.Query(), h.Subprotocol())
			}
			h.SetHeader("X-Asked", "yes")
			h.AddHeader("Set-Cookie", "a=1")
			h.AddHeader("Set-Cookie", "b=2\r\nX-Evil: yes")
			h.SetHeader("Connection", "close")
			h.SetHeader("Sec-WebSocket-Protocol", "evil")
			switch user := h.Header("Authorization"); user {
			case "":
				h.SetHeader("WWW-Authenticate", "Bearer")
				return &web.HandshakeError{Status: http.StatusUnauthorized, Reason: "who are you?"}
			case "teapot":
				return &web.HandshakeError{Status: http.StatusTeapot}
			case "odd":
				return &web.HandshakeError{Status: 200}
			case "bad":
				return errors.New("a secret")
			default:
				h.SetContext(user)
				return nil
			}
		}
		opened := make(chan *web.Socket, 1)
		ws.OnOpen = func(s *web.Socket) { opened <- s }
		addr, _ := serveSockets(t, m, ws)
		ask := func(lines ...string) *http.Response {
			c := dial(t, addr)
			io.WriteString(c, upgrade(append(lines, "Origin: https://friend.test", "Sec-WebSocket-Protocol: chat")...))
			r, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			if r.StatusCode == 101 {
				return r
			}
			text, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(string(text)))
			return r
		}
		body := func(r *http.Response) string {
			text, _ := io.ReadAll(r.Body)
			return string(text)
		}
		for _, test := range []struct {
			user   string
			status int
			body   string
		}{
			{"teapot", 418, "I'm a teapot\n"},
			{"odd", 403, "Forbidden\n"},
			{"bad", 403, "Forbidden\n"},
		} {
			if r := ask("Authorization: " + test.user); r.StatusCode != test.status || body(r) != test.body {
				t.Errorf("%s is answered with %s", test.user, r.Status)
			}
		}
		r := ask()
		if text := body(r); r.StatusCode != 401 || text != "who are you?\n" || r.Header.Get("WWW-Authenticate") != "Bearer" || r.Header.Get("X-Asked") != "yes" {
			t.Errorf("answered with %s %v %q", r.Status, r.Header, text)
		}
		if n := ws.Stats().RefusedAccept; n != 4 {
			t.Errorf("%d are counted as refused", n)
		}
		r = ask("Authorization: me")
		if r.StatusCode != 101 || r.Header.Get("X-Asked") != "yes" || len(r.Header.Values("Set-Cookie")) != 2 || r.Header.Get("X-Evil") != "" ||
			r.Header.Get("Connection") != "Upgrade" || r.Header.Get("Sec-WebSocket-Protocol") != "chat" {
			t.Errorf("answered with %s %v", r.Status, r.Header)
		}
		s := receive(t, opened, "OnOpen")
		if s.Context() != "me" || s.Subprotocol() != "chat" {
			t.Errorf("the socket has %v and speaks %q", s.Context(), s.Subprotocol())
		}
		s.SetContext(42)
		if found, ok := web.SocketOf(s.Conn()); !ok || found != s || s.Context() != 42 {
			t.Error("the socket is not the connection's")
		}
		if s.RemoteAddr().String() != s.Conn().RemoteAddr().String() || s.LocalAddr().String() != addr {
			t.Error("the addresses differ")
		}
	})
}

// wrapped is the http.ResponseWriter of a middleware.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// opaque is that of one which has not heard of Unwrap.
type opaque struct{ http.ResponseWriter }

// Middleware is looked through, and its headers go with the response.
func TestSocketBehindMiddleware(t *testing.T) {
	ws := echoSocket()
	mux := http.NewServeMux()
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Middleware", "yes")
		w.Header().Set("Content-Type", "text/html")
		ws.ServeHTTP(wrapped{wrapped{w}}, r)
	})
	mux.HandleFunc("/opaque", func(w http.ResponseWriter, r *http.Request) { ws.ServeHTTP(opaque{w}, r) })
	for _, m := range modes() {
		if m.Dispatch == weir.Inline {
			continue
		}
		t.Run(m.Poller.String(), func(t *testing.T) {
			addr := serve(t, m, &weir.Server{Handler: web.Handler(mux)})
			c := dialSocket(t, addr)
			if h := c.response.Header; h.Get("X-Middleware") != "yes" || h.Get("Content-Type") != "" {
				t.Errorf("the response has %v", h)
			}
			c.send(websocket.Text, "through")
			c.expect(websocket.Text, "through")
			c.leave()

			c2 := dial(t, addr)
			io.WriteString(c2, strings.Replace(upgrade(), "/socket", "/opaque", 1))
			r, err := http.ReadResponse(bufio.NewReader(c2), nil)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(r.Body)
			if r.StatusCode != 500 || !strings.Contains(string(text), "Unwrap") {
				t.Errorf("answered with %s %q", r.Status, text)
			}
		})
	}
}

// Another server's connections are not weir's.
func TestSocketOnAnotherServer(t *testing.T) {
	ws := echoSocket()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(upgrade())))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	ws.ServeHTTP(w, r)
	if w.Code != 500 || !strings.Contains(w.Body.String(), "web.Handler") || ws.Stats().RefusedServer != 1 {
		t.Errorf("answered with %d %q", w.Code, w.Body)
	}
}

// Fields that make no sense are told of with the first request.
func TestSocketConfig(t *testing.T) {
	for _, test := range []struct {
		field string
		ws    *web.WebSocket
	}{
		{"Subprotocols", &web.WebSocket{Subprotocols: []string{"no token"}}},
		{"Subprotocols", &web.WebSocket{Subprotocols: make([]string, 1<<16)}},
		{"Compression", &web.WebSocket{Compression: 3}},
		{"CompressionLevel", &web.WebSocket{CompressionLevel: 10}},
		{"MaxMessage", &web.WebSocket{MaxMessage: -1}},
		{"MaxQueued", &web.WebSocket{MaxQueued: -1}},
		{"PongTimeout", &web.WebSocket{PongTimeout: -1}},
		{"CloseTimeout", &web.WebSocket{CloseTimeout: -1}},
	} {
		addr := serve(t, modes()[0], &weir.Server{Handler: web.Handler(test.ws)})
		for range 2 {
			c := dial(t, addr)
			io.WriteString(c, upgrade())
			r, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			if text, _ := io.ReadAll(r.Body); r.StatusCode != 500 || !strings.Contains(string(text), test.field) {
				t.Errorf("%s: answered with %s %q", test.field, r.Status, text)
			}
		}
	}
}

// Headers that Accept has from elsewhere, such as the answer of an authenticating
// server, do not upset the framing of the response that refuses.
func TestSocketAcceptFramesNothing(t *testing.T) {
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		ws := echoSocket()
		ws.Accept = func(h *web.Handshake) error {
			h.SetHeader("Content-Length", "1")
			h.AddHeader("content-length", "2")
			h.SetHeader("Transfer-Encoding", "chunked")
			h.SetHeader("Content-Type", "text/html")
			h.SetHeader("Trailer", "X-Evil")
			h.SetHeader("X-Fine", "yes")
			return &web.HandshakeError{Status: http.StatusTeapot, Reason: "no"}
		}
		addr, _ := serveSockets(t, m, ws)
		c := dial(t, addr)
		in := bufio.NewReader(c)
		for range 2 {
			if _, err := io.WriteString(c, upgrade()); err != nil {
				t.Fatal(err)
			}
			r, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != "no\n" || r.StatusCode != http.StatusTeapot || r.Header.Get("X-Fine") != "yes" ||
				len(r.Header["Content-Type"]) != 1 || r.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("answered with %s %v %q, %v", r.Status, r.Header, body, err)
			}
		}
	})
}
