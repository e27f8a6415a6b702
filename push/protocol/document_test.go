package protocol_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/weir-go/weir/push/protocol"
)

// PROTOCOL.md has every frame, field and code, and the examples in it are vectors.
func TestDocument(t *testing.T) {
	file, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(file), "\r\n", "\n")
	for _, typ := range protocol.Types() {
		name := strings.ToUpper(typ.String())
		for _, want := range []string{
			fmt.Sprintf("| %d | [%s](#", typ, name),
			fmt.Sprintf("| 0x%02x ", byte(typ)),
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%v: there is no %q", typ, want)
			}
		}
		if !strings.Contains(text, "\n### "+name+"\n") && typ != protocol.TypePing && typ != protocol.TypePong {
			t.Errorf("%v: there is no section", typ)
		}
	}
	for _, f := range valid(t) {
		fields(reflect.TypeOf(f).Elem(), func(name string) {
			if !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "`"+name+"?`") {
				t.Errorf("%v: there is no field %q", f.Type(), name)
			}
		})
	}
	for _, c := range protocol.Codes() {
		if want := fmt.Sprintf("\n| %d | %v | ", c, c); !strings.Contains(text, want) {
			t.Errorf("there is no row %q", want)
		}
	}
	checkExamples(t, text)
}

// fields calls f with the JSON names of the fields of a struct.
func fields(typ reflect.Type, f func(name string)) {
	for i := range typ.NumField() {
		field := typ.Field(i)
		if field.Anonymous {
			fields(field.Type, f)
		} else if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "-" {
			f(name)
		}
	}
}

func checkExamples(t *testing.T, text string) {
	t.Helper()
	byName := map[string]vector{}
	for _, v := range vectors(t) {
		byName[v.Name] = v
	}
	seen := map[string]bool{}
	for _, block := range strings.Split(text, "```vector\n")[1:] {
		block, _, _ = strings.Cut(block, "\n```")
		lines := strings.Split(block, "\n")
		v, ok := byName[lines[0]]
		if !ok || v.Invalid || len(lines) < 3 {
			t.Errorf("there is no vector %q", lines[0])
			continue
		}
		seen[v.Frame] = true
		last := len(lines) - 1
		b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(lines[1:last], ""), " ", ""))
		if err != nil || string(b) != string(v.bytes(t)) {
			t.Errorf("%s: the bytes are not those of the vector: %x, %v", v.Name, b, err)
		}
		if !reflect.DeepEqual(object(t, []byte(lines[last])), object(t, v.JSON)) {
			t.Errorf("%s: the JSON is not that of the vector", v.Name)
		}
	}
	for _, typ := range protocol.Types() {
		if !seen[typ.String()] {
			t.Errorf("%v has no example", typ)
		}
	}
}
