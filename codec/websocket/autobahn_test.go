package websocket_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weir-go/weir/codec/websocket"
)

// The cases of the Autobahn test suite, by its numbers, as far as they are about
// what is received. Each is run whole, byte by byte ("octet-wise chops") and at
// splits.

func events(s ...string) []string { return s }

func TestFraming(t *testing.T) { // 1.x
	for kind, op := range map[int]websocket.Opcode{1: websocket.Text, 2: websocket.Binary} {
		for i, size := range []int{0, 125, 126, 127, 128, 65535, 65536} {
			payload := strings.Repeat("*", size)
			if op == websocket.Binary {
				payload = strings.Repeat("\xfe", size)
			}
			runStreamTests(t, []streamTest{{
				name:   fmt.Sprintf("1.%d.%d %v of %d", kind, i+1, op, size),
				stream: wire(nil).client(op, true, payload).close("\x03\xe8"),
				events: events(op.String()+" "+payload, "close \x03\xe8"),
			}})
		}
	}
}

func TestPingsAndPongs(t *testing.T) { // 2.x
	var ten wire
	var tenEvents []string
	for i := range 10 {
		ten = ten.ping(fmt.Sprintf("payload-%d", i))
		tenEvents = append(tenEvents, fmt.Sprintf("ping payload-%d", i))
	}
	fe125 := strings.Repeat("\xfe", 125)
	runStreamTests(t, []streamTest{
		{name: "2.1 ping without payload", stream: wire(nil).ping(""), events: events("ping ")},
		{name: "2.2 ping with text", stream: wire(nil).ping("Hello, world!"), events: events("ping Hello, world!")},
		{name: "2.3 ping with binary", stream: wire(nil).ping("\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
			events: events("ping \x00\xff\xfe\xfd\xfc\xfb\x00\xff")},
		{name: "2.4 2.6 ping with 125", stream: wire(nil).ping(fe125), events: events("ping " + fe125)},
		{name: "2.5 ping with 126", stream: wire(nil).ping(fe125 + "\xfe"), code: 1002, detail: "payload limit"},
		{name: "2.7 unsolicited pong", stream: wire(nil).pong(""), events: events("pong ")},
		{name: "2.8 unsolicited pong with payload", stream: wire(nil).pong("unsolicited"), events: events("pong unsolicited")},
		{name: "2.9 pong, ping", stream: wire(nil).pong("unsolicited").ping("p"), events: events("pong unsolicited", "ping p")},
		{name: "2.10 2.11 ten pings", stream: ten, events: tenEvents},
	})
}

func TestReservedBits(t *testing.T) { // 3.x
	hello := events("text Hello")
	runStreamTests(t, []streamTest{
		{name: "3.1 RSV=1", stream: wire(nil).raw(0x81|0x10, "Hello"), code: 1002, detail: "rsv"},
		{name: "3.2 3.3 text, RSV=2, ping", stream: wire(nil).text("Hello").raw(0x81|0x20, "Hello").ping(""), events: hello, code: 1002, detail: "rsv"},
		{name: "3.4 text, RSV=3, ping", stream: wire(nil).text("Hello").raw(0x81|0x30, "Hello").ping(""), events: hello, code: 1002, detail: "rsv"},
		{name: "RSV=4", stream: wire(nil).text("Hello").raw(0x81|0x40, "Hello").ping(""), events: hello, code: 1002, detail: "rsv"},
		{name: "3.5 binary RSV=5", stream: wire(nil).raw(0x82|0x50, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), code: 1002, detail: "rsv"},
		{name: "3.6 ping RSV=6", stream: wire(nil).raw(0x89|0x60, ""), code: 1002, detail: "rsv"},
		{name: "3.7 close RSV=7", stream: wire(nil).raw(0x88|0x70, ""), code: 1002, detail: "rsv"},
	})
}

func TestReservedOpcodes(t *testing.T) { // 4.x
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		for _, payload := range []string{"", "reserved opcode"} {
			runStreamTests(t, []streamTest{{
				name:   fmt.Sprintf("4.x opcode %d, %q", op, payload),
				stream: wire(nil).text("Hello").raw(0x80|op, payload).ping(""),
				events: events("text Hello"), code: 1002, detail: "reserved op code",
			}})
		}
	}
}

