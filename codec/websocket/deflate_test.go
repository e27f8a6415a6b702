package websocket_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/gobwas/ws/wsflate"

	"github.com/weir-go/weir/codec/websocket"
)

func inflating(takeover bool) peer {
	return peer{codec: websocket.Codec{Deflate: true}, inflater: &websocket.Inflater{Takeover: takeover}}
}

// The examples of RFC 7692, section 7.2.3, and what else may be in a message.
func TestInflate(t *testing.T) {
	hello := "\xf2\x48\xcd\xc9\xc9\x07\x00"
	one := func(payload string) wire { return wire(nil).compressed(websocket.Text, true, []byte(payload)) }
	plain, takeover := inflating(false), inflating(true)
	runStreamTests(t, []streamTest{
		{name: "7.2.3.1 one block", peer: plain, stream: one(hello), events: events("text Hello")},
		{name: "7.2.3.1 fragments", peer: plain, stream: wire(nil).compressed(websocket.Text, false, []byte("\xf2\x48\xcd")).last("\xc9\xc9\x07\x00"), events: events("text Hello")},
		{name: "7.2.3.2 sharing the window", peer: takeover, stream: one(hello).compressed(websocket.Text, true, []byte("\xf2\x00\x11\x00\x00")), events: events("text Hello", "text Hello")},
		{name: "7.2.3.3 not compressed", peer: plain, stream: one("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), events: events("text Hello")},
		{name: "7.2.3.4 BFINAL", peer: plain, stream: one("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), events: events("text Hello")},
		{name: "7.2.3.5 two blocks", peer: plain, stream: one("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), events: events("text Hello")},
		{name: "7.2.3.6 empty", peer: plain, stream: one("\x00"), events: events("text ")},
		{name: "empty, of fixed codes", peer: plain, stream: one("\x02\x00"), events: events("text ")},
		{name: "BFINAL without a byte behind", peer: plain, stream: one("\xf3\x48\xcd\xc9\xc9\x07\x00"), events: events("text Hello")},
		{name: "BFINAL on the block that loses its tail", peer: plain, stream: one("\x01"), events: events("text ")},
		{name: "BFINAL, then more", peer: plain, stream: one("\xf3\x48\xcd\xc9\xc9\x07\x00" + hello), events: events("text HelloHello")},
		{name: "BFINAL, then a reference to what was before", peer: plain, stream: one("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00"), events: events("text HelloHello")},
		{name: "BFINAL in a window", peer: takeover, stream: one(hello).compressed(websocket.Text, true, []byte("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00")),
			events: events("text Hello", "text HelloHello")},
		{name: "compressed and not", peer: takeover, stream: one(hello).text("plain").compressed(websocket.Text, true, []byte("\xf2\x00\x11\x00\x00")),
			events: events("text Hello", "text plain", "text Hello")},
		{name: "control frames between compressed fragments", peer: plain, stream: wire(nil).compressed(websocket.Text, false, []byte("\xf2\x48")).ping("p").next("").last("\xcd\xc9\xc9\x07\x00"), events: events("ping p", "text Hello")},

		{name: "no window", peer: plain, stream: one(hello).compressed(websocket.Text, true, []byte("\xf2\x00\x11\x00\x00")), events: events("text Hello"), code: 1007, detail: "corrupt"},
		{name: "too far back", peer: plain, stream: one("\xf2\x00\x11\x00\x00"), code: 1007, detail: "corrupt"},
		{name: "no payload", peer: plain, stream: one(""), code: 1007, detail: "corrupt"},
		{name: "reserved block type", peer: plain, stream: one("\x06"), code: 1007, detail: "corrupt"},
		{name: "broken off", peer: plain, stream: one(hello[:5]), code: 1007, detail: "corrupt"},
		{name: "stored block broken off", peer: plain, stream: wire(nil).compressed(websocket.Binary, true, []byte("\x00\xff\x00\x00\xff123")), code: 1007, detail: "corrupt"},
		{name: "stored block broken off where the tail would fill it", peer: plain, stream: wire(nil).compressed(websocket.Binary, true, []byte("\x00\x0c\x00\xf3\xff123")), code: 1007, detail: "corrupt"},
		{name: "tail not removed", peer: plain, stream: one(hello + "\x00\x00\xff\xff\x00"), events: events("text Hello")},
		{name: "not UTF-8", peer: plain, stream: one("\x00\x02\x00\xfd\xff\xc3\x28\x00"), code: 1007, detail: "UTF-8"},
		{name: "ends within a rune", peer: plain, stream: one("\x00\x01\x00\xfe\xff\xc3\x00"), code: 1007, detail: "UTF-8"},
		{name: "binary may be anything", peer: plain, stream: wire(nil).compressed(websocket.Binary, true, []byte("\x00\x02\x00\xfd\xff\xc3\x28\x00")), events: events("binary \xc3\x28")},
		{name: "not negotiated", stream: one(hello), code: 1002, detail: "rsv"},
		{name: "no Inflater", peer: peer{codec: websocket.Codec{Deflate: true}}, stream: one(hello), code: 1002, detail: "rsv"},
		{name: "RSV1 on a continuation", peer: plain, stream: wire(nil).compressed(websocket.Text, false, []byte("\xf2\x48")).compressed(websocket.Continuation, true, []byte("\xcd")), code: 1002, detail: "compression bit"},
	})
}

// Bad text is noticed as it is inflated: what is behind it costs nothing.
func TestInflatedTextFailsFast(t *testing.T) {
	text := append(bytes.Repeat([]byte("x"), 1000), 0xff)
	text = append(text, make([]byte, 20<<20)...)
	var d websocket.Deflater
	r := websocket.Reader{MaxMessage: 200 << 20, Inflater: new(websocket.Inflater)}
	frame := websocket.AppendMasked(nil, websocket.Text, true, true, d.Append(nil, text))
	n := allocated(func() {
		if _, _, err := r.Next(frame); code(err) != websocket.InvalidPayload {
			t.Errorf("error %v", err)
		}
	})
	if n > 4<<20 {
		t.Errorf("%d bytes allocated", n)
	}
}

// samples are messages of the kinds and sizes of Autobahn's 12.x: some compress
// well, some not at all; some are larger than the window.
func samples() [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	var all [][]byte
	for _, size := range []int{0, 1, 16, 17, 127, 128, 1000, 4096, 32768, 70000} {
		words := make([]byte, 0, size+20)
		for len(words) < size {
			words = fmt.Appendf(words, `{"id":%d,"name":"n%d"},`, r.IntN(100), r.IntN(1000))
		}
		noise := make([]byte, size)
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		all = append(all, words[:size], noise)
	}
	return all
}

func TestDeflateRoundTrip(t *testing.T) {
	for _, level := range []int{flate.HuffmanOnly, flate.DefaultCompression, 0, 99} {
		for _, takeover := range []bool{false, true} {
			t.Run(fmt.Sprintf("level %d, takeover %v", level, takeover), func(t *testing.T) {
				d := websocket.Deflater{Level: level, Takeover: takeover}
				f := websocket.Inflater{Takeover: takeover}
				var z []byte
				for i, message := range samples() {
					z = append(z[:0], "before"...)
					if i%3 == 2 { // in parts
						cut := len(message) / 3
						z = d.AppendFragment(z, message[:cut], false)
						z = d.AppendFragment(z, nil, false)
						z = d.AppendFragment(z, message[cut:], true)
					} else {
						z = d.Append(z, message)
					}
					if len(message) == 0 && i%3 != 2 && string(z) != "before\x00" {
						t.Errorf("nothing became %x", z)
					}
					got, err := f.Append([]byte("after"), z[len("before"):], 1<<20)
					if err != nil || !bytes.Equal(got[5:], message) || string(got[:5]) != "after" || string(z[:6]) != "before" {
						t.Fatalf("%d bytes, compressed to %d: came back as %d, error %v", len(message), len(z), len(got), err)
					}
				}
			})
		}
	}
}

// What another implementation makes of it.
func TestDeflateIsUnderstood(t *testing.T) {
	var d websocket.Deflater
	for _, message := range samples() {
		z := d.Append(nil, message)
		r := wsflate.NewReader(bytes.NewReader(z), func(r io.Reader) wsflate.Decompressor { return flate.NewReader(r) })
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, message) {
			t.Fatalf("%d bytes: %d, error %v", len(message), len(got), err)
		}
	}
}

// Takeover is worth something, at the level that is used for it.
func TestTakeoverCompressesBetter(t *testing.T) {
	size := func(d websocket.Deflater) (n int) {
		for i := range 100 {
			n += len(d.Append(nil, fmt.Appendf(nil, `{"type":"tick","symbol":"EURUSD","bid":1.08%03d}`, i)))
		}
		return n
	}
	if with, without := size(websocket.Deflater{Takeover: true}), size(websocket.Deflater{}); 2*with > without {
		t.Errorf("%d bytes with takeover, %d without", with, without)
	}
}

// A message that was compressed once for many fits in between, if Reset follows.
func TestResetAfterAForeignMessage(t *testing.T) {
	d := websocket.Deflater{Takeover: true}
	f := websocket.Inflater{Takeover: true}
	foreign := new(websocket.Deflater).Append(nil, bytes.Repeat([]byte("for all of you; "), 50))
	for i := range 10 {
		message := bytes.Repeat(fmt.Appendf(nil, "this is for you, number %d; ", i), 20)
		if got, err := f.Append(nil, d.Append(nil, message), 1<<20); !bytes.Equal(got, message) || err != nil {
			t.Fatalf("%d: %q, %v", i, got, err)
		}
		if got, err := f.Append(nil, foreign, 1<<20); len(got) != 800 || err != nil {
			t.Fatalf("foreign: %q, %v", got, err)
		}
		d.Reset()
	}
}

// A window below 32 KiB is enough for a peer that keeps to it, and no more.
func TestWindowBits(t *testing.T) {
	noise := samples()[13] // 1,000 bytes
	for _, tt := range []struct {
		bits int
		far  bool // 1,000 bytes back is within the window
	}{{0, true}, {7, true}, {8, false}, {9, false}, {10, true}, {11, true}, {15, true}, {16, true}} {
		d := websocket.Deflater{Takeover: true, Level: 9}
		f := websocket.Inflater{Takeover: true, WindowBits: tt.bits}
		for i, message := range [][]byte{noise[:100], noise[:100], noise[100:], noise[:100]} {
			got, err := f.Append(nil, d.Append(nil, message), 1<<20)
			if want := i < 3 || tt.far; want != (err == nil) || want && !bytes.Equal(got, message) {
				t.Errorf("%d bits, message %d: %d bytes, error %v", tt.bits, i, len(got), err)
			}
		}
	}
}

// Without takeover, one Deflater and one Inflater will do for all.
func TestSharedWithoutTakeover(t *testing.T) {
	var d websocket.Deflater
	var f websocket.Inflater
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 50 {
				message := bytes.Repeat(fmt.Appendf(nil, "%d %d ", g, i), i)
				got, err := f.Append(nil, d.Append(nil, message), 1<<20)
				if err != nil || !bytes.Equal(got, message) {
					t.Errorf("%q, %v", got, err)
				}
				f.Reset()
			}
		})
	}
	wg.Wait()
}
