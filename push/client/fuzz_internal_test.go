package client

import (
	"errors"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec/websocket"
)

const fuzzKey = "dGhlIHNhbXBsZSBub25jZQ=="

// FuzzResponse: what is no answer to the handshake is a *HandshakeError, and what is one
// has the right key.
func FuzzResponse(f *testing.F) {
	good := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + websocket.AcceptKey(fuzzKey)
	f.Add([]byte(good))
	f.Add([]byte("HTTP/1.1 503 Later\r\nRetry-After: 5"))
	f.Add([]byte("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, head []byte) {
		err := checkResponse(head, fuzzKey)
		if err == nil {
			if !strings.Contains(string(head), websocket.AcceptKey(fuzzKey)) {
				t.Error("accepted without the key")
			}
			return
		}
		if e, ok := errors.AsType[*HandshakeError](err); !ok || e.RetryAfter < 0 {
			t.Errorf("%v", err)
		}
	})
}

// FuzzURL: a URL is refused with a *ConfigError, or tells where to dial.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"tcp://h:1", "ws://h", "ws://[::1]:80/p?q#f", "wss://h", "ws://%", "tcp://u:p@h:1", "ws://h/\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		to, err := parseURL(s)
		if err != nil {
			if _, ok := errors.AsType[*ConfigError](err); !ok {
				t.Error(err)
			}
			return
		}
		if to.address == "" || to.ws == (to.target == "") || strings.ContainsAny(to.target+to.host, "\r\n ") {
			t.Errorf("%q: %+v", s, to)
		}
	})
}
