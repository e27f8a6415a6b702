package protocol_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/weir-go/weir/push/protocol"
)

// Decoding never panics; what it returns can be written in both encodings, and is the
// same again when it is read.
func FuzzDecodeBinary(f *testing.F) {
	for _, v := range vectors(f) {
		if v.Binary != nil {
			f.Add(v.bytes(f))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { roundTrip(t, protocol.Binary, b) })
}

func FuzzDecodeJSON(f *testing.F) {
	for _, v := range vectors(f) {
		if v.JSONText != nil {
			f.Add([]byte(*v.JSONText))
		} else if !v.Invalid {
			f.Add([]byte(v.JSON))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { roundTrip(t, protocol.JSON, b) })
}

func roundTrip(t *testing.T, e protocol.Encoding, b []byte) {
	t.Helper()
	before := bytes.Clone(b)
	f, err := protocol.Decode(e, b)
	if !bytes.Equal(b, before) {
		t.Fatal("the input was changed")
	}
	if err != nil {
		if f != nil || !errors.Is(err, protocol.ErrMalformed) {
			t.Fatalf("%v, %v", f, err)
		}
		return
	}
	for _, e := range []protocol.Encoding{protocol.Binary, protocol.JSON} {
		text, err := protocol.Append(nil, e, f)
		if err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		g, err := protocol.Decode(e, text)
		if err != nil || !reflect.DeepEqual(f, g) {
			t.Fatalf("%v %q: %+v, want %+v, %v", e, text, g, f, err)
		}
	}
}

// Any MSG that can be written is read again.
func FuzzMsg(f *testing.F) {
	f.Add("a/b", uint64(1), uint64(0), uint64(3), true, []byte("x"))
	f.Add("\u2028\"\\", uint64(1<<53), uint64(1), uint64(0), false, []byte{0xff})
	f.Fuzz(func(t *testing.T, topic string, offset, previous, position uint64, wildcard bool, data []byte) {
		m := &protocol.Msg{Topic: topic, Wildcard: wildcard, Offset: offset, Previous: previous, Position: position, Data: data}
		for _, e := range []protocol.Encoding{protocol.Binary, protocol.JSON} {
			text, err := protocol.Append(nil, e, m)
			if err != nil {
				if !errors.Is(err, protocol.ErrUnencodable) {
					t.Fatal(err)
				}
				continue
			}
			g, err := protocol.Decode(e, text)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if got := g.(*protocol.Msg); !bytes.Equal(got.Data, m.Data) || got.Topic != m.Topic || got.Offset != m.Offset ||
				got.Previous != m.Previous || got.Position != m.Position || got.Wildcard != m.Wildcard {
				t.Fatalf("%+v, want %+v", got, m)
			}
		}
	})
}
