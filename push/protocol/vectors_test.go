package protocol_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"

	"github.com/weir-go/weir/push/protocol"
)

// vector is an entry of testdata/vectors.json, which PROTOCOL.md describes.
type vector struct {
	Name     string          `json:"name"`
	Frame    string          `json:"frame"`
	From     string          `json:"from"`
	Binary   *string         `json:"binary"`
	JSON     json.RawMessage `json:"json"`
	JSONText *string         `json:"json_text"`
	Invalid  bool            `json:"invalid"`
}

func (v *vector) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(*v.Binary)
	if err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	return b
}

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var list []vector
	if err := d.Decode(&list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestVectors(t *testing.T) {
	seen := map[string]int{}
	for _, v := range vectors(t) {
		if v.Invalid {
			testInvalid(t, &v)
			continue
		}
		seen[v.Frame]++
		b := v.bytes(t)
		f, err := protocol.Decode(protocol.Binary, b)
		if err != nil {
			t.Errorf("%s: binary: %v", v.Name, err)
			continue
		}
		g, err := protocol.Decode(protocol.JSON, v.JSON)
		if err != nil {
			t.Errorf("%s: JSON: %v", v.Name, err)
			continue
		}
		if !reflect.DeepEqual(f, g) {
			t.Errorf("%s: %+v in binary, %+v in JSON", v.Name, f, g)
		}
		if f.Type().String() != v.Frame || v.From != "client" && v.From != "server" {
			t.Errorf("%s: frame %q from %q", v.Name, v.Frame, v.From)
		}
		if again, err := protocol.Append(nil, protocol.Binary, f); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: %x, want %x, %v", v.Name, again, b, err)
		}
		again, err := protocol.Append(nil, protocol.JSON, f)
		if err != nil || !reflect.DeepEqual(object(t, again), object(t, v.JSON)) {
			t.Errorf("%s: %s, want %s, %v", v.Name, again, v.JSON, err)
		}
	}
	for _, typ := range protocol.Types() {
		if seen[typ.String()] < 2 {
			t.Errorf("%v has %d vectors", typ, seen[typ.String()])
		}
	}
}

func testInvalid(t *testing.T, v *vector) {
	t.Helper()
	var err error
	switch {
	case v.Binary != nil:
		_, err = protocol.Decode(protocol.Binary, v.bytes(t))
	case v.JSONText != nil:
		_, err = protocol.Decode(protocol.JSON, []byte(*v.JSONText))
	}
	if !errors.Is(err, protocol.ErrMalformed) {
		t.Errorf("%s: error %v", v.Name, err)
		return
	}
	if len(err.Error()) > 150 {
		t.Errorf("%s: the error has %d bytes", v.Name, len(err.Error()))
	}
	t.Logf("%s: %v", v.Name, err)
}

// object returns what is in a JSON object, numbers as they are written.
func object(t testing.TB, b []byte) (m map[string]any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return m
}
