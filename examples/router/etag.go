package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5/middleware"
)

// etag gives responses to GET and HEAD an ETag of what is in them, and answers
// with 304 Not Modified to a client that has it already. It holds a response back
// until it is whole, so it is not for those that never end.
//
// The response is recorded by chi, and http.ServeContent deals with If-None-Match,
// If-Range and Range. The ETag is a weak one, for the response may be compressed
// on its way, or not (RFC 9110, 8.8.3.3).
func etag(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		// The response to a plain GET has the whole body, also for HEAD, whose
		// headers are the same, and when only a part is asked for.
		get := r.Clone(r.Context())
		get.Method = http.MethodGet
		for _, condition := range []string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
			get.Header.Del(condition)
		}
		var body bytes.Buffer
		record := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		record.Tee(&body)
		record.Discard()
		next.ServeHTTP(record, get)
		if status := record.Status(); status != 0 && status != http.StatusOK {
			w.WriteHeader(status)
			w.Write(body.Bytes())
			return
		}
		sum := sha256.Sum256(body.Bytes())
		w.Header().Set("ETag", fmt.Sprintf(`W/"%x"`, sum[:12]))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body.Bytes()))
	})
}
