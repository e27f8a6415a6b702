package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/weir-go/weir/push/api"
	"github.com/weir-go/weir/push/protocol"
)

// TestRights asks for everything, as everybody.
func TestRights(t *testing.T) {
	const ok, unauthorized, no = 200, 401, 403
	everybody := []string{"", "bad", "expired", "revoked", "ada", "bob", "op", "none"}
	for _, test := range []struct {
		method, target, body string
		want                 []int // as everybody
	}{
		{"POST", "/api/publish", `{"topic":"a/b"}`, []int{401, 401, 401, 401, ok, ok, no, no}},
		{"POST", "/api/publish", `{"topic":"b"}`, []int{401, 401, 401, 401, no, ok, no, no}},
		{"POST", "/api/publish", `{"topic":"$weir/x"}`, []int{401, 401, 401, 401, no, no, no, no}},
		{"POST", "/api/batch", `{"messages":[{"topic":"x"}]}`, []int{401, 401, 401, 401, ok, ok, ok, ok}}, // refused one by one
		{"GET", "/api/history?topic=a/b", "", []int{401, 401, 401, 401, ok, ok, no, no}},
		{"GET", "/api/history?topic=a/b/c", "", []int{401, 401, 401, 401, no, ok, no, no}},
		{"GET", "/api/history?topic=$weir/stats", "", []int{401, 401, 401, 401, no, no, no, no}},
		{"GET", "/api/presence?topic=a/b", "", []int{401, 401, 401, 401, ok, ok, no, no}},
		{"GET", "/api/presence?topic=x", "", []int{401, 401, 401, 401, no, ok, no, no}},
		{"GET", "/api/topics", "", []int{401, 401, 401, 401, no, no, ok, no}},
		{"GET", "/api/clients", "", []int{401, 401, 401, 401, no, no, ok, no}},
		{"GET", "/api/stats", "", []int{401, 401, 401, 401, no, no, ok, no}},
		{"POST", "/api/disconnect", `{"user":"ada"}`, []int{401, 401, 401, 401, no, no, ok, no}},
		{"GET", "/api/", "", []int{ok, ok, ok, ok, ok, ok, ok, ok}},
		{"GET", "/health", "", []int{ok, ok, ok, ok, ok, ok, ok, ok}},
	} {
		for i, token := range everybody {
			t.Run(fmt.Sprint(test.method, " ", test.target, test.body, " as ", token), func(t *testing.T) {
				r := request(test.method, test.target, test.body)
				if token != "" {
					r.Header.Set("Authorization", "bearer "+token)
				}
				f := &fake{}
				a := do(t, newAPI(f, api.Options{Auth: people}), r)
				switch want := test.want[i]; want {
				case ok:
					a.is(ok, "")
				case unauthorized:
					code := map[string]protocol.Code{"expired": protocol.CodeExpired, "revoked": protocol.CodeRevoked}[token]
					if code == 0 {
						code = protocol.CodeUnauthorized
					}
					a.refused(want, code, "token")
					if c := a.Header().Get("WWW-Authenticate"); !strings.HasPrefix(c, "Bearer ") || strings.Contains(c, "invalid_token") == (token == "") {
						t.Errorf("%q", c)
					}
				case no:
					a.refused(want, protocol.CodeForbidden, "")
				}
				if test.want[i] != ok && (len(f.all()) > 0 || len(f.ended) > 0) {
					t.Error("done all the same")
				}
			})
		}
	}
}

func TestAuthorizationHeader(t *testing.T) {
	h := newAPI(&fake{}, api.Options{Auth: people})
	for header, status := range map[string]int{
		"Bearer bob": 200, "BEARER  bob ": 200, "Bearer": 401, "Bearer ": 401, "bob": 401, "Basic Ym9iOmJvYg==": 401, "Bearer bob bob": 401,
	} {
		if a := do(t, h, request("GET", "/api/history?topic=a", "", "Authorization", header)); a.Code != status {
			t.Errorf("%q: %d", header, a.Code)
		}
	}
	if s := h.Stats(); s.Unauthorized != 5 {
		t.Errorf("%+v", s)
	}
}

