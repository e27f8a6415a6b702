package websocket_test

import (
	"bytes"
	"math"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/weir-go/weir/codec/websocket"
)

func TestMessageLimits(t *testing.T) {
	bin, text := websocket.Binary, websocket.Text
	runStreamTests(t, []streamTest{
		{name: "as large as may be", peer: peer{maxMessage: 10}, stream: wire(nil).text("0123456789"), events: events("text 0123456789")},
		{name: "one more", peer: peer{maxMessage: 10}, stream: wire(nil).text("0123456789a"), code: 1009, detail: "11 bytes, the maximum is 10"},
		{name: "fragments as large as may be", peer: peer{maxMessage: 10}, stream: wire(nil).first(bin, "01234").next("").last("56789"), events: events("binary 0123456789")},
		{name: "fragments, one more", peer: peer{maxMessage: 10}, stream: wire(nil).first(bin, "01234").next("").next("56789a"), code: 1009, detail: "11 bytes"},
		{name: "control frames do not count", peer: peer{maxMessage: 3}, stream: wire(nil).first(bin, "01").ping("01234567").last("2"), events: events("ping 01234567", "binary 012")},
		{name: "each message by itself", peer: peer{maxMessage: 3}, stream: wire(nil).text("012").text("012"), events: events("text 012", "text 012")},
		{name: "as many fragments as may be", peer: peer{maxFragments: 3}, stream: wire(nil).first(text, "").next("").last(""), events: events("text ")},
		{name: "fragments, one too many", peer: peer{maxFragments: 3}, stream: wire(nil).first(text, "").next("").next("").last(""), code: 1009, detail: "too many fragments"},
		{name: "fragments of each message by themselves", peer: peer{maxFragments: 2},
			stream: wire(nil).first(text, "").last("").text("").first(text, "").last(""), events: events("text ", "text ", "text ")},
		{name: "frame", peer: peer{codec: websocket.Codec{MaxFrame: 3}}, stream: wire(nil).binary("0123"), code: 1009, detail: "frame is too large"},
		{name: "no limit in reach", peer: peer{codec: websocket.Codec{MaxFrame: math.MaxInt}, maxMessage: math.MaxInt, maxFragments: math.MaxInt},
			stream: wire(nil).raw(0x82, "0123").first(bin, "a").last("b"), events: events("binary 0123", "binary ab")},
	})
}

func TestFloodOfEmptyFragmentsEnds(t *testing.T) {
	var r websocket.Reader
	frame := func(op websocket.Opcode) []byte { return websocket.AppendMasked(nil, op, false, false, nil) }
	_, _, err := r.Next(frame(websocket.Text))
	n := 1
	for ; err == nil; n++ {
		_, _, err = r.Next(frame(websocket.Continuation))
	}
	if code(err) != websocket.TooBig || n != websocket.DefaultMaxFragments+1 {
		t.Errorf("%d fragments, error %v", n, err)
	}
}

// A Reader does not rely on a Codec to have refused what it could.
func TestReaderChecksByItself(t *testing.T) {
	r := websocket.Reader{Inflater: new(websocket.Inflater)}
	if _, _, err := r.Next(websocket.AppendMasked(nil, websocket.Binary, false, true, nil)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Next(websocket.AppendMasked(nil, websocket.Continuation, true, true, nil)); code(err) != websocket.ProtocolError {
		t.Errorf("compression bit on a continuation: %v", err)
	}
	if _, _, err := r.Next(websocket.AppendMasked(nil, websocket.Close, true, false, make([]byte, 126))); code(err) != websocket.ProtocolError {
		t.Errorf("close frame of 126 bytes: %v", err)
	}
	if r.Joining() {
		t.Error("a message is under way after an error")
	}
}

func TestIdleReaderIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(websocket.Reader{}); size > 48 {
		t.Errorf("a Reader has %d bytes", size)
	}
}

