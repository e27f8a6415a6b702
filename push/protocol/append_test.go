package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/weir-go/weir/push/protocol"
)

// valid returns the frames of the vectors, pointers to them.
func valid(t testing.TB) (frames []protocol.Frame) {
	t.Helper()
	for _, v := range vectors(t) {
		if !v.Invalid {
			f, err := protocol.Decode(protocol.Binary, v.bytes(t))
			if err != nil {
				t.Fatalf("%s: %v", v.Name, err)
			}
			frames = append(frames, f)
		}
	}
	return frames
}

// A frame and a pointer to it are written alike, behind what is there.
func TestAppendOfValues(t *testing.T) {
	for _, f := range valid(t) {
		value := reflect.ValueOf(f).Elem().Interface().(protocol.Frame)
		if value.Type() != f.Type() {
			t.Fatalf("%T has type %v", value, value.Type())
		}
		for _, e := range []protocol.Encoding{protocol.Binary, protocol.JSON} {
			a, err := protocol.Append([]byte("abc"), e, f)
			b, err2 := protocol.Append(nil, e, value)
			if err != nil || err2 != nil || string(a) != "abc"+string(b) {
				t.Errorf("%+v: %q and %q, %v, %v", value, a, b, err, err2)
			}
		}
	}
}

func TestUnencodable(t *testing.T) {
	const bad, large = "\xff", protocol.MaxNumber + 1
	many := make([]string, protocol.MaxList+1)
	for _, f := range []protocol.Frame{
		nil,
		other{},
		protocol.Hello{Version: 1, Token: bad},
		protocol.Hello{Version: 1, Session: bad},
		protocol.Hello{Version: 1, Cursors: []protocol.Subscription{{Filter: "a"}, {Filter: bad}}},
		protocol.Hello{Version: 1, Cursors: make([]protocol.Subscription, protocol.MaxList+1)},
		protocol.Welcome{Session: bad},
		protocol.Sub{Subscription: protocol.Subscription{Filter: bad}},
		protocol.Sub{Subscription: protocol.Subscription{QoS: 4}},
		protocol.Sub{Subscription: protocol.Subscription{Cursor: &protocol.Cursor{Epoch: large}}},
		protocol.Sub{Subscription: protocol.Subscription{Cursor: &protocol.Cursor{Offset: large}}},
		protocol.SubOK{Filter: bad},
		protocol.SubOK{QoS: 255},
		protocol.SubOK{Epoch: large},
		protocol.SubOK{Offset: math.MaxUint64},
		protocol.Unsub{Filter: bad},
		protocol.Pub{Topic: bad},
		protocol.Pub{MessageID: bad},
		protocol.Pub{QoS: 4},
		protocol.PubAck{Epoch: large},
		protocol.PubAck{Offset: large},
		protocol.Msg{Topic: bad},
		protocol.Msg{Offset: large},
		protocol.Msg{Previous: large},
		protocol.Msg{Position: large},
		protocol.Ack{Filter: bad},
		protocol.Ack{Offset: large},
		protocol.Token{Token: bad},
		protocol.Presence{Topic: bad},
		protocol.Presence{Clients: []string{bad}},
		protocol.Presence{Joined: []string{"a", bad}},
		protocol.Presence{Left: many},
		protocol.GoAway{Reason: bad},
		protocol.Err{Message: bad},
	} {
		for _, e := range []protocol.Encoding{protocol.Binary, protocol.JSON} {
			b, err := protocol.Append([]byte("abc"), e, f)
			if !errors.Is(err, protocol.ErrUnencodable) || string(b) != "abc" {
				t.Errorf("%T %.60v: %q, %v", f, f, b, err)
			}
		}
	}
}

type other struct{}

func (other) Type() protocol.Type { return protocol.TypePing }

