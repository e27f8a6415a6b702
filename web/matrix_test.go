package web_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/internal/testutil"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// patience bounds every wait of the tests. It is never meant to be used up.
const patience = 30 * time.Second

// mode is one combination of how a server can run.
type mode struct {
	poller   weir.PollerKind
	dispatch weir.Dispatch
}

// modes are all combinations that this system has.
func modes() []mode {
	pollers := []weir.PollerKind{weir.PollerSelect}
	if runtime.GOOS == "linux" {
		pollers = append(pollers, weir.PollerEpoll)
	}
	var all []mode
	for _, p := range pollers {
		for _, d := range []weir.Dispatch{weir.Pool, weir.Inline} {
			all = append(all, mode{p, d})
		}
	}
	return all
}

// eachMode runs a test in every combination of poller and dispatch.
func eachMode(t *testing.T, f func(t *testing.T, m mode)) {
	for _, m := range modes() {
		t.Run(m.poller.String()+"/"+m.dispatch.String(), func(t *testing.T) { f(t, m) })
	}
}

// serve runs s on 127.0.0.1 until the test ends, in the given mode, and returns
// the address.
func serve(t testing.TB, m mode, s *weir.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, m, s, ln)
	return ln.Addr().String()
}

func serveOn(t testing.TB, m mode, s *weir.Server, ln net.Listener) {
	t.Helper()
	s.Poller, s.Dispatch = m.poller, m.dispatch
	if s.Logger == nil {
		s.Logger = slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelError}))
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		select {
		case err := <-served:
			if !errors.Is(err, weir.ErrServerClosed) {
				t.Errorf("Serve returned %v", err)
			}
		case <-time.After(patience):
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

// quiet is a logger for tests that provoke errors.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// dial connects to addr; the connection is closed with the test.
func dial(t testing.TB, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

// receive waits for a value, as long as patience lasts.
func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("timed out waiting for %s", what)
		panic("unreachable")
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); {
		if time.Now().After(end) {
			t.Fatalf("timed out waiting until %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
