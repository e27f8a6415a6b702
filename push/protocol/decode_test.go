package protocol_test

import (
	"encoding/binary"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/weir-go/weir/push/protocol"
)

// Every beginning of a frame is malformed, or a frame whose data ends there, and is not
// taken for anything else.
func TestTruncated(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Invalid {
			continue
		}
		b := v.bytes(t)
		for n := range b {
			f, err := protocol.Decode(protocol.Binary, b[:n])
			switch {
			case err == nil && (v.Frame == "pub" || v.Frame == "msg"):
			case err == nil || !errors.Is(err, protocol.ErrMalformed) || f != nil:
				t.Errorf("%s, %d of %d bytes: %+v, %v", v.Name, n, len(b), f, err)
			}
		}
		for n := range v.JSON {
			if _, err := protocol.Decode(protocol.JSON, v.JSON[:n]); !errors.Is(err, protocol.ErrMalformed) {
				t.Errorf("%s, %d of %d bytes: %v", v.Name, n, len(v.JSON), err)
			}
		}
	}
}

// What a receiver takes although no sender of this package writes it so.
func TestLenient(t *testing.T) {
	for _, c := range []struct {
		name string
		e    protocol.Encoding
		in   string
		want protocol.Frame
	}{
		{"longer varints than need be", protocol.Binary, "\x09\x81\x80\x00a\x82\x80\x80\x80\x80\x80\x80\x80\x80\x00", &protocol.Ack{Filter: "a", Offset: 2}},
		{"flags for zeros", protocol.Binary, "\x08\x0e\x01a\x00\x00\x00x", &protocol.Msg{Topic: "a", Data: []byte("x")}},
		{"what another version has", protocol.Binary, "\x01\x02\xff\xff\xff", &protocol.Hello{Version: 2}},
		{"what another version has", protocol.JSON, `{"type":"hello","version":2,"token":{"a":1}}`, &protocol.Hello{Version: 2}},
		{"unknown fields", protocol.JSON, `{"type":"ack","offset":2,"new":{"a":[1]}}`, &protocol.Ack{Offset: 2}},
		{"blanks, another order", protocol.JSON, " {\n\"offset\" : 2, \"filter\":\"\\u0061\", \"type\" : \"ack\" } ", &protocol.Ack{Filter: "a", Offset: 2}},
		{"an escaped type", protocol.JSON, `{"type":"p\u0069ng"}`, &protocol.Ping{}},
		{"null", protocol.JSON, `{"type":"sub","id":1,"filter":"a","qos":null,"cursor":null}`, &protocol.Sub{ID: 1, Subscription: protocol.Subscription{Filter: "a"}}},
		{"zeros", protocol.JSON, `{"type":"hello","version":1,"token":"","cursors":[]}`, &protocol.Hello{Version: 1}},
		{"empty lists", protocol.JSON, `{"type":"presence","topic":"a","clients":[],"joined":[],"left":[]}`, &protocol.Presence{Topic: "a"}},
		{"no data", protocol.JSON, `{"type":"pub","id":1,"topic":"a"}`, &protocol.Pub{ID: 1, Topic: "a"}},
		{"base64 of nothing", protocol.JSON, `{"type":"pub","id":1,"topic":"a","base64":""}`, &protocol.Pub{ID: 1, Topic: "a"}},
		{"base64 of UTF-8", protocol.JSON, `{"type":"msg","topic":"a","base64":"YQ=="}`, &protocol.Msg{Topic: "a", Data: []byte("a")}},
		{"half a surrogate pair", protocol.JSON, `{"type":"msg","topic":"a","data":"\ud800"}`, &protocol.Msg{Topic: "a", Data: []byte("\ufffd")}},
	} {
		f, err := protocol.Decode(c.e, []byte(c.in))
		if err != nil || !reflect.DeepEqual(f, c.want) {
			t.Errorf("%s: %+v, %v", c.name, f, err)
		}
	}
}

// JSON text that is not UTF-8 cannot be in the vectors.
func TestJSONNotUTF8(t *testing.T) {
	for _, s := range []string{"{\"type\":\"unsub\",\"filter\":\"\xff\"}", "{\"type\":\"\xff\"}", "\xff"} {
		if _, err := protocol.Decode(protocol.JSON, []byte(s)); !errors.Is(err, protocol.ErrMalformed) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestListLimits(t *testing.T) {
	hello := &protocol.Hello{Version: 1, Cursors: make([]protocol.Subscription, protocol.MaxList)}
	presence := &protocol.Presence{Joined: make([]string, protocol.MaxList)}
	for _, e := range []protocol.Encoding{protocol.Binary, protocol.JSON} {
		for _, f := range []protocol.Frame{hello, presence} {
			b, err := protocol.Append(nil, e, f)
			if err != nil {
				t.Fatal(err)
			}
			g, err := protocol.Decode(e, b)
			if err != nil || !reflect.DeepEqual(f, g) {
				t.Errorf("%v %v: %v", e, f.Type(), err)
			}
		}
	}
	b := binary.AppendUvarint([]byte("\x01\x01\x00\x00"), protocol.MaxList+1)
	b = append(b, make([]byte, 3*protocol.MaxList)...)
	if _, err := protocol.Decode(protocol.Binary, b); !errors.Is(err, protocol.ErrMalformed) {
		t.Errorf("binary HELLO: %v", err)
	}
	text := `{"type":"hello","version":1,"cursors":[` + strings.Repeat(`{"filter":"a"},`, protocol.MaxList) + `{"filter":"a"}]}`
	if _, err := protocol.Decode(protocol.JSON, []byte(text)); !errors.Is(err, protocol.ErrMalformed) {
		t.Errorf("JSON HELLO: %v", err)
	}
}

// A count or a length is believed as far as there are bytes.
func TestClaimsCostNothing(t *testing.T) {
	for _, b := range []string{
		"\x01\x01\x00\x00\x90\x4e",             // 10,000 subscriptions
		"\x05\xff\xff\xff\xff\x0f",             // a filter of 4 GiB
		"\x0d\x00\x00\x01a\x00\x90\x4e",        // 10,000 clients
		"\x01\x01\xff\xff\xff\xff\x0f\x00\x00", // a token of 4 GiB
	} {
		const runs = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			_, _ = protocol.Decode(protocol.Binary, []byte(b))
		}
		runtime.ReadMemStats(&after)
		if n := (after.TotalAlloc - before.TotalAlloc) / runs; n > 4000 {
			t.Errorf("%q: %d bytes", b, n)
		}
	}
}

func TestDataAliases(t *testing.T) {
	b := []byte("\x08\x00\x01axyz")
	f, err := protocol.Decode(protocol.Binary, b)
	if err != nil {
		t.Fatal(err)
	}
	msg := f.(*protocol.Msg)
	if &msg.Data[0] != &b[4] || cap(msg.Data) != 3 {
		t.Errorf("data of %d bytes is not a part of the frame", cap(msg.Data))
	}
}
