package pebblelog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/weir-go/weir/push/msglog"
)

// mountSmall returns a directory on a disk of so many MiB, if that is allowed here.
func mountSmall(t *testing.T, size int) string {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", size)); err != nil {
		t.Skipf("mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// TestFullDisk fills a real, small disk, with and without the room that is kept free.
func TestFullDisk(t *testing.T) {
	for _, row := range []struct {
		name string
		o    Options
	}{
		{"to the end", Options{MinFree: -1}},
		{"but for some", Options{MinFree: 6 << 20}},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := mountSmall(t, 24)
			filler := filepath.Join(dir, "filler")
			if err := os.WriteFile(filler, make([]byte, 12<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			row.o.MemTable, row.o.retry = 1<<20, time.Millisecond
			l := open(t, filepath.Join(dir, "log"), row.o)
			defer func() { l.Close() }()
			last := fill(t, l, 0)
			for range 10 { // it stays so
				last = fill(t, l, last)
			}
			verify(t, l, last)
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			for n, until := 0, time.Now().Add(10*time.Second); n < 50; {
				err := l.Append([]*msglog.Record{noise(n)})
				switch {
				case err == nil:
					n++
					last++
				case n > 0 || time.Now().After(until): // it is looked at now and then only
					t.Fatalf("with room again: %v", err)
				default:
					time.Sleep(time.Millisecond)
				}
			}
			verify(t, l, last)
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			l = open(t, filepath.Join(dir, "log"), row.o)
			verify(t, l, last)
		})
	}
}

// noise is a message that cannot be compressed.
func noise(n int) *msglog.Record {
	b := make([]byte, 20_000)
	x := uint64(n)*0x9e3779b97f4a7c15 + 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
	return &msglog.Record{Topic: "a", Data: b}
}

// fill appends until it fails.
func fill(t *testing.T, l *Log, last uint64) uint64 {
	t.Helper()
	for n := range 2000 {
		if err := l.Append([]*msglog.Record{noise(n)}); err != nil {
			if !errors.Is(err, msglog.ErrUnavailable) {
				t.Fatal(err)
			}
			return last
		}
		last++
	}
	t.Fatal("the disk does not get full")
	return 0
}

func verify(t *testing.T, l *Log, last uint64) {
	t.Helper()
	got, next, err := l.Read(nil, "a", 0, 1<<30, 1<<30)
	if err != nil || uint64(len(got)) != last || next != last {
		t.Fatalf("%d messages up to %d, want %d: %v", len(got), next, last, err)
	}
	for i, r := range got {
		if r.Offset != uint64(i+1) || len(r.Data) != 20_000 {
			t.Fatalf("number %d is %d with %d bytes", i, r.Offset, len(r.Data))
		}
	}
}
