//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// An inbox is a broadcast that is expected: one message that the server sends on
// every connection without having been asked.
type inbox struct {
	message []byte  // as it comes
	got     []int32 // bytes of it, by connection
	left    int     // connections that do not have all of it

	begin       int64 // when the server begins, by the load's clock
	delivered   int64
	first, last int64
	took        *hdrhistogram.Histogram // from begin to the last byte
}

// receive waits until every connection has a broadcast of size bytes that the
// server begins at the moment at, a reading of monotonic, but not for longer than
// limit from then on.
func (l *load) receive(size int, at int64, limit time.Duration) (count, error) {
	if size < 1 || size > 1<<30 {
		return l.tally(), fmt.Errorf("a broadcast of %d bytes", size)
	}
	message := l.script.broadcast(broadcastPayload(size))
	if message == nil {
		return l.tally(), errors.New("servers of this benchmark do not broadcast")
	}
	if limit <= 0 {
		limit = l.timeout
	}
	in := &inbox{
		message: message,
		got:     make([]int32, len(l.conns)),
		left:    l.opened,
		begin:   at - l.epoch,
		took:    newHistogram(),
	}
	l.inbox = in
	defer func() { l.inbox = nil }()
	for end := in.begin + int64(limit); in.left > 0 && l.clock() < end; {
		if err := l.step(end); err != nil {
			return l.tally(), err
		}
	}
	// What is still missing of a message would later be taken for an answer.
	for i, n := range in.got {
		if n > 0 && int(n) < len(message) && l.conns[i].fd != 0 {
			err := fmt.Errorf("connection %d: %d of the %d bytes of a broadcast have come after %v", i+1, n, len(message), limit)
			if err := l.broken(i, err); err != nil {
				return l.tally(), err
			}
		}
	}
	c := l.tally()
	c.Done = in.delivered
	if in.delivered > 0 {
		c.First, c.Last = in.first+l.epoch, in.last+l.epoch
	}
	var err error
	c.Histogram, err = encodeHistogram(in.took)
	return c, err
}

// deliver takes bytes that have come on connection i, which has asked for
// nothing.
func (l *load) deliver(i int, p []byte, now int64) error {
	in := l.inbox
	got := int(in.got[i])
	if len(p) > len(in.message)-got {
		return fmt.Errorf("connection %d: more has come than the broadcast", i+1)
	}
	if !bytes.Equal(p, in.message[got:got+len(p)]) {
		return fmt.Errorf("connection %d: what has come is not the broadcast", i+1)
	}
	got += len(p)
	in.got[i] = int32(got)
	if got == len(in.message) {
		in.left--
		in.delivered++
		if in.delivered == 1 {
			in.first = now
		}
		in.last = now
		record(in.took, now-in.begin)
	}
	return nil
}

// dismiss expects the broadcast no more on connection i, which ends.
func (in *inbox) dismiss(i int) {
	if int(in.got[i]) < len(in.message) {
		in.left--
	}
}
