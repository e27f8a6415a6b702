//go:build unix

package main

import (
	"strings"
	"testing"
)

func TestEchoScript(t *testing.T) {
	s, err := newEchoScript(casting{conns: 4, size: 64})
	if err != nil {
		t.Fatal(err)
	}
	a := strings.Clone(string(s.at(0, 0, maxTransfer)))
	for _, pos := range []int64{0, 1, echoPeriod - 1, echoPeriod, 1 << 40} {
		if got, want := s.at(0, pos, 64), a[pos%echoPeriod:][:64]; string(got) != want {
			t.Errorf("position %d is not part of the stream", pos)
		}
	}
	if string(s.at(0, 0, 8)) == string(s.at(1, 0, 8)) {
		t.Error("two connections send the same")
	}
	if string(s.at(0, 0, 64)) == string(s.at(0, 64, 64)) {
		t.Error("two messages in a row are the same")
	}
	// 200 bytes are three messages and a part of the fourth, in whatever pieces.
	for i, piece := range []int{1, 7, 64, 200} {
		answers := 0
		for pos := 0; pos < 200; pos += piece {
			n, _, err := s.heard(i, s.at(i, int64(pos), min(piece, 200-pos)))
			if err != nil {
				t.Fatal(err)
			}
			answers += n
		}
		if answers != 3 {
			t.Errorf("in pieces of %d: %d messages of 64 B in 200 B", piece, answers)
		}
	}
	if _, _, err := s.heard(0, s.at(0, 0, 8)); err == nil {
		t.Error("the beginning again was taken for the next message")
	}
}

const goodResponse = "HTTP/1.1 200 OK\r\nServer: x\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n" +
	"content-type: text/plain\r\nCONTENT-LENGTH:13\r\n\r\nHello, World!"

func TestHTTPScript(t *testing.T) {
	later := strings.Replace(goodResponse, ":00 GMT", ":01 GMT", 1)
	stream := goodResponse + goodResponse + later + later + goodResponse
	s, err := newHTTPScript(casting{addr: "127.0.0.1:80", conns: 2, request: "wrk"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(s.at(1, s.size(), int(s.size()))), "GET /plaintext HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"; got != want {
		t.Errorf("the second request is %q, want %q", got, want)
	}
	for piece := 1; piece <= len(stream); piece++ {
		answers := 0
		for pos := 0; pos < len(stream); pos += piece {
			n, _, err := s.heard(piece%2, []byte(stream[pos:min(pos+piece, len(stream))]))
			if err != nil {
				t.Fatalf("in pieces of %d: %v", piece, err)
			}
			answers += n
		}
		if answers != 5 {
			t.Errorf("in pieces of %d: %d responses, want 5", piece, answers)
		}
	}
}

func TestCheckResponse(t *testing.T) {
	tests := []struct{ old, new, says string }{
		{"200 OK", "404 Not Found", "404 Not Found"},
		{"HTTP/1.1", "HTTP/1.0", "HTTP/1.0"},
		{"LENGTH:13", "LENGTH: 12", `Content-Length "12"`},
		{"CONTENT-LENGTH:13\r\n", "", `Content-Length ""`},
		{"Server: x", "Content-Length: 13", "repeated"},
		{"Server: x", "Server", "malformed"},
		{"Server: x", "Connection: close", "Connection: close"},
		{"Server: x", "Transfer-Encoding: chunked", "encoded"},
		{"text/plain", "text/html", "text/html"},
		{"Date", "Dada", "no Date"},
		{"World", "world", "the body"},
		{"\r\n\r\n", strings.Repeat("x", maxResponse), "no end"},
	}
	for _, test := range tests {
		bad := strings.Replace(goodResponse, test.old, test.new, 1)
		if _, err := checkResponse([]byte(bad)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s for %s: %v, want %q", test.new, test.old, err, test.says)
		}
	}
	// What is wrong is told as soon as it is there.
	if _, err := checkResponse([]byte(strings.TrimSuffix(goodResponse, "Hello, World!") + "Hello, w")); err == nil {
		t.Error("half of a wrong body was taken for half of a good one")
	}
}
