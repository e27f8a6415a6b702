//go:build unix

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

func TestWS(t *testing.T) {
	testPeers(t, "ws", wsPeers,
		"-conns 9 -size 1 -pipeline 5",
		"-conns 2 -size 300000", // more than sockets and buffers hold
		"-conns 4 -size 126 -rate 500",
	)
}

const wsAccepted = "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + wsAccept + "\r\n\r\n"

// What the script sends is read by another implementation, which answers with
// control frames in between; the answers come in any pieces.
func TestWSScript(t *testing.T) {
	for _, size := range []int64{1, 125, 126, 1000, 1 << 16} {
		s, err := newWSScript(casting{addr: "127.0.0.1:80", conns: 2, size: size})
		if err != nil {
			t.Fatal(err)
		}
		const messages = 10
		var sent bytes.Buffer
		for pos := int64(0); pos < messages*s.size(); {
			n := int(min(maxTransfer, messages*s.size()-pos))
			sent.Write(s.at(1, pos, n))
			pos += int64(n)
		}
		answer := bytes.NewBufferString(wsAccepted)
		ping := func() {
			if err := wsutil.WriteServerMessage(answer, ws.OpPing, []byte("are you there?")); err != nil {
				t.Fatal(err)
			}
		}
		ping()
		seen := make(map[string]bool)
		for range messages {
			message, op, err := wsutil.ReadClientData(&sent)
			if err != nil || op != ws.OpBinary || int64(len(message)) != size {
				t.Fatalf("a message of %d B, %v, %v; want %d B", len(message), op, err, size)
			}
			seen[string(message)] = true
			if err := wsutil.WriteServerMessage(answer, op, message); err != nil {
				t.Fatal(err)
			}
			ping()
		}
		if len(seen) < 5 { // of one byte some may be the same
			t.Errorf("only %d different messages", len(seen))
		}
		for _, piece := range []int{1, 2, 3, 64, 1 << 10, maxTransfer} {
			if piece < 64 && size > 1000 {
				continue
			}
			s, err := newWSScript(casting{addr: "127.0.0.1:80", conns: 2, size: size})
			if err != nil {
				t.Fatal(err)
			}
			answers, replies := 0, new(bytes.Buffer)
			for rest := answer.Bytes(); len(rest) > 0; {
				n := min(piece, len(rest))
				k, reply, err := s.heard(1, rest[:n])
				if err != nil {
					t.Fatalf("%d B in pieces of %d: %v", size, piece, err)
				}
				answers += k
				replies.Write(reply)
				rest = rest[n:]
			}
			if want := 1 + messages; answers != want {
				t.Errorf("%d B in pieces of %d: %d answers, want %d", size, piece, answers, want)
			}
			for range messages + 1 {
				h, err := ws.ReadHeader(replies)
				if err != nil || h.OpCode != ws.OpPong || !h.Masked {
					t.Fatalf("the reply to a ping is %+v, %v", h, err)
				}
				payload := replies.Next(int(h.Length))
				ws.Cipher(payload, h.Mask, 0)
				if string(payload) != "are you there?" {
					t.Fatalf("the reply to a ping carries %q", payload)
				}
			}
		}
	}
}

func TestWSScriptRefuses(t *testing.T) {
	tests := []struct{ name, answer, says string }{
		{"no upgrade", "HTTP/1.1 200 OK\r\n\r\n", "200 OK"},
		{"another key", strings.Replace(wsAccepted, "s3p", "S3P", 1), "S3P"},
		{"no end", strings.Repeat("x", maxResponse+1), "no end"},
		{"goodbye", wsAccepted + "\x88\x05\x03\xe9bye", "1001 bye"},
		{"short goodbye", wsAccepted + "\x88\x00", "closes the WebSocket"},
		{"reserved control", wsAccepted + "\x8b\x00", "0x8b"},
		{"fragment of a ping", wsAccepted + "\x09\x00", "0x9"},
		{"long ping", wsAccepted + "\x89\x7e\x00\x80", "too long"},
		{"text", wsAccepted + "\x81\x01x", errNotEchoed.Error()},
		{"shorter", wsAccepted + "\x82\x01x", errNotEchoed.Error()},
	}
	for _, test := range tests {
		s, err := newWSScript(casting{conns: 1, size: 64})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.heard(0, []byte(test.answer)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", test.name, err, test.says)
		}
	}
}