func TestFragmentation(t *testing.T) { // 5.x
	text := websocket.Text
	nothing := "unexpected continuation"
	runStreamTests(t, []streamTest{
		{name: "5.1 ping in two fragments", stream: wire(nil).client(websocket.Ping, false, "frag").last("ment"), code: 1002, detail: "not final"},
		{name: "5.2 pong in two fragments", stream: wire(nil).client(websocket.Pong, false, "frag").last("ment"), code: 1002, detail: "not final"},
		{name: "5.3-5.5 two fragments", stream: wire(nil).first(text, "frag").last("ment"), events: events("text fragment")},
		{name: "5.6-5.8 ping in between", stream: wire(nil).first(text, "frag").ping("ping").last("ment"), events: events("ping ping", "text fragment")},
		{name: "5.9-5.11 continuation of nothing", stream: wire(nil).last("nothing").text("Hello"), code: 1002, detail: nothing},
		{name: "5.12-5.14 continuation of nothing, FIN not set", stream: wire(nil).next("nothing").text("Hello"), code: 1002, detail: nothing},
		{name: "5.15 fragments, continuation of nothing, text", stream: wire(nil).first(text, "frag").last("ment").next("nothing").text("Hello"),
			events: events("text fragment"), code: 1002, detail: nothing},
		{name: "5.16 continuation of nothing, fragments", stream: wire(nil).next("nothing").first(text, "frag").last("ment"), code: 1002, detail: nothing},
		{name: "5.17 the same with FIN", stream: wire(nil).last("nothing").first(text, "frag").last("ment"), code: 1002, detail: nothing},
		{name: "5.18 text within text", stream: wire(nil).first(text, "frag").text("ment"), code: 1002, detail: "non-continuation"},
		{name: "binary within binary", stream: wire(nil).first(websocket.Binary, "frag").binary("ment"), code: 1002, detail: "non-continuation"},
		{name: "text within binary", stream: wire(nil).first(websocket.Binary, "frag").text("ment"), code: 1002, detail: "non-continuation"},
		{name: "5.19 5.20 five fragments, pings in between",
			stream: wire(nil).first(text, "1").next("2").ping("pongme 1!").next("3").next("4").ping("pongme 2!").last("5"),
			events: events("ping pongme 1!", "ping pongme 2!", "text 12345")},
		{name: "binary fragments", stream: wire(nil).first(websocket.Binary, "\xff").next("").last("\xfe"), events: events("binary \xff\xfe")},
		{name: "two messages", stream: wire(nil).first(text, "a").last("b").first(websocket.Binary, "c").last("d").text("e"),
			events: events("text ab", "binary cd", "text e")},
	})
}

// validUTF8 and invalidUTF8 are the sequences of 6.5 to 6.23, most of them from
// Markus Kuhn's decoder stress test.
var (
	validUTF8 = []string{
		"\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80", // the first of each length
		"\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf", // the last
		"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", // at the surrogates, U+FFFD
		"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", // κόσμε
		"\xef\xb7\x90", "\xef\xbf\xbe", "\xf0\x9f\xbf\xbe", "\xf0\x9f\xbf\xbf", // non-characters are permitted
		"Hello-µ@ßöäüàá-UTF-8!!",
	}
	invalidUTF8 = []string{
		"\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80", // too large
		"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf",
		"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80\xbf\x80\xbf", // stray continuation bytes
		"\xc0 \xc1 ", "\xe0 \xe1 ", "\xf0 \xf1 ", "\xfe", "\xff", "\xfe\xfe\xff\xff", // lonely beginnings, impossible bytes
		"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", // overlong
		"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80",
		"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xbf\xbf", "\xed\xa0\x80\xed\xb0\x80", // surrogates
		"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited", // 6.3.1
	}
	// unfinishedUTF8 becomes wrong by the end of the message only.
	unfinishedUTF8 = []string{"\xc2", "\xe0\xa0", "\xf0\x90\x80", "\xdf", "\xef\xbf", "\xf4\x8f\xbf", "\xce\xba\xe1\xbd"}
)