// A message of one frame and without compression is where it came.
func TestMessageIsAViewOfTheFrame(t *testing.T) {
	frame := websocket.AppendMasked(nil, websocket.Text, true, false, []byte("here"))
	var r websocket.Reader
	_, message, err := r.Next(frame)
	if err != nil || &message[0] != &frame[len(frame)-4] {
		t.Errorf("%q, %v", message, err)
	}
}

// A joined message stays until Release, and is the caller's until then.
func TestJoinedMessageLivesUntilRelease(t *testing.T) {
	var r websocket.Reader
	next := func(op websocket.Opcode, fin bool, s string) []byte {
		frame := websocket.AppendMasked(nil, op, fin, false, []byte(s))
		_, message, err := r.Next(frame)
		if err != nil {
			t.Fatal(err)
		}
		clear(frame)
		return message
	}
	next(websocket.Text, false, "one ")
	if !r.Joining() || !r.Text() {
		t.Error("no text under way")
	}
	message := next(websocket.Continuation, true, "message")
	if r.Joining() || r.Text() || string(message) != "one message" {
		t.Errorf("%q, joining %v, text %v", message, r.Joining(), r.Text())
	}
	if got := string(append(message, " more"...)); got != "one message more" || string(message) != "one message" {
		t.Errorf("%q, %q", got, message)
	}
	r.Release()
	r.Release()
	next(websocket.Binary, false, "")
	if !r.Joining() || r.Text() {
		t.Error("binary is text")
	}
	r.Release() // not a whole one
	if !r.Joining() {
		t.Error("Release has dropped a message under way")
	}
}

// bomb is size zero bytes compressed, a thousand to one.
func bomb(size int) []byte {
	var d websocket.Deflater
	return d.Append(nil, make([]byte, size))
}

func TestBombStopsAtTheLimit(t *testing.T) {
	const limit = 100_000
	payload := bomb(50 << 20)
	var r websocket.Reader
	r.MaxMessage, r.Inflater = 1<<20, new(websocket.Inflater)
	frame := websocket.AppendMasked(nil, websocket.Binary, true, true, payload)
	allocated := allocated(func() {
		if _, _, err := r.Next(frame); code(err) != websocket.TooBig {
			t.Errorf("error %v", err)
		}
	})
	if allocated > 8<<20 {
		t.Errorf("%d bytes allocated for a limit of 1 MiB", allocated)
	}
	// Also when it comes in fragments, and exactly at the limit.
	for _, tt := range []struct{ size, code int }{{limit, 0}, {limit + 1, 1009}, {0, 0}} {
		payload := bomb(tt.size)
		stream := wire(nil).compressed(websocket.Text, false, payload[:len(payload)/2]).last(string(payload[len(payload)/2:]))
		p := peer{codec: websocket.Codec{Deflate: true}, maxMessage: limit, inflater: new(websocket.Inflater)}
		got := p.run(t, stream)
		if code(got.err) != tt.code || tt.code == 0 && got.events[0] != "text "+strings.Repeat("\x00", tt.size) {
			t.Errorf("%d: %v", tt.size, got)
		}
	}
}

// The payload is limited before it is inflated, too.
func TestCompressedPayloadIsLimited(t *testing.T) {
	p := peer{codec: websocket.Codec{Deflate: true}, maxMessage: 10, inflater: new(websocket.Inflater)}
	part := make([]byte, 6)
	for _, stream := range []wire{
		wire(nil).compressed(websocket.Binary, true, make([]byte, 11)),
		wire(nil).compressed(websocket.Binary, false, part).next(string(part)),
	} {
		if got := p.runAllWays(t, stream); code(got.err) != websocket.TooBig {
			t.Errorf("%v", got)
		}
	}
}

// Each final block is the end of a DEFLATE stream, which costs more to begin than
// the two bytes that it has.
func TestFloodOfFinalBlocksEnds(t *testing.T) {
	var f websocket.Inflater
	f.Takeover = true
	if _, err := f.Append(nil, bomb(1<<16), 1<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Append(nil, bytes.Repeat([]byte{0x03, 0x00}, 1<<19), 1<<20); code(err) != websocket.InvalidPayload {
		t.Errorf("error %v", err)
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
