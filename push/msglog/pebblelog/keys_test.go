package pebblelog

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/weir-go/weir/push/msglog"
)

func FuzzRecord(f *testing.F) {
	for _, r := range []msglog.Record{
		{Position: 1, Time: 2},
		{Position: 1 << 52, Time: 1 << 41, Expires: 1 << 41, Publisher: "user\x00session", MessageID: "id", Data: []byte("data")},
	} {
		b := appendRecord(nil, &r)
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Add([]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r, again msglog.Record
		if err := parseRecord(b, &r); err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if err := parseRecord(appendRecord(nil, &r), &again); err != nil || !bytes.Equal(r.Data, again.Data) {
			t.Fatalf("%+v again is %+v: %v", r, again, err)
		}
		r.Data, again.Data = nil, nil
		if !reflect.DeepEqual(r, again) {
			t.Fatalf("%+v again is %+v", r, again)
		}
	})
}

func FuzzRow(f *testing.F) {
	f.Add(row{1, 2, 3, 3, 4, 1, 5, 6}.append(nil))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRow(b)
		if err == nil && !bytes.Equal(r.append(nil), b) {
			t.Errorf("%+v is not %x", r, b)
		}
	})
}

// TestForeign opens what is not a log of this version.
func TestForeign(t *testing.T) {
	for name, keys := range map[string]map[string][]byte{
		"another version": {"mformat": be.AppendUint64(nil, 2), "mepoch": be.AppendUint64(nil, 1)},
		"no log":          {"mother": be.AppendUint64(nil, 2)},
		"no epoch":        {"mformat": be.AppendUint64(nil, 1)},
		"a short number":  {"mformat": {1}},
		"a short topic":   {"mformat": be.AppendUint64(nil, 1), "mepoch": be.AppendUint64(nil, 1), "ta": {1}},
		"a short id":      {"mformat": be.AppendUint64(nil, 1), "mepoch": be.AppendUint64(nil, 1), "d12345678": {1}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			db, err := pebble.Open(dir, &pebble.Options{Logger: pebbleLogger{withLogger(Options{}).Logger, newDisk(nil)}})
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range keys {
				if err := db.Set([]byte(k), v, pebble.NoSync); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, withLogger(Options{})); !errors.Is(err, ErrFormat) {
				t.Error(err)
			}
		})
	}
}

// TestDamaged reads what somebody has broken.
func TestDamaged(t *testing.T) {
	l := open(t, t.TempDir(), Options{})
	defer l.Close()
	r := &msglog.Record{Topic: "a", Data: []byte("x")}
	if err := l.Append([]*msglog.Record{r}); err != nil {
		t.Fatal(err)
	}
	if err := l.engine.db.Set(key2(keyRecord, 1, 1), []byte{9}, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Read(nil, "a", 0, 1, 1); !errors.Is(err, ErrFormat) {
		t.Errorf("Read: %v", err)
	}
	if _, _, err := l.Scan(nil, func(string) bool { return true }, 0, 1, 1); !errors.Is(err, ErrFormat) {
		t.Errorf("Scan: %v", err)
	}
	if err := l.engine.db.Set(key1(keyPosition, 1), []byte{9}, pebble.NoSync); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Scan(nil, func(string) bool { return true }, 0, 1, 1); !errors.Is(err, ErrFormat) {
		t.Errorf("Scan: %v", err)
	}
}
