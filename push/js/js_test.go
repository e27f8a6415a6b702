package js

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The tests of the module are in test/, for node's own runner: frames.test.mjs has the
// vectors of package protocol, the others have a server and a clock that they command.
func TestModule(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no node here: install nodejs, 18 or later")
		}
		t.Skip("no node here: install nodejs, 18 or later")
	}
	files, err := filepath.Glob("test/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, node, "--test", file)
			cmd.WaitDelay = 5 * time.Second // for what the runner may have started
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestHandler(t *testing.T) {
	get := func(etag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/push.js", nil)
		if etag != "" {
			r.Header.Set("If-None-Match", etag)
		}
		w := httptest.NewRecorder()
		Handler().ServeHTTP(w, r)
		return w
	}
	w := get("")
	if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), Source) || len(Source) == 0 {
		t.Errorf("answered with %d and %d bytes", w.Code, w.Body.Len())
	}
	for name, want := range map[string]string{
		"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if w := get(w.Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("the same again: %d and %d bytes", w.Code, w.Body.Len())
	}
	if w := get(`"other"`); w.Code != http.StatusOK {
		t.Errorf("with another ETag: %d", w.Code)
	}
}

func ExampleHandler() {
	mux := http.NewServeMux()
	mux.Handle("GET /push.js", Handler())
	// and in a page: import { Push } from "/push.js";
}
