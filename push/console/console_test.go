package console

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func get(path, etag string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w
}

func TestHandler(t *testing.T) {
	w := get("/", "")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "<!DOCTYPE html>") {
		t.Fatalf("answered with %d: %.100s", w.Code, w.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if w := get("/", w.Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("the same again: %d and %d bytes", w.Code, w.Body.Len())
	}
	if w := get("/other", ""); w.Code != http.StatusNotFound {
		t.Errorf("another path: %d", w.Code)
	}
}

// The policy lets the page's own style and script pass, and nothing else that is
// written in the page: browsers would refuse it, and a test that runs none would not
// see that.
func TestPolicy(t *testing.T) {
	w := get("/", "")
	policy, body := w.Header().Get("Content-Security-Policy"), w.Body.String()
	for _, want := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "connect-src 'self'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("no %s in %s", want, policy)
		}
	}
	for _, element := range []string{"style", "script"} {
		all := regexp.MustCompile(`(?s)<`+element+`[^>]*>(.*?)</`+element+`>`).FindAllStringSubmatch(body, -1)
		if len(all) != 1 || !strings.Contains(policy, element+"-src ") || !strings.Contains(policy, hash(all[0][1])) {
			t.Errorf("the policy %s does not allow the page's %s", policy, element)
		}
	}
	for _, never := range []string{" style=", " onclick=", "javascript:", "http://", "https://"} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q, which the policy does not allow", never)
		}
	}
	for _, never := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("} {
		if strings.Contains(script, never) {
			t.Errorf("the script has %q: text of messages is to be set as text", never)
		}
	}
}

// Each element that the script asks for is in the page.
func TestElements(t *testing.T) {
	for _, m := range regexp.MustCompile(`\$\("([\w-]+)"\)|Plot\("([\w-]+)"`).FindAllStringSubmatch(script, -1) {
		id := m[1] + m[2]
		if n := strings.Count(page, `id="`+id+`"`); n != 1 {
			t.Errorf("%d elements with the id %s", n, id)
		}
	}
}

func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", Handler())
}
