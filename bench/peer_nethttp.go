//go:build unix

package main

import (
	"io"
	"net/http"
)

// netHTTPPeer is the server of the standard library, as its documentation has it:
// a mux and a Server with what it does by default.
var netHTTPPeer = peer{
	name:  "net/http",
	about: "net/http, a goroutine per connection",
	start: func(s *stage) (string, error) { return serveNetHTTP(s, plaintextMux(s)) },
}

// plaintextMux is also what weir-nethttp serves.
func plaintextMux(s *stage) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /plaintext", func(w http.ResponseWriter, _ *http.Request) {
		s.work()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, httpBody) // the load sees what is missing
	})
	return mux
}

// serveNetHTTP serves a handler with net/http.
func serveNetHTTP(s *stage, h http.Handler) (string, error) {
	ln, err := s.listen()
	if err != nil {
		return "", err
	}
	srv := &http.Server{Handler: h, IdleTimeout: s.idle, ReadHeaderTimeout: s.idle}
	go func() { panic(srv.Serve(ln)) }() // there is no end but a failure
	return ln.Addr().String(), nil
}
