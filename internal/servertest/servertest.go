// Package servertest has tests run a server in every mode that it has. It is apart
// from testutil because it imports weir, which the tests within weir cannot.
package servertest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// Patience bounds every wait of the tests. It is never meant to be used up.
const Patience = 30 * time.Second

// Mode is one combination of how a server can run.
type Mode struct {
	Poller   weir.PollerKind
	Dispatch weir.Dispatch
}

// Modes are all combinations that this system has.
func Modes() []Mode {
	pollers := []weir.PollerKind{weir.PollerSelect}
	if runtime.GOOS == "linux" {
		pollers = append(pollers, weir.PollerEpoll)
	}
	var all []Mode
	for _, p := range pollers {
		for _, d := range []weir.Dispatch{weir.Pool, weir.Inline} {
			all = append(all, Mode{p, d})
		}
	}
	return all
}

// Each runs a test in every combination of poller and dispatch.
func Each(t *testing.T, f func(t *testing.T, m Mode)) {
	for _, m := range Modes() {
		t.Run(m.Poller.String()+"/"+m.Dispatch.String(), func(t *testing.T) { f(t, m) })
	}
}

// Serve runs s on 127.0.0.1 until the test ends, in the given mode, and returns
// the address.
func Serve(t testing.TB, m Mode, s *weir.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ServeOn(t, m, s, ln)
	return ln.Addr().String()
}

func ServeOn(t testing.TB, m Mode, s *weir.Server, ln net.Listener) {
	t.Helper()
	s.Poller, s.Dispatch = m.Poller, m.Dispatch
	if s.Logger == nil {
		s.Logger = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		select {
		case err := <-served:
			if !errors.Is(err, weir.ErrServerClosed) {
				t.Errorf("Serve returned %v", err)
			}
		case <-time.After(Patience):
			t.Error("Serve did not return")
		}
	})
}

// testWriter sends log lines to the test's log.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

// Quiet is a logger for tests that provoke errors.
func Quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// Dial connects to addr; the connection is closed with the test.
func Dial(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, Patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(Patience))
	return c.(*net.TCPConn)
}

// Receive waits for a value, as long as Patience lasts.
func Receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(Patience):
		t.Fatalf("timed out waiting for %s", what)
		panic("unreachable")
	}
}

// Eventually waits for a condition.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !cond(); {
		if time.Now().After(end) {
			t.Fatalf("timed out waiting until %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
