package main

import (
	"errors"
	"io"
	"net/http"
	"strconv"
)

// standard is the handler for web.Handler, and knows nothing of weir. It does not
// use http.ServeMux, which would redirect paths like //x rather than echo.
type standard struct{}

func (standard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isRead(r.Method) {
		switch r.URL.Path {
		case "/plaintext":
			w.Header().Set("Content-Type", typePlain)
			io.WriteString(w, hello)
			return
		case "/json":
			w.Header().Set("Content-Type", typeJSON)
			w.Write(greeting())
			return
		}
	}
	echo(w, r)
}

// echo sends the body back while it comes, so that one of any size takes no more
// than a buffer.
func echo(w http.ResponseWriter, r *http.Request) {
	// Without full duplex, writing would end the reading.
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType(r.Header.Get("Content-Type")))
	if r.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	n, err := io.Copy(w, r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
	case n > 0:
		panic(http.ErrAbortHandler) // a part must not be taken for the whole
	case errors.As(err, &tooLarge):
		http.Error(w, "the body is too large", http.StatusRequestEntityTooLarge)
	default:
		http.Error(w, "the body is malformed, or did not come", http.StatusBadRequest)
	}
}
