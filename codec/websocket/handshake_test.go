package websocket_test

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"testing"

	"github.com/weir-go/weir/codec/websocket"
)

const sampleKey = "dGhlIHNhbXBsZSBub25jZQ==" // RFC 6455, section 1.3

func valid() *websocket.Handshake {
	return &websocket.Handshake{
		Method: "GET", Major: 1, Minor: 1,
		Connection: []string{"Upgrade"},
		Upgrade:    []string{"websocket"},
		Version:    []string{"13"},
		Key:        []string{sampleKey},
	}
}

func TestHandshake(t *testing.T) {
	tests := []struct {
		name   string
		change func(h *websocket.Handshake)
		status int // 0: accepted
	}{
		{"valid", func(h *websocket.Handshake) {}, 0},
		{"POST", func(h *websocket.Handshake) { h.Method = "POST" }, 405},
		{"HTTP/1.0", func(h *websocket.Handshake) { h.Minor = 0 }, 400},
		{"HTTP/2", func(h *websocket.Handshake) { h.Major, h.Minor = 2, 0 }, 400},
		{"no Upgrade", func(h *websocket.Handshake) { h.Upgrade = nil }, 426},
		{"Upgrade to something else", func(h *websocket.Handshake) { h.Upgrade = []string{"h2c"} }, 426},
		{"a choice of upgrades", func(h *websocket.Handshake) { h.Upgrade = []string{"h2c,\tWebSocket"} }, 0},
		{"no Connection", func(h *websocket.Handshake) { h.Connection = nil }, 400},
		{"keep-alive", func(h *websocket.Handshake) { h.Connection = []string{"keep-alive"} }, 400},
		{"keep-alive, Upgrade as Firefox has it", func(h *websocket.Handshake) { h.Connection = []string{"keep-alive, Upgrade"} }, 0},
		{"two fields", func(h *websocket.Handshake) { h.Connection = []string{"keep-alive", "UPGRADE"} }, 0},
		{"a part of a token", func(h *websocket.Handshake) { h.Connection = []string{"upgraded"} }, 400},
		{"no version", func(h *websocket.Handshake) { h.Version = nil }, 426},
		{"version 8", func(h *websocket.Handshake) { h.Version = []string{"8"} }, 426},
		{"two versions", func(h *websocket.Handshake) { h.Version = []string{"13", "13"} }, 426},
		{"no key", func(h *websocket.Handshake) { h.Key = nil }, 400},
		{"two keys", func(h *websocket.Handshake) { h.Key = []string{sampleKey, sampleKey} }, 400},
		{"short key", func(h *websocket.Handshake) { h.Key = []string{"c2hvcnQ="} }, 400},
		{"17 bytes", func(h *websocket.Handshake) { h.Key = []string{"AAAAAAAAAAAAAAAAAAAAAAA="} }, 400},
		{"no base64", func(h *websocket.Handshake) { h.Key = []string{"!!!!!!!!!!!!!!!!!!!!!!=="} }, 400},
		{"line feed in the key", func(h *websocket.Handshake) { h.Key = []string{"dGhlIHNhbXBsZS\nBub25jZQ="} }, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := valid()
			tt.change(h)
			key, err := h.Check()
			var refused *websocket.HandshakeError
			errors.As(err, &refused)
			switch {
			case tt.status == 0 && (err != nil || key != sampleKey):
				t.Errorf("key %q, error %v", key, err)
			case tt.status != 0 && (refused == nil || refused.Status != tt.status || err.Error() != "websocket: handshake: "+refused.Detail || key != ""):
				t.Errorf("key %q, error %v, want status %d", key, err, tt.status)
			}
		})
	}
}

func TestAcceptKey(t *testing.T) {
	if got := websocket.AcceptKey(sampleKey); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Error(got)
	}
}

func TestSelectProtocol(t *testing.T) {
	tests := []struct {
		supported, offered []string
		want               string
	}{
		{nil, nil, ""},
		{[]string{"chat"}, nil, ""},
		{nil, []string{"chat"}, ""},
		{[]string{"chat"}, []string{"chat"}, "chat"},
		{[]string{"chat", "superchat"}, []string{"superchat, chat"}, "chat"},
		{[]string{"v2", "v1"}, []string{"v1", "\tv2 "}, "v2"},
		{[]string{"chat"}, []string{"Chat"}, ""},
		{[]string{"chat"}, []string{"chat.v2"}, ""},
		{[]string{""}, []string{","}, ""},
	}
	for _, tt := range tests {
		if got := websocket.SelectProtocol(tt.supported, tt.offered); got != tt.want {
			t.Errorf("%q of %q: %q, want %q", tt.offered, tt.supported, got, tt.want)
		}
	}
}

func TestAppendResponse(t *testing.T) {
	head := websocket.AppendResponse([]byte{}, sampleKey, "chat", "permessage-deflate")
	head = append(head, "X-Own: 1\r\n\r\n"...)
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	want := map[string]string{
		"Upgrade": "websocket", "Connection": "Upgrade", "Sec-Websocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
		"Sec-Websocket-Protocol": "chat", "Sec-Websocket-Extensions": "permessage-deflate", "X-Own": "1",
	}
	if response.StatusCode != 101 || len(response.Header) != len(want) {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
	for name, value := range want {
		if got := response.Header.Get(name); got != value {
			t.Errorf("%s: %q", name, got)
		}
	}
	if plain := websocket.AppendResponse(nil, sampleKey, "", ""); bytes.Contains(plain, []byte("Protocol:")) || bytes.Contains(plain, []byte("Extensions")) {
		t.Errorf("%s", plain)
	}
}
