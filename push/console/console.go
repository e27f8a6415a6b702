// Package console has a page that shows a push server at work: its figures, live, and
// what is published, for those who want to try it. The page is a client of the server
// like any other, by package js: it subscribes to $weir/stats.
package console

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

//go:embed console.html
var page string

//go:embed console.css
var style string

//go:embed console.js
var script string

// Handler serves the page at "/", and nothing else. It expects the module of package js
// at /push.js, and the WebSocket of package gateway at /ws. Browsers keep the page, and
// ask each time whether it is still the same.
func Handler() http.Handler {
	// All is in one file, and the policy allows these two elements by their hashes: so
	// whatever a message contains, nothing of it is run or loaded.
	policy := "default-src 'none'; script-src 'self' " + hash(script) + "; style-src " + hash(style) +
		"; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	body := []byte(strings.NewReplacer("/*style*/", style, "/*script*/", script).Replace(page))
	etag := fmt.Sprintf(`"%x"`, sha256.Sum256(body))[:18] + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", etag)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
	})
}

// hash is a source of a Content-Security-Policy: the element with this text.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
