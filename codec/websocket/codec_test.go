package websocket_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/codec/websocket"
)

// A wrong header is refused at the byte that makes it wrong, and not before.
func TestHeaderIsRefusedAtOnce(t *testing.T) {
	server, client := websocket.Codec{}, websocket.Codec{Client: true}
	deflate, text := websocket.Codec{Deflate: true}, websocket.Codec{Text: true}
	small := websocket.Codec{MaxFrame: 1000}
	tests := []struct {
		name   string
		codec  websocket.Codec
		header string // refused at its last byte
		code   int
		detail string
	}{
		{"RSV1", server, "\xc1", 1002, "rsv"},
		{"RSV2", server, "\xa1", 1002, "rsv"},
		{"RSV3", server, "\x91", 1002, "rsv"},
		{"RSV2 with permessage-deflate", deflate, "\xa1", 1002, "rsv"},
		{"RSV1 and RSV3 with permessage-deflate", deflate, "\xd2", 1002, "rsv"},
		{"RSV1 on a ping", deflate, "\xc9", 1002, "compression bit"},
		{"RSV1 on a close", deflate, "\xc8", 1002, "compression bit"},
		{"RSV1 on a continuation", deflate, "\xc0", 1002, "compression bit"},
		{"opcode 3", server, "\x83", 1002, "op code"},
		{"opcode 7", server, "\x87", 1002, "op code"},
		{"opcode 11", server, "\x8b", 1002, "op code"},
		{"opcode 15", server, "\x8f", 1002, "op code"},
		{"fragmented ping", server, "\x09", 1002, "not final"},
		{"fragmented pong", server, "\x0a", 1002, "not final"},
		{"fragmented close", server, "\x08", 1002, "not final"},
		{"text within text", text, "\x81", 1002, "non-continuation"},
		{"binary within text", text, "\x02", 1002, "non-continuation"},
		{"not masked", server, "\x81\x05", 1002, "must be masked"},
		{"masked", client, "\x81\x85", 1002, "must be not masked"},
		{"ping of 126", server, "\x89\xfe", 1002, "payload limit"},
		{"ping of 64 KiB", server, "\x89\xff", 1002, "payload limit"},
		{"ping of 126, in a frame of 10", websocket.Codec{MaxFrame: 10}, "\x89\xfe", 1002, "payload limit"},
		{"125 in 16 bits", server, "\x82\xfe\x00\x7d", 1002, "as few bytes"},
		{"0 in 16 bits", server, "\x82\xfe\x00\x00", 1002, "as few bytes"},
		{"65535 in 64 bits", server, "\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff", 1002, "as few bytes"},
		{"top bit", server, "\x82\xff\x80", 1002, "most significant bit"},
		{"all bits", server, "\x82\xff\xff", 1002, "most significant bit"},
		{"1001 bytes", small, "\x82\xfe\x03\xe9", 1009, "1001 bytes, the maximum is 1000"},
		{"64 KiB", small, "\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00", 1009, "65536 bytes"},
		{"2^63-1", server, "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 1009, "9223372036854775807 bytes"},
		{"over the default", server, "\x82\xff\x00\x00\x00\x00\x00\x10\x00\x01", 1009, "the maximum is 1048576"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// What follows must not matter.
			for _, buf := range []string{tt.header, tt.header + strings.Repeat("\x00", 20)} {
				frame, n, err := tt.codec.Decode([]byte(buf))
				if code(err) != tt.code || !strings.Contains(err.Error(), tt.detail) || frame != nil || n != 0 {
					t.Errorf("%x: frame %x, n %d, error %v", buf, frame, n, err)
				}
				checkError(t, err)
			}
			for i := range len(tt.header) {
				if frame, n, err := tt.codec.Decode([]byte(tt.header[:i])); frame != nil || n != 0 || err != nil {
					t.Errorf("%x: frame %x, n %d, error %v", tt.header[:i], frame, n, err)
				}
			}
		})
	}
}

func TestHeaderIsAccepted(t *testing.T) {
	for _, c := range []websocket.Codec{{}, {Client: true}, {Deflate: true}, {Client: true, Deflate: true}} {
		for _, op := range []websocket.Opcode{0, 1, 2, 8, 9, 10} {
			for _, length := range []int{0, 1, 125, 126, 127, 65535, 65536, 70000} {
				if op.Control() && length > 125 {
					continue
				}
				for _, rsv1 := range []bool{false, c.Deflate && (op == 1 || op == 2)} {
					payload := bytes.Repeat([]byte("a"), length)
					frame := websocket.AppendMasked(nil, op, true, rsv1, payload)
					if c.Client {
						frame = websocket.AppendFrame(nil, op, true, rsv1, payload)
					}
					buf := append(bytes.Clone(frame), 0x99)
					got, n, err := c.Decode(buf)
					if err != nil || n != len(frame) || !bytes.Equal(got, frame) {
						t.Fatalf("%+v, %v of %d: n %d of %d, error %v", c, op, length, n, len(frame), err)
					}
					header, data := websocket.Parse(got)
					want := websocket.Header{Op: op, Fin: true, RSV1: rsv1, Masked: !c.Client}
					if header != want || data == nil || !bytes.Equal(data, payload) || cap(data) != len(data) {
						t.Fatalf("%+v, %v of %d: header %+v, payload %.20q", c, op, length, header, data)
					}
				}
			}
		}
	}
}

