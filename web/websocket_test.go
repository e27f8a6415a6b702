package web_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec/websocket"
)

// head is the response to upgrade().
const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// unmasked is a frame as the server sends it.
func unmasked(op websocket.Opcode, payload string) string {
	return string(websocket.AppendFrame(nil, op, true, false, []byte(payload)))
}

// The request and the frames after it may come together and in any pieces: what
// follows the request is no request.
func TestSocketInPieces(t *testing.T) {
	in := bytes.Join([][]byte{
		[]byte(upgrade()),
		masked(websocket.Text, true, "grüße"),
		masked(websocket.Text, false, "fr\xc3"),
		masked(websocket.Ping, true, "ping"),
		masked(websocket.Continuation, true, "\xbch"),
		masked(websocket.Binary, true, ""),
		closeFrame(4000, "bye"),
	}, nil)
	want := head + unmasked(websocket.Text, "grüße") + unmasked(websocket.Pong, "ping") +
		unmasked(websocket.Text, "früh") + unmasked(websocket.Binary, "") +
		string(websocket.AppendClose(nil, 4000, "bye"))
	eachSocketMode(t, func(t *testing.T, m socketMode) {
		addr, _ := serveSockets(t, m, echoSocket())
		check := func(what string, pieces ...[]byte) {
			if got := exchange(t, addr, pieces...); got != want {
				t.Fatalf("%s: got %q, want %q", what, got, want)
			}
		}
		check("whole", in)
		var bytewise [][]byte
		for i := range in {
			bytewise = append(bytewise, in[i:i+1])
		}
		check("byte by byte", bytewise...)
		step := 1
		if testing.Short() {
			step = 10
		}
		for i := 1; i < len(in); i += step {
			check(fmt.Sprintf("split at %d", i), in[:i], in[i:])
		}
	})
}

