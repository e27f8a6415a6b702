package weir_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/weir-go/weir"
)

// Who waits in WaitWritable is told at once when there is nothing left to wait
// for, although the peer still does not read.
func TestWaitWritableEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(c *weir.Conn, cancel context.CancelFunc)
		want error
	}{
		{"Close", func(c *weir.Conn, _ context.CancelFunc) { c.Close() }, weir.ErrClosed},
		{"CloseWrite", func(c *weir.Conn, _ context.CancelFunc) { c.CloseWrite() }, weir.ErrClosed},
		{"Abort", func(c *weir.Conn, _ context.CancelFunc) { c.Abort() }, weir.ErrClosed},
		{"context", func(_ *weir.Conn, cancel context.CancelFunc) { cancel() }, context.Canceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				const waiters = 3
				_, c, _, _ := slow(t, m, weir.OverflowPause, nil)
				if _, err := push(c, gigabyte); !errors.Is(err, weir.ErrBacklog) {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				waiting, ended := make(chan struct{}), make(chan error, waiters)
				for range waiters {
					go func() {
						waiting <- struct{}{}
						ended <- c.WaitWritable(ctx)
					}()
				}
				for range waiters {
					receive(t, waiting, "a waiter")
				}
				test.end(c, cancel)
				for range waiters {
					if err := receive(t, ended, "WaitWritable"); !errors.Is(err, test.want) {
						t.Errorf("WaitWritable returned %v", err)
					}
				}
				c.Abort() // or Shutdown would wait
			})
		})
	}
}

// WriteOwned releases what it was given, once, whether it has been sent, was
// refused, or is discarded in the end.
func TestOwnedIsReleased(t *testing.T) {
	for _, test := range []struct {
		policy weir.Overflow
		want   error
	}{
		{weir.OverflowPause, weir.ErrBacklog},
		{weir.OverflowDrop, weir.ErrDropped},
		{weir.OverflowClose, weir.ErrSlowConsumer},
	} {
		t.Run(test.policy.String(), func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				_, c, _, closed := slow(t, m, test.policy, nil)
				var released []*atomic.Int32
				var err error
				for err == nil {
					count := new(atomic.Int32)
					released = append(released, count)
					err = c.WriteOwned(blank, func() { count.Add(1) })
				}
				if !errors.Is(err, test.want) {
					t.Errorf("WriteOwned returned %v", err)
				}
				c.Abort()
				receive(t, closed, "OnClose")
				for i, count := range released {
					if n := count.Load(); n != 1 {
						t.Errorf("message %d of %d was released %d times", i, len(released), n)
					}
				}
			})
		})
	}
}
