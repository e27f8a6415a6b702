package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/api"
	"github.com/weir-go/weir/push/auth"
	"github.com/weir-go/weir/push/msglog"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/web"
)

// patience bounds what a test waits for.
const patience = 20 * time.Second

// sink is a connection that keeps the frames it is sent.
type sink struct {
	t       testing.TB
	session *push.Session
	frames  chan protocol.Frame
	turns   chan func()
	done    chan struct{}
	end     sync.Once
}

func attach(t testing.TB, s *push.Server, f *push.Format) *sink {
	k := &sink{t: t, frames: make(chan protocol.Frame, 1000), turns: make(chan func(), 1000), done: make(chan struct{})}
	k.session = s.Attach(k, f)
	go func() {
		defer close(k.done)
		for f := range k.turns {
			if f == nil {
				k.session.Closed(errors.New("closed"))
				return
			}
			f()
		}
	}()
	t.Cleanup(func() { k.Close(0); <-k.done })
	return k
}

func (k *sink) Send(wire any) error {
	f, err := protocol.Decode(protocol.Binary, wire.([]byte))
	if err != nil {
		k.t.Error(err)
		return err
	}
	k.frames <- f
	return nil
}

func (k *sink) Writable() bool             { return true }
func (k *sink) Buffered() int              { return 0 }
func (k *sink) Do(f func()) error          { k.turns <- f; return nil }
func (k *sink) Pause()                     {}
func (k *sink) Resume()                    {}
func (k *sink) SetPing(time.Duration)      {}
func (k *sink) Close(protocol.Code)        { k.end.Do(func() { k.turns <- nil }) }
func (k *sink) RemoteAddr() netip.AddrPort { return netip.MustParseAddrPort("192.0.2.1:7") }

func (k *sink) Write(frame []byte) error { return k.Send(bytes.Clone(frame)) }

func (k *sink) receive(f protocol.Frame) {
	k.t.Helper()
	b, err := protocol.Append(nil, protocol.Binary, f)
	if err != nil {
		k.t.Fatal(err)
	}
	k.turns <- func() { k.session.Receive(b) }
}

// next waits for a frame of a type.
func next[F protocol.Frame](k *sink) F {
	k.t.Helper()
	select {
	case f := <-k.frames:
		x, ok := f.(F)
		if !ok {
			k.t.Fatalf("got %#v, want a %T", f, x)
		}
		return x
	case <-time.After(patience):
		k.t.Fatal("no frame came")
	}
	panic("unreachable")
}

var secret = []byte("0123456789abcdef0123456789abcdef")