// TestOtherSites sends what a browser would for a page of another site.
func TestOtherSites(t *testing.T) {
	for _, test := range []struct {
		name    string
		headers []string
		ok      bool
		reading bool // GET is allowed, too
	}{
		{"no browser", nil, true, true},
		{"the own page", []string{"Origin", "http://localhost:8080", "Sec-Fetch-Site", "same-origin"}, true, true},
		{"the own page, an old browser", []string{"Origin", "http://localhost:8080"}, true, true},
		{"behind a proxy that changes Host", []string{"Origin", "https://push.example", "Sec-Fetch-Site", "same-origin"}, true, true},
		{"typed by hand", []string{"Sec-Fetch-Site", "none"}, true, true},
		{"another site", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, false, false},
		{"another site, an old browser", []string{"Origin", "https://evil.example"}, false, false},
		{"another port", []string{"Origin", "http://localhost:9090", "Sec-Fetch-Site", "same-site"}, false, false},
		{"a sandbox", []string{"Origin", "null"}, false, false},
		{"a link", []string{"Sec-Fetch-Site", "cross-site"}, false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, o := range []api.Options{{}, {Auth: people}} {
				f := &fake{}
				h := newAPI(f, o)
				headers := append([]string{"token", "bob"}, test.headers...)
				a := do(t, h, request("POST", "/api/publish", `{"topic":"a"}`, headers...))
				if test.ok {
					a.is(200, "")
				} else if a.refused(403, protocol.CodeForbidden, "other origins"); len(f.all()) > 0 {
					t.Error("published")
				}
				if a := do(t, h, request("GET", "/api/history?topic=a", "", headers...)); (a.Code == 200) != test.reading {
					t.Errorf("GET: %d", a.Code)
				}
				if a.Header().Get("Access-Control-Allow-Origin") != "" {
					t.Error("it may read the response")
				}
			}
		})
	}
}

// TestHosts: a name that another site has pointed here is not served.
func TestHosts(t *testing.T) {
	local := []string{"localhost", "localhost:80", "LOCALHOST", "x.localhost:1", "localhost.", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:80", "10.1.2.3:80", ""}
	other := []string{"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "xlocalhost"}
	named := []string{"push.example", "PUSH.example:443", "push.example."}
	for _, test := range []struct {
		name    string
		o       api.Options
		ok, not []string
	}{
		{"no auth", api.Options{}, local, append(other, named...)},
		{"no auth, a name", api.Options{Hosts: []string{"push.example"}}, append(local, named...), other},
		{"no auth, all", api.Options{Hosts: []string{"*"}}, append(local, append(named, other...)...), nil},
		{"auth", api.Options{Auth: people}, append(local, append(named, other...)...), nil},
		{"auth, a name", api.Options{Auth: people, Hosts: []string{"push.example"}}, append(local, named...), other},
		{"auth, no name", api.Options{Auth: people, Hosts: []string{}}, local, other},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newAPI(&fake{}, test.o)
			for _, host := range test.ok {
				do(t, h, request("POST", "/api/publish", `{"topic":"a"}`, "Host", host, "token", "bob")).is(200, "")
			}
			for _, host := range test.not {
				do(t, h, request("POST", "/api/publish", `{"topic":"a"}`, "Host", host, "token", "bob")).refused(403, protocol.CodeForbidden, "Host")
				do(t, h, request("GET", "/api/stats", "", "Host", host, "token", "op")).refused(403, protocol.CodeForbidden, "Host")
				do(t, h, request("GET", "/health", "", "Host", host)).is(200, "")
			}
		})
	}
}

func TestRoutes(t *testing.T) {
	h := newAPI(&fake{}, api.Options{})
	for _, test := range []struct {
		method, target string
		status         int
		allow          string
	}{
		{"GET", "/api/publish", 405, "POST"},
		{"DELETE", "/api/publish", 405, "POST"},
		{"OPTIONS", "/api/publish", 405, "POST"},
		{"POST", "/api/history", 405, "GET, HEAD"},
		{"POST", "/health", 405, "GET, HEAD"},
		{"GET", "/api/nothing", 404, ""},
		{"GET", "/", 404, ""},
		{"GET", "/api/publish/x", 404, ""},
		{"GET", "/healthy", 404, ""},
	} {
		a := do(t, h, request(test.method, test.target, "")).refused(test.status, protocol.CodeUnexpected, "")
		if got := a.Header().Get("Allow"); got != test.allow {
			t.Errorf("%s %s: Allow %q", test.method, test.target, got)
		}
	}
	a := do(t, h, request("GET", "/api/", "")).is(200, "")
	for _, path := range []string{"/api/publish", "/api/batch", "/api/history", "/api/presence", "/api/disconnect", "/api/topics", "/api/clients", "/api/stats", "/health"} {
		if !strings.Contains(a.Body.String(), `"`+path+`"`) {
			t.Errorf("%s is not listed", path)
		}
	}
	if a := do(t, h, request("HEAD", "/api/history?topic=a", "")); a.Code != http.StatusOK {
		t.Error(a.Code)
	}
}
