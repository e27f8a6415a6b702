//go:build unix

package weir_test

import (
	"bytes"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"

	"github.com/weir-go/weir"
)

// System calls that a signal interrupts are repeated, or waited for again.
func TestSignalsInterruptNothing(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	defer signal.Stop(signals)
	eachMode(t, func(t *testing.T, m mode) {
		stop := make(chan struct{})
		var storm sync.WaitGroup
		storm.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					syscall.Kill(os.Getpid(), syscall.SIGUSR1)
				}
			}
		})
		defer storm.Wait()
		defer close(stop)

		s := &weir.Server{Handler: echo}
		s.Socket.WriteBuffer = 16 << 10
		addr := serve(t, m, s)
		for range 3 {
			nc := dial(t, addr)
			want := bytes.Repeat([]byte("weir"), less(100_000))
			go nc.Write(want)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(nc, got); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("the echo differs, %v", err)
			}
			nc.Close()
		}
	})
}