func token(t testing.TB, c auth.Claims) string {
	t.Helper()
	c.Expires = time.Now().Add(time.Hour)
	s, err := auth.Token(secret, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestServer uses all of the API on a real server.
func TestServer(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	tokens, err := auth.New(auth.Options{Secret: secret, Logger: quiet, Defaults: auth.Grant{Subscribe: []string{"news/#"}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := push.New(push.Config{Log: msglog.NewMemory(msglog.MemoryOptions{}), Auth: tokens, Logger: quiet, MaxMessage: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	format := &push.Format{Encoding: protocol.Binary, Name: "test", Wrap: func(b []byte) (any, int, error) { return b, len(b), nil }}
	if err := s.Register(format); err != nil {
		t.Fatal(err)
	}
	h := api.New(s, api.Options{Auth: tokens, Logger: quiet, Revoke: func(user string) error { return tokens.RevokeUser(user, time.Time{}) }})

	ada := token(t, auth.Claims{User: "ada"})
	bob := token(t, auth.Claims{User: "bob", Publish: []string{"news/+"}})
	op := token(t, auth.Claims{User: "op", API: true})

	k := attach(t, s, format)
	k.receive(&protocol.Hello{Version: protocol.Version, Token: ada, Session: "tab"})
	next[*protocol.Welcome](k)
	k.receive(&protocol.Sub{ID: 1, Subscription: protocol.Subscription{Filter: "news/a", QoS: protocol.AtLeastOnce}})
	next[*protocol.SubOK](k)

	// Publishing, both qualities, and again.
	send := func(body string, headers ...string) answer {
		t.Helper()
		return do(t, h, request("POST", "/api/publish", body, append([]string{"token", bob}, headers...)...))
	}
	a := send(`{"topic":"news/a","data":"one","qos":1}`, "Idempotency-Key", "k").is(200, "")
	m := next[*protocol.Msg](k)
	if m.Topic != "news/a" || string(m.Data) != "one" || m.Offset != 1 {
		t.Fatalf("%+v", m)
	}
	first := compact(t, a.Body.String())
	if again := compact(t, send(`{"topic":"news/a","data":"one","qos":1}`, "Idempotency-Key", "k").Body.String()); again != strings.Replace(first, "{", `{"duplicate":true,`, 1) {
		t.Errorf("%s and then %s", first, again)
	}
	send(`{"topic":"news/a","data":"gone"}`).is(200, `{}`)
	if m := next[*protocol.Msg](k); string(m.Data) != "gone" || m.Offset != 0 {
		t.Fatalf("%+v", m)
	}
	send(`{"topic":"other"}`).refused(403, protocol.CodeForbidden, "other")
	send(`{"topic":"news/a","data":"`+strings.Repeat("x", 1001)+`"}`).refused(413, protocol.CodeTooLarge, "1001")
	var batch []string
	for i := range 20 {
		batch = append(batch, fmt.Sprintf(`{"topic":"news/a","base64":"/wA=","qos":%d}`, i%2))
	}
	do(t, h, request("POST", "/api/batch", `{"messages":[`+strings.Join(batch, ",")+`]}`, "token", bob)).is(200, "")
	for range batch {
		if m := next[*protocol.Msg](k); string(m.Data) != "\xff\x00" {
			t.Fatalf("%+v", m)
		}
	}

	// Reading.
	if a := do(t, h, request("GET", "/api/history?topic=news/a&after=9", "", "token", ada)).is(200, ""); !strings.Contains(a.Body.String(), `"first":1,"last":11,"next":11,"recovered":true`) || strings.Count(a.Body.String(), `"base64":"/wA="`) != 2 {
		t.Error(a.Body)
	}
	do(t, h, request("GET", "/api/presence?topic=news/a", "", "token", ada)).is(200, `{"topic":"news/a","count":1,"clients":["ada"]}`)
	do(t, h, request("GET", "/api/presence?topic=x", "", "token", ada)).refused(403, protocol.CodeForbidden, "x")
	for path, part := range map[string]string{
		"/api/topics": `"name":"news/a"`, "/api/clients": `"user":"ada"`, "/api/stats": `"sessions":1`,
	} {
		if a := do(t, h, request("GET", path, "", "token", op)).is(200, ""); !strings.Contains(a.Body.String(), part) {
			t.Errorf("%s: %s", path, a.Body)
		}
		do(t, h, request("GET", path, "", "token", ada)).refused(403, protocol.CodeForbidden, "API")
	}

	// Disconnecting, for good.
	do(t, h, request("POST", "/api/disconnect", `{"user":"ada","revoke":true}`, "token", op)).is(200, `{"disconnected":1}`)
	if e := next[*protocol.Err](k); e.ID != 0 || e.Code != protocol.CodeRevoked {
		t.Fatalf("%+v", e)
	}
	again := attach(t, s, format)
	again.receive(&protocol.Hello{Version: protocol.Version, Token: ada, Session: "tab"})
	if e := next[*protocol.Err](again); e.ID != 0 || e.Code != protocol.CodeRevoked {
		t.Fatalf("%+v", e)
	}
	do(t, h, request("GET", "/api/history?topic=news/a", "", "token", ada)).refused(401, protocol.CodeRevoked, "revoked")

	// The end.
	do(t, h, request("GET", "/health", "")).is(200, `{"status":"ok"}`)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	send(`{"topic":"news/a","qos":1}`).refused(503, protocol.CodeGoingAway, "")
	do(t, h, request("GET", "/health", "")).refused(503, protocol.CodeUnavailable, "shuts down")
}

// TestFullLog: a log that cannot store is told, and /health knows.
func TestFullLog(t *testing.T) {
	log := &brokenLog{Log: msglog.NewMemory(msglog.MemoryOptions{})}
	s, err := push.New(push.Config{Log: log, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := api.New(s, api.Options{Logger: slog.New(slog.DiscardHandler)})
	do(t, h, request("POST", "/api/publish", `{"topic":"a","qos":1}`)).refused(503, protocol.CodeUnavailable, "")
	do(t, h, request("POST", "/api/publish", `{"topic":"a"}`)).is(200, `{}`)
	do(t, h, request("GET", "/health", "")).refused(503, protocol.CodeUnavailable, "cannot be stored")
}

type brokenLog struct{ msglog.Log }

func (l *brokenLog) Append([]*msglog.Record) error { return msglog.ErrUnavailable }

// TestTransports serves the API on net/http and on weir.
func TestTransports(t *testing.T) {
	for name, serve := range map[string]func(t *testing.T, h http.Handler) string{"net/http": serveNetHTTP, "weir": serveWeir} {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			base := serve(t, newAPI(f, api.Options{MaxBody: 1000}))
			client := &http.Client{Transport: &http.Transport{}, Timeout: patience}
			defer client.CloseIdleConnections()
			for _, test := range []struct {
				method, path, body, origin string
				status                     int
				part                       string
			}{
				{"POST", "/api/publish", `{"topic":"a","data":"x","qos":1}`, "", 200, `"offset":1`},
				{"POST", "/api/publish", `{"topic":"a","data":"x"}`, base, 200, `{}`},
				{"POST", "/api/publish", `{"topic":"a"}`, "http://evil.example", 403, "origins"},
				{"POST", "/api/publish", strings.Repeat(" ", 5000), "", 413, "1000 bytes"},
				{"PUT", "/api/publish", `{}`, "", 405, "POST"},
				{"GET", "/api/stats", "", "", 200, "sessions"},
				{"GET", "/nowhere", "", "", 404, "path"},
				{"GET", "/health", "", "", 200, "ok"},
			} {
				r, err := http.NewRequest(test.method, base+test.path, strings.NewReader(test.body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", "application/json")
				if test.origin != "" {
					r.Header.Set("Origin", test.origin)
				}
				response, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode != test.status || !strings.Contains(string(body), test.part) {
					t.Errorf("%s %s: %d %s, %v", test.method, test.path, response.StatusCode, body, err)
				}
			}
			if n := len(f.all()); n != 2 {
				t.Errorf("%d messages", n)
			}
		})
	}
}

func serveNetHTTP(t *testing.T, h http.Handler) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func serveWeir(t *testing.T, h http.Handler) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handler := web.Handler(h)
	s := &weir.Server{Handler: handler}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, weir.ErrServerClosed) {
			t.Error(err)
		}
	})
	return "http://" + ln.Addr().String()
}
