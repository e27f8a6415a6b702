package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

// reply sends a body as JSON, and returns its size. That the client has gone is of no
// interest.
func reply(w http.ResponseWriter, status int, body any) int {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // it is no HTML: see nosniff
	if err := e.Encode(body); err != nil {
		b.Reset()
		status = http.StatusInternalServerError
		b.WriteString(`{"error":{"code":305,"name":"internal","message":"the response cannot be encoded","temporary":false}}` + "\n")
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
	return b.Len()
}