// What RFC 6455 has to say about frames, end to end.
func TestSocketProtocol(t *testing.T) {
	const (
		text   = websocket.Text
		binary = websocket.Binary
		cont   = websocket.Continuation
		ping   = websocket.Ping
		pong   = websocket.Pong
	)
	full := strings.Repeat("x", 125)
	type frame struct {
		op   websocket.Opcode
		data string
	}
	for _, test := range []struct {
		name   string
		in     [][]byte
		out    []frame
		closed int // the code of the server's close frame; 0: it stays open
	}{
		{"text", [][]byte{masked(text, true, "a")}, []frame{{text, "a"}}, 0},
		{"empty text", [][]byte{masked(text, true, "")}, []frame{{text, ""}}, 0},
		{"126 bytes", [][]byte{masked(binary, true, full+"x")}, []frame{{binary, full + "x"}}, 0},
		{"64 KiB", [][]byte{masked(binary, true, strings.Repeat("x", 1<<16))}, []frame{{binary, strings.Repeat("x", 1<<16)}}, 0},
		{"fragments", [][]byte{masked(text, false, "a"), masked(cont, false, ""), masked(cont, true, "b")}, []frame{{text, "ab"}}, 0},
		{"pings in between", [][]byte{masked(binary, false, "a"), masked(ping, true, "1"), masked(cont, false, "b"),
			masked(ping, true, full), masked(cont, true, "c")}, []frame{{pong, "1"}, {pong, full}, {binary, "abc"}}, 0},
		{"ping without data", [][]byte{masked(ping, true, "")}, []frame{{pong, ""}}, 0},
		{"unsolicited pong", [][]byte{masked(pong, true, "?"), masked(text, true, "a")}, []frame{{text, "a"}}, 0},
		{"text again after a fragmented one", [][]byte{masked(text, false, "a"), masked(cont, true, "b"), masked(text, true, "c"),
			masked(binary, true, "\xff")}, []frame{{text, "ab"}, {text, "c"}, {binary, "\xff"}}, 0},

		{"close", [][]byte{closeFrame(1000, "")}, nil, 1000},
		{"close with a reason", [][]byte{closeFrame(1001, "leaving")}, nil, 1001},
		{"close without a code", [][]byte{masked(websocket.Close, true, "")}, nil, 1005},
		{"close, code 3999", [][]byte{closeFrame(3999, "")}, nil, 3999},
		{"data after close", [][]byte{closeFrame(1000, ""), masked(text, true, "late"), masked(ping, true, "late")}, nil, 1000},
		{"close between fragments", [][]byte{masked(text, false, "a"), closeFrame(1000, ""), masked(cont, true, "b")}, nil, 1000},
		{"close, half a code", [][]byte{masked(websocket.Close, true, "\x03")}, nil, 1002},
		{"close, code 999", [][]byte{masked(websocket.Close, true, "\x03\xe7")}, nil, 1002},
		{"close, code 1005", [][]byte{masked(websocket.Close, true, "\x03\xed")}, nil, 1002},
		{"close, code 1006", [][]byte{masked(websocket.Close, true, "\x03\xee")}, nil, 1002},
		{"close, code 5000", [][]byte{masked(websocket.Close, true, "\x13\x88")}, nil, 1002},
		{"close, reason no UTF-8", [][]byte{masked(websocket.Close, true, "\x03\xe8\xff")}, nil, 1007},

		{"after a message", [][]byte{masked(text, true, "a"), masked(cont, true, "b")}, []frame{{text, "a"}}, 1002},
		{"continuation of nothing", [][]byte{masked(cont, true, "a")}, nil, 1002},
		{"text within text", [][]byte{masked(text, false, "a"), masked(text, true, "b")}, nil, 1002},
		{"binary within binary", [][]byte{masked(binary, false, "a"), masked(binary, true, "b")}, nil, 1002},
		{"fragmented ping", [][]byte{masked(ping, false, "a")}, nil, 1002},
		{"ping of 126 bytes", [][]byte{masked(ping, true, full+"x")}, nil, 1002},
		{"reserved opcode", [][]byte{masked(3, true, "a")}, nil, 1002},
		{"reserved control opcode", [][]byte{masked(11, true, "a")}, nil, 1002},
		{"RSV1 without compression", [][]byte{websocket.AppendMasked(nil, text, true, true, []byte("a"))}, nil, 1002},
		{"RSV2", [][]byte{{0xa1, 0x80, 0, 0, 0, 0}}, nil, 1002},
		{"unmasked", [][]byte{websocket.AppendFrame(nil, text, true, false, []byte("a"))}, nil, 1002},
		{"length not minimal", [][]byte{{0x82, 0xfe, 0, 1, 0, 0, 0, 0, 'a'}}, nil, 1002},
		{"length with the top bit", [][]byte{{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, nil, 1002},

		{"text no UTF-8", [][]byte{masked(text, true, "\xce\xba\xed\xa0\x80")}, nil, 1007},
		{"text ends within a rune", [][]byte{masked(text, true, "a\xc3")}, nil, 1007},
		{"fragments end within a rune", [][]byte{masked(text, false, "a\xc3"), masked(cont, true, "")}, nil, 1007},
		{"rune in two fragments", [][]byte{masked(text, false, "\xe2\x82"), masked(cont, true, "\xac")}, []frame{{text, "€"}}, 0},
		// Without the rest of the frame, that is, and of the message.
		{"text fails within a frame", [][]byte{masked(text, true, "abc\xff"+full)[:20]}, nil, 1007},
		{"text fails within a fragment", [][]byte{masked(text, false, "a"), masked(cont, true, "abc\xff"+full)[:20]}, nil, 1007},
		{"text fails at a fragment's end", [][]byte{masked(text, false, "a\xff")}, nil, 1007},

		{"too large by its head", [][]byte{masked(binary, true, strings.Repeat("x", 1<<20+1))[:10]}, nil, 1009},
		{"too large in fragments", [][]byte{masked(binary, false, strings.Repeat("x", 1<<19)),
			masked(cont, false, strings.Repeat("x", 1<<19)), masked(cont, false, "x")}, nil, 1009},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachSocketMode(t, func(t *testing.T, m socketMode) {
				ws := echoSocket()
				closed := closings(ws)
				addr, _ := serveSockets(t, m, ws)
				c := dialSocket(t, addr)
				c.raw(bytes.Join(test.in, nil))
				for _, f := range test.out {
					c.expect(f.op, f.data)
				}
				if test.closed == 0 {
					c.send(text, "still there")
					c.expect(text, "still there")
					c.leave()
					if e := receive(t, closed, "OnClose"); e.Code != websocket.NormalClosure || !e.Remote || e.Err != nil {
						t.Errorf("OnClose got %v", e)
					}
					return
				}
				c.expectClose(test.closed)
				c.expectEnd()
				e := receive(t, closed, "OnClose")
				if e.Code != test.closed {
					t.Errorf("OnClose got %v, want %d", e, test.closed)
				}
				st := ws.Stats()
				switch failed := test.closed == 1002 || test.closed == 1007 || test.closed == 1009; {
				case failed == (e.Err == nil), failed == e.Remote:
					t.Errorf("OnClose got %v (remote: %v)", e, e.Remote)
				case failed && st.ProtocolErrors+st.TooLarge != 1, !failed && st.ProtocolErrors+st.TooLarge != 0:
					t.Errorf("counted: %+v", st)
				}
			})
		})
	}
}