func TestUTF8(t *testing.T) { // 6.x
	text := websocket.Text
	runStreamTests(t, []streamTest{
		{name: "6.1.1 empty", stream: wire(nil).text(""), events: events("text ")},
		{name: "6.1.2 empty fragments", stream: wire(nil).first(text, "").next("").last(""), events: events("text ")},
		{name: "6.1.3 the middle is not empty", stream: wire(nil).first(text, "").next("middle").last(""), events: events("text middle")},
		{name: "6.4.1 the second of three fragments", code: 1007, detail: "UTF-8", rest: 0,
			stream: wire(nil).first(text, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5").next("\xf4\x90\x80\x80").next("edited")},
		{name: "6.4.2 as soon as it cannot become valid", code: 1007, detail: "UTF-8",
			stream: wire(nil).first(text, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4").next("\x90")},
		{name: "6.4.3 within a frame", code: 1007, detail: "UTF-8",
			stream: wire(nil).text("\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90" + strings.Repeat("x", 100))[:6+13]},
		{name: "within a continuation", code: 1007, detail: "UTF-8",
			stream: append(wire(nil).first(text, "\xce\xba\xe1\xbd"), wire(nil).last("\xb9\xcf\xcf" + strings.Repeat("x", 100))[:6+3]...)},
		{name: "rune over fragments with a ping", events: events("ping \xff", "text \xf0\x9f\x98\x80"),
			stream: wire(nil).first(text, "\xf0\x9f").ping("\xff").next("").last("\x98\x80")},
	})
	for _, s := range validUTF8 {
		runStreamTests(t, []streamTest{
			{name: fmt.Sprintf("valid %x", s), stream: wire(nil).text(s), events: events("text " + s)},
			{name: fmt.Sprintf("valid %x by fragments", s), stream: wire(nil).each(s).text("!"), events: events("text "+s, "text !")},
		})
	}
	for _, s := range invalidUTF8 {
		runStreamTests(t, []streamTest{
			{name: fmt.Sprintf("invalid %x", s), stream: wire(nil).text(s), code: 1007, detail: "UTF-8"},
			{name: fmt.Sprintf("invalid %x by fragments", s), stream: wire(nil).each(s + "!"), code: 1007, detail: "UTF-8"},
			{name: fmt.Sprintf("invalid %x, no end", s), stream: wire(nil).first(text, s+"!!!"), code: 1007, detail: "UTF-8"},
			{name: fmt.Sprintf("invalid %x is binary", s), stream: wire(nil).binary(s), events: events("binary " + s)},
		})
	}
	for _, s := range unfinishedUTF8 {
		runStreamTests(t, []streamTest{
			{name: fmt.Sprintf("unfinished %x", s), stream: wire(nil).text(s), code: 1007, detail: "UTF-8"},
			{name: fmt.Sprintf("unfinished %x by fragments", s), stream: wire(nil).each(s), code: 1007, detail: "UTF-8"},
			{name: fmt.Sprintf("unfinished %x, no end", s), stream: wire(nil).first(text, s)},
		})
	}
}

func TestCloseFrames(t *testing.T) { // 7.x
	long := strings.Repeat("*", 123)
	runStreamTests(t, []streamTest{
		{name: "7.1.1 message, close", stream: wire(nil).text("Hello World!").close("\x03\xe8"), events: events("text Hello World!", "close \x03\xe8")},
		{name: "7.1.5 close within a message", stream: wire(nil).first(websocket.Text, "fragment1").close("\x03\xe8"), events: events("close \x03\xe8")},
		{name: "7.3.1 nothing", stream: wire(nil).close(""), events: events("close ")},
		{name: "7.3.2 half a code", stream: wire(nil).close("a"), code: 1002, detail: "half a status code"},
		{name: "7.3.3 code", stream: wire(nil).close("\x03\xe8"), events: events("close \x03\xe8")},
		{name: "7.3.4 reason", stream: wire(nil).close("\x03\xe8Hello World!"), events: events("close \x03\xe8Hello World!")},
		{name: "7.3.5 long reason", stream: wire(nil).close("\x03\xe8" + long), events: events("close \x03\xe8" + long)},
		{name: "7.3.6 too long", stream: wire(nil).close("\x03\xe8" + long + "*"), code: 1002, detail: "payload limit"},
		{name: "7.5.1 reason is not UTF-8", stream: wire(nil).close("\x03\xe8\xce\xba\xe1\xbd\xb9\xed\xa0\x80edited"), code: 1007, detail: "utf8"},
	})
	for _, c := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		payload := string([]byte{byte(c >> 8), byte(c)})
		runStreamTests(t, []streamTest{{name: fmt.Sprint("7.7.x valid code ", c), stream: wire(nil).close(payload), events: events("close " + payload)}})
	}
	for _, c := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		payload := string([]byte{byte(c >> 8), byte(c)})
		runStreamTests(t, []streamTest{{name: fmt.Sprint("7.9.x invalid code ", c), stream: wire(nil).close(payload), code: 1002}})
	}
}

func TestLargeMessages(t *testing.T) { // 9.x
	const size = 4 << 20
	p := peer{codec: websocket.Codec{MaxFrame: size}, maxMessage: size}
	payload := strings.Repeat("BAsd7&jh23", size/10+1)[:size]
	check := func(name string, stream wire, op websocket.Opcode, chop int) {
		t.Run(name, func(t *testing.T) {
			got := p.run(t, cut(stream, chop)...)
			if len(got.events) != 1 || got.events[0] != op.String()+" "+payload || got.err != nil {
				t.Errorf("got %v", got)
			}
		})
	}
	for _, op := range []websocket.Opcode{websocket.Text, websocket.Binary} {
		check(fmt.Sprintf("9.1.4 9.2.4 %v", op), wire(nil).client(op, true, payload), op, size*2)
		check(fmt.Sprintf("9.5 9.6 %v, chopped", op), wire(nil).client(op, true, payload), op, 64<<10)
		for _, fragment := range []int{64, 1024, 64 << 10, size} {
			stream := wire(nil).first(op, payload[:fragment])
			for i := fragment; i < size; i += fragment {
				stream = stream.next(payload[i : i+fragment])
			}
			// With a last one of its own, 64 bytes would be one fragment too many.
			check(fmt.Sprintf("9.3 9.4 %v by %d", op, fragment), setFin(stream, fragment, size/fragment), op, 1<<20)
		}
	}
}

// setFin sets FIN on the last of n fragments of the same size.
func setFin(stream wire, fragment, n int) wire {
	frame := len(websocket.AppendMasked(nil, websocket.Text, false, false, make([]byte, fragment)))
	stream[(n-1)*frame] |= 0x80
	return stream
}
