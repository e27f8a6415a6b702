package websocket_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/weir-go/weir/codec/websocket"
)

func TestParseClose(t *testing.T) {
	long := strings.Repeat("r", websocket.MaxReason)
	tests := []struct {
		payload string
		code    int
		reason  string
		err     int
	}{
		{"", websocket.NoStatus, "", 0},
		{"\x03", 0, "", 1002},
		{"\x03\xe8", 1000, "", 0},
		{"\x03\xe8bye", 1000, "bye", 0},
		{"\x03\xe8κόσμε", 1000, "κόσμε", 0},
		{"\x03\xe8" + long, 1000, long, 0},
		{"\x03\xe8" + long + "r", 0, "", 1002},
		{"\x03\xe8\xce\xba\xe1", 0, "", 1007},
		{"\x03\xe8\xff", 0, "", 1007},
		{"\x00\x00", 0, "", 1002},
		{"\xff\xff", 0, "", 1002},
	}
	for _, tt := range tests {
		got, reason, err := websocket.ParseClose([]byte(tt.payload))
		if got != tt.code || reason != tt.reason || code(err) != tt.err {
			t.Errorf("%q: %d, %q, %v", tt.payload, got, reason, err)
		}
	}
}

func TestValidCode(t *testing.T) {
	valid := map[int]bool{}
	for _, c := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014} {
		valid[c] = true
	}
	for c := 3000; c <= 4999; c++ {
		valid[c] = true
	}
	for c := -1; c <= 70000; c++ {
		if got := websocket.ValidCode(c); got != valid[c] {
			t.Errorf("ValidCode(%d) = %v", c, got)
		}
		payload := websocket.AppendClosePayload(nil, c, "because")
		got, reason, err := websocket.ParseClose(payload)
		if valid[c] && (got != c || reason != "because" || err != nil) || !valid[c] && len(payload) != 0 {
			t.Errorf("%d became %q and came back as %d, %q, %v", c, payload, got, reason, err)
		}
		if c < 0 || c > 0xffff {
			continue
		}
		if _, _, err := websocket.ParseClose([]byte{byte(c >> 8), byte(c)}); (err == nil) != valid[c] {
			t.Errorf("ParseClose of %d: %v", c, err)
		}
	}
}

func TestAppendClose(t *testing.T) {
	tests := []struct {
		name   string
		code   int
		reason string
		want   string
	}{
		{"code alone", 1000, "", ""},
		{"reason", 1001, "going", "going"},
		{"as long as may be", 1000, strings.Repeat("r", 123), strings.Repeat("r", 123)},
		{"cut", 1000, strings.Repeat("r", 500), strings.Repeat("r", 123)},
		{"cut before a rune", 1000, strings.Repeat("r", 122) + "κ", strings.Repeat("r", 122)},
		{"invalid", 1000, "a\xffb", "a\ufffdb"},
		{"U+FFFD itself", 1000, "a\ufffdb", "a\ufffdb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			frame := websocket.AppendClose([]byte("x"), tt.code, tt.reason)[1:]
			header, payload := websocket.Parse(frame)
			code, reason, err := websocket.ParseClose(payload)
			if header.Op != websocket.Close || !header.Fin || code != tt.code || reason != tt.want || err != nil || !utf8.ValidString(reason) {
				t.Errorf("got %+v, %d, %q, %v", header, code, reason, err)
			}
		})
	}
	for _, c := range []int{0, -1, websocket.NoStatus, websocket.Abnormal, 1015, 5000} {
		if got := string(websocket.AppendClose(nil, c, "reason")); got != "\x88\x00" {
			t.Errorf("code %d became %q", c, got)
		}
	}
}
