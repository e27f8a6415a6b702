package main

import (
	"net/http"

	"github.com/weir-go/weir/web"
)

// fast is the handler for web.Fast: what it asks for are views of the bytes that
// have come, and what it answers goes straight to those that are sent.
func fast(x *web.Ctx) {
	if isRead(string(x.Method)) {
		switch string(x.Path()) {
		case "/plaintext":
			x.SetContentType(typePlain)
			x.WriteString(hello)
			return
		case "/json":
			x.SetContentType(typeJSON)
			x.Write(greeting())
			return
		}
	}
	x.SetContentType(contentType(string(x.Header("Content-Type"))))
	x.SetBody(x.Body())
}

func isRead(method string) bool { return method == http.MethodGet || method == http.MethodHead }