func TestParseOfNoFrame(t *testing.T) {
	for _, s := range []string{"", "\x81", "\x81\x85", "\x81\x85123", "\x82\xfe\x00", "\x82\x7f1234567"} {
		if _, payload := websocket.Parse([]byte(s)); payload != nil {
			t.Errorf("%x: payload %q", s, payload)
		}
		var r websocket.Reader
		if _, _, err := r.Next([]byte(s)); code(err) != websocket.ProtocolError {
			t.Errorf("%x: error %v", s, err)
		}
	}
}

// Text that is not UTF-8 is refused at the byte that makes it so, however long the
// frame is going to be.
func TestTextIsRefusedAtOnce(t *testing.T) {
	tests := []struct {
		name    string
		payload string // refused at its last byte
		text    bool   // in a continuation
	}{
		{"stray continuation byte", "hello\x80", false},
		{"first byte", "\xff", false},
		{"overlong, 2 bytes", "\xc0", false},
		{"overlong, 3 bytes", "\xe0\x9f", false},
		{"overlong, 4 bytes", "\xf0\x8f", false},
		{"surrogate", "\xed\xa0", false},
		{"above U+10FFFF", "κόσμε\xf4\x90", false},
		{"rune broken off", "\xe2\x82A", false},
		{"far behind", strings.Repeat("κ", 1000) + "\xc3\x28", false},
		{"continuation", "more\xff", true},
		{"more than the rest of a rune", "\x80\x80\x80\x80", true},
		{"after the rest of a rune", "\x80\x80ok\x80", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, client := range []bool{false, true} {
				c := websocket.Codec{Text: tt.text, Client: client}
				op := websocket.Text
				if tt.text {
					op = websocket.Continuation
				}
				payload := []byte(tt.payload + strings.Repeat("x", 5000-len(tt.payload)))
				frame := websocket.AppendMasked(nil, op, true, false, payload)
				if client {
					frame = websocket.AppendFrame(nil, op, true, false, payload)
				}
				bad := len(frame) - len(payload) + len(tt.payload)
				sent := bytes.Clone(frame)
				for i := range bad {
					if _, n, err := c.DecodeFrom(frame[:i], max(i-1, 0)); n != 0 || err != nil {
						t.Fatalf("%d bytes of %d: n %d, error %v", i, bad, n, err)
					}
				}
				for seen := range bad {
					if _, _, err := c.DecodeFrom(frame[:bad], seen); code(err) != websocket.InvalidPayload {
						t.Fatalf("seen %d: error %v", seen, err)
					}
				}
				if !bytes.Equal(sent, frame) {
					t.Fatal("the frame was changed")
				}
			}
		})
	}
}

// What is no text, or compressed, or continues something else, is not looked at.
func TestOtherPayloadIsNotChecked(t *testing.T) {
	bad := bytes.Repeat([]byte{0xff}, 100)
	for _, frame := range [][]byte{
		websocket.AppendMasked(nil, websocket.Binary, true, false, bad),
		websocket.AppendMasked(nil, websocket.Text, true, true, bad),
		websocket.AppendMasked(nil, websocket.Continuation, true, false, bad),
		websocket.AppendMasked(nil, websocket.Ping, true, false, bad),
	} {
		if _, n, err := (websocket.Codec{Deflate: true}).Decode(frame[:50]); n != 0 || err != nil {
			t.Errorf("%x: n %d, error %v", frame[0], n, err)
		}
	}
}

// A byte at a time costs no more than a constant times all at once: nothing is
// looked at twice but the header and the last rune.
func TestDecodeFromIsLinear(t *testing.T) {
	const size = 1 << 20
	frame := websocket.AppendMasked(nil, websocket.Text, true, false, bytes.Repeat([]byte("κόσμε "), size/11))
	c := websocket.Codec{}
	// Quadratic would be 5e11 steps: the test would time out.
	for i := range frame {
		if _, n, err := c.DecodeFrom(frame[:i], max(i-1, 0)); n != 0 || err != nil {
			t.Fatal(i, n, err)
		}
	}
}

func TestAppend(t *testing.T) {
	var buf [32]byte
	for _, c := range []websocket.Codec{{MaxFrame: 5}, {MaxFrame: 5, Client: true}} {
		for _, payload := range []string{"", "five!"} {
			dst, err := c.Append(buf[:3], []byte(payload))
			if err != nil || &dst[0] != &buf[0] {
				t.Fatal(err)
			}
			other := c
			other.Client = !c.Client
			got := peer{codec: other}.runAllWays(t, dst[3:])
			if fmt.Sprint(got.events) != "[binary "+payload+"]" || got.err != nil {
				t.Errorf("%+v: %q came back as %v", c, payload, got)
			}
		}
		dst, err := c.Append(buf[:3], []byte("sixsix"))
		if !errors.Is(err, codec.ErrTooLarge) || len(dst) != 3 {
			t.Errorf("%+v: dst %q, error %v", c, dst, err)
		}
	}
}

func TestMaskedDoesNotChangeThePayload(t *testing.T) {
	payload := []byte("a payload that is longer than a block of the cipher")
	a := websocket.AppendMasked(nil, websocket.Text, true, false, payload)
	b := websocket.AppendMasked(nil, websocket.Text, true, false, payload)
	if string(payload) != "a payload that is longer than a block of the cipher" {
		t.Errorf("payload is %q", payload)
	}
	if bytes.Equal(a, b) {
		t.Error("two frames have the same mask")
	}
}

func TestOpcodeNames(t *testing.T) {
	var names []string
	for op := range websocket.Opcode(12) {
		names = append(names, op.String())
	}
	want := "continuation text binary reserved reserved reserved reserved reserved close ping pong reserved"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got %s", got)
	}
}
