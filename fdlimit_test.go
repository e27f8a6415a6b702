//go:build unix

package weir_test

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/weir-go/weir"
)

// padDescriptors takes every descriptor below 1,024. The function gives them back.
func padDescriptors(t *testing.T) (release func()) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	var taken []int
	release = func() {
		for _, fd := range taken {
			syscall.Close(fd)
		}
		taken = nil
	}
	t.Cleanup(release)
	defer null.Close()
	for {
		fd, err := syscall.Dup(int(null.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, fd)
		if fd >= 1024 {
			return release
		}
	}
}

// Where select cannot watch a descriptor, its connection is refused, and the
// server serves the others.
func TestDescriptorsBeyondSelect(t *testing.T) {
	for _, m := range modes() {
		if m.Poller != weir.PollerSelect {
			continue
		}
		t.Run(m.Dispatch.String(), func(t *testing.T) {
			const more = 5
			s := &weir.Server{Handler: echo}
			var lines atomic.Int64
			s.Logger = slog.New(slog.NewTextHandler(lineCounter{&lines}, nil))
			addr := serve(t, m, s)
			early := dial(t, addr)
			pingOn(t, early)
			elsewhere, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer elsewhere.Close()

			release := padDescriptors(t)
			for range more {
				c := dial(t, addr)
				if err := tryPing(c); err == nil {
					t.Error("a connection is served that cannot be watched")
				}
			}
			client := &weir.Client{Handler: echo, Server: s}
			_, err = client.Dial(t.Context(), "tcp", elsewhere.Addr().String())
			var tooLarge *weir.FDTooLargeError
			if !errors.Is(err, weir.ErrFDTooLarge) || !errors.As(err, &tooLarge) || tooLarge.FD < 1024 || tooLarge.Limit != 1024 {
				t.Errorf("Dial returned %v", err)
			}
			pingOn(t, early)
			eventually(t, "they are counted", func() bool {
				st := s.Stats()
				return st.RejectedPoller == more+1 && st.Conns == 1
			})
			if n := lines.Load(); n > 1 {
				t.Errorf("%d lines were logged", n)
			}
			release()
			pingOn(t, dial(t, addr))
		})
	}
}
