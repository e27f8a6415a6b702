// Package js has the client of weir/push for browsers and Node, an ES module without
// dependencies. See push.js for how it is used.
package js

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"net/http"
	"time"
)

// Source is the module. It must not be changed.
//
//go:embed push.js
var Source []byte

// Handler serves the module, whatever the path. Browsers keep it, and ask each time
// whether it is still the same.
func Handler() http.Handler {
	etag := fmt.Sprintf(`"%x"`, sha256.Sum256(Source))[:18] + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", etag)
		h.Set("X-Content-Type-Options", "nosniff")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(Source))
	})
}
