package main

import "encoding/json"

const (
	hello = "Hello, World!"

	typePlain  = "text/plain; charset=utf-8"
	typeJSON   = "application/json"
	typeOctets = "application/octet-stream"
)

// greeting returns the body of /json, encoded for each request as that of a real
// service would be.
func greeting() []byte {
	b, err := json.Marshal(struct {
		Message string `json:"message"`
	}{hello})
	if err != nil {
		panic(err) // not to be: it is a string
	}
	return b
}

// contentType returns that of an echo, by the one of the request. What has none is
// not to be guessed at.
func contentType(ofRequest string) string {
	if ofRequest == "" {
		return typeOctets
	}
	return ofRequest
}
