package logtest

import (
	"fmt"
	"testing"

	"github.com/weir-go/weir/push/msglog"
)

// Bench measures Append of groups and Read of 50 records, all of 128 bytes.
func Bench(b *testing.B, k Kind) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprint("Append/", size), func(b *testing.B) {
			l := k.New(b, Settings{Directory: b.TempDir()})
			defer l.Close()
			data := make([]byte, 128)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				group := make([]*msglog.Record, size)
				for n := range group {
					group[n] = &msglog.Record{Topic: fmt.Sprint("t", n%10), Data: data, Publisher: "p", MessageID: fmt.Sprint(i, ".", n)}
				}
				if err := l.Append(group); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("Read/50", func(b *testing.B) {
		l := k.New(b, Settings{Directory: b.TempDir()})
		defer l.Close()
		l.Watch("t", true)
		for range 1000 {
			put(b, l, message("t", string(make([]byte, 128))))
		}
		var dst []*msglog.Record
		b.ReportAllocs()
		for b.Loop() {
			var err error
			if dst, _, err = l.Read(dst[:0], "t", 900, 50, all); err != nil || len(dst) != 50 {
				b.Fatal(len(dst), err)
			}
		}
	})
}