// What is appended by hand is what encoding/json makes of the structs, byte for byte.
func TestJSONIsThatOfTheTags(t *testing.T) {
	for _, f := range valid(t) {
		if h, ok := f.(*protocol.Hello); ok && h.Version != protocol.Version {
			continue
		}
		var want bytes.Buffer
		d := json.NewEncoder(&want)
		d.SetEscapeHTML(false)
		if err := d.Encode(f); err != nil {
			t.Fatal(err)
		}
		got, err := protocol.Append(nil, protocol.JSON, f)
		if err != nil {
			t.Fatal(err)
		}
		// encoding/json knows neither the type nor the data.
		head := `{"type":"` + f.Type().String() + `"`
		text := strings.TrimPrefix(string(got), head)
		if i := strings.LastIndex(text, `,"data":`); i >= 0 {
			text = text[:i] + "}"
		} else if i := strings.LastIndex(text, `,"base64":`); i >= 0 {
			text = text[:i] + "}"
		}
		text = "{" + strings.TrimPrefix(text, ",")
		if text != strings.TrimSpace(want.String()) {
			t.Errorf("%s, want %s", text, want.String())
		}
	}
}

func TestJSONStrings(t *testing.T) {
	texts := []string{"\u2027\u2028\u2029\u202a", "a\u2028", "\u20ac", "\xe2\x80\xa7\"", "</script>&", strings.Repeat("é\"", 100)}
	for c := range rune(0x900) {
		texts = append(texts, "a"+string(c)+"b", string(c))
	}
	for _, s := range texts {
		want, err := jsonString(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := protocol.Append(nil, protocol.JSON, &protocol.Msg{Topic: s, Data: []byte(s)})
		if err != nil || string(got) != `{"type":"msg","topic":`+want+`,"data":`+want+`}` {
			t.Errorf("%q: %s, %v", s, got, err)
		}
	}
}

func jsonString(s string) (string, error) {
	var b strings.Builder
	d := json.NewEncoder(&b)
	d.SetEscapeHTML(false)
	err := d.Encode(s)
	return strings.TrimSpace(b.String()), err
}

func TestAllocations(t *testing.T) {
	dst := make([]byte, 0, 1000)
	msg := &protocol.Msg{Topic: "sensor/7/temp", Wildcard: true, Offset: 1 << 40, Previous: 7, Position: 9, Data: []byte("{\"a\":1}\n")}
	bin := &protocol.Msg{Topic: "sensor", Data: []byte{0xff, 0}}
	ping, pong := []byte{byte(protocol.TypePing)}, []byte(`{"type":"pong"}`)
	for name, f := range map[string]func(){
		"MSG binary":      func() { _, _ = protocol.Append(dst, protocol.Binary, msg) },
		"MSG JSON":        func() { _, _ = protocol.Append(dst, protocol.JSON, msg) },
		"MSG JSON base64": func() { _, _ = protocol.Append(dst, protocol.JSON, bin) },
		"PING":            func() { _, _ = protocol.Decode(protocol.Binary, ping) },
		"PONG JSON":       func() { _, _ = protocol.Decode(protocol.JSON, pong) },
		"append PING":     func() { _, _ = protocol.Append(dst, protocol.Binary, protocol.Ping{}) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	msg := &protocol.Msg{Topic: "sensor/7/temp", Offset: 123456, Previous: 123455, Data: slices.Repeat([]byte("{\"a\":1} "), 8)}
	for _, e := range []protocol.Encoding{protocol.Binary, protocol.JSON} {
		b.Run(e.String(), func(b *testing.B) {
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				dst, _ = protocol.Append(dst[:0], e, msg)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	pub := &protocol.Pub{ID: 7, Topic: "sensor/7/temp", MessageID: "abc-7", QoS: 1, Data: slices.Repeat([]byte("{\"a\":1} "), 8)}
	for _, e := range []protocol.Encoding{protocol.Binary, protocol.JSON} {
		text, _ := protocol.Append(nil, e, pub)
		b.Run(e.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = protocol.Decode(e, text)
			}
		})
	}
}
