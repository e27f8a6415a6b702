package http1_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir/codec/http1"
)

func TestAppendDate(t *testing.T) {
	before := time.Now().Truncate(time.Second)
	line := string(http1.AppendDate([]byte("x")))
	after := time.Now()
	value, ok := strings.CutPrefix(strings.TrimSuffix(line, "\r\n"), "xDate: ")
	date, err := http.ParseTime(value)
	if !ok || err != nil || date.Before(before) || date.After(after) || value != date.Format(http.TimeFormat) {
		t.Errorf("%q, error %v, between %v and %v", line, err, before, after)
	}
}

// TestAppendDateMovesOn lets goroutines cross a second together: none of them
// gets a date older than the one before, or than a second when it asked.
func TestAppendDateMovesOn(t *testing.T) {
	start := time.Now().Truncate(time.Second)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			var buf []byte
			for last := start; !last.After(start); {
				before := time.Now().Truncate(time.Second).Add(-time.Second)
				buf = http1.AppendDate(buf[:0])
				date, err := http.ParseTime(string(buf[len("Date: ") : len(buf)-2]))
				if err != nil || date.Before(before) || date.Before(last) {
					t.Errorf("%q, error %v, not before %v or %v", buf, err, before, last)
					return
				}
				last = date
			}
		})
	}
	wg.Wait()
}
