package client_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/internal/testutil"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/gateway"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/web"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// patience bounds every wait. It is never meant to be used up.
const patience = 20 * time.Second

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("timed out waiting until %s", what)
		}
	}
}

// receive waits for a value.
func receive[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("timed out waiting for %s", what)
		panic("unreachable")
	}
}

// patiently is a context for what should not take long.
func patiently(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// transport is how a client connects.
type transport struct {
	name     string
	encoding protocol.Encoding
	socket   bool
}

var transports = []transport{
	{"tcp", protocol.Binary, false},
	{"ws binary", protocol.Binary, true},
	{"ws json", protocol.JSON, true},
}

func eachTransport(t *testing.T, f func(t *testing.T, tr transport)) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) { f(t, tr) })
	}
}

// served is a push server with both transports, on free ports.
type served struct {
	*push.Server
	tcpAt, webAt string
	conns        []*weir.Server
}

// serve serves until the test ends. at are addresses to listen on, or empty.
func serve(t testing.TB, c push.Config, at ...string) *served {
	t.Helper()
	c.Logger = slog.New(slog.DiscardHandler)
	p, err := push.New(c)
	if err != nil {
		t.Fatal(err)
	}
	v := &served{Server: p}
	o := gateway.Options{Ping: c.Ping}
	for i, h := range []weir.Handler{gateway.TCP(p, o), web.Handler(gateway.WebSocket(p, o))} {
		config := gateway.Config(weir.Config{Loops: 1, Logger: c.Logger})
		s := &weir.Server{Handler: h, Config: config}
		addr := "127.0.0.1:0"
		if i < len(at) {
			addr = at[i]
		}
		ln := listen(t, addr)
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ln) }()
		t.Cleanup(func() {
			s.Close()
			if err := <-ended; !errors.Is(err, weir.ErrServerClosed) {
				t.Errorf("Serve: %v", err)
			}
		})
		v.conns = append(v.conns, s)
		if i == 0 {
			v.tcpAt = ln.Addr().String()
		} else {
			v.webAt = ln.Addr().String()
		}
	}
	t.Cleanup(v.stop)
	return v
}

// stop ends the server at once.
func (v *served) stop() {
	for _, s := range v.conns {
		s.Close()
	}
	v.Server.Close()
}

// cut aborts all connections.
func (v *served) cut() {
	for _, s := range v.conns {
		s.Each(func(c *weir.Conn) { c.Abort() })
	}
}

func listen(t testing.TB, addr string) (ln net.Listener) {
	t.Helper()
	eventually(t, "the address is free", func() (ok bool) {
		var err error
		ln, err = net.Listen("tcp", addr)
		return err == nil
	})
	return ln
}

func (v *served) url(tr transport) string {
	if tr.socket {
		return "ws://" + v.webAt + "/ws"
	}
	return "tcp://" + v.tcpAt
}

// soon is a Random that makes waiting short.
func soon() float64 { return 0.005 }

// group makes a Group that ends with the test.
func group(t testing.TB, c client.GroupConfig) *client.Group {
	t.Helper()
	if c.Random == nil {
		c.Random = soon
	}
	c.Net.Loops, c.Net.Linger = 1, 100*time.Millisecond
	c.Net.Logger = slog.New(slog.DiscardHandler)
	g, err := client.NewGroup(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

// open makes a Client that is closed when the test ends.
func open(t testing.TB, c client.Config) *client.Client {
	t.Helper()
	if c.Group == nil {
		c.Group = group(t, client.GroupConfig{})
	}
	cl, err := client.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := cl.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return cl
}

// start is open, and Start.
func start(t testing.TB, c client.Config) *client.Client {
	t.Helper()
	cl := open(t, c)
	if err := cl.Start(); err != nil {
		t.Fatal(err)
	}
	return cl
}

// states records what OnState is told.
type states struct {
	mu  sync.Mutex
	all []client.StateChange
}

func (s *states) add(c client.StateChange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, c)
}

// of returns those of a state.
func (s *states) of(state client.State) (found []client.StateChange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		if c.State == state {
			found = append(found, c)
		}
	}
	return found
}

// record is what callbacks have received.
type record struct {
	mu  sync.Mutex
	got []string
}

func (r *record) message(m client.Message) { r.add(string(m.Data)) }

func (r *record) add(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, s)
}

func (r *record) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// await waits until as many have come, and compares.
func (r *record) await(t testing.TB, want ...string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for len(r.list()) < len(want) && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if got := r.list(); !slices.Equal(got, want) {
		t.Fatalf("received %q, not %q", got, want)
	}
}
