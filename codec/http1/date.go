package http1

import (
	"sync/atomic"
	"time"
)

const dateLayout = "Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n"

// A dateLine is a Date field and the time until which it is right, by the monotonic
// clock: reading that alone takes half of what time.Now does.
type dateLine struct {
	until time.Duration // since dateEpoch
	line  string
}

var (
	dateEpoch = time.Now()
	dateCache atomic.Pointer[dateLine]
)

// AppendDate appends the Date field for now, "Date: Tue, 15 Nov 1994 08:12:31
// GMT\r\n" (RFC 9110, 6.6.1). The line is made once a second, by whoever finds
// the last one too old; a step of the system's clock shows with the next. It may
// be called from any goroutine.
func AppendDate(dst []byte) []byte {
	elapsed := time.Since(dateEpoch)
	d := dateCache.Load()
	if d == nil || elapsed >= d.until {
		d = newDateLine(time.Now())
		dateCache.Store(d)
	}
	return append(dst, d.line...)
}

func newDateLine(now time.Time) *dateLine {
	rest := time.Second - time.Duration(now.Nanosecond())
	return &dateLine{
		until: now.Sub(dateEpoch) + rest,
		line:  now.UTC().Format(dateLayout),
	}
}
