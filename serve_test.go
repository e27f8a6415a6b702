package weir_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// ping fails unless an echo server answers at addr.
func ping(t testing.TB, addr string) {
	t.Helper()
	nc := dial(t, addr)
	defer nc.Close()
	pingOn(t, nc)
}

// A server may be given a listener as a descriptor, as systemd does.
func TestServeFile(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f, err := ln.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		s := &weir.Server{Handler: echo}
		s.Poller, s.Dispatch = m.Poller, m.Dispatch
		served := make(chan error, 1)
		go func() { served <- s.ServeFile(f) }()
		eventually(t, "it listens", func() bool { return len(s.Addrs()) == 1 })
		ping(t, ln.Addr().String())
		if err := f.Close(); err == nil {
			t.Error("ServeFile has not closed the file")
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := receive(t, served, "Serve"); err != weir.ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
	})
}

// otherListener is a listener whose Accept is not the system's.
type otherListener struct {
	net.Listener
	closed bool
}

func (l *otherListener) Close() error { l.closed = true; return l.Listener.Close() }

// A listener that cannot be served is refused, and closed, and concerns no other
// listener of the server. A server without any is as it was before.
func TestListenerOfAnotherType(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Handler: echo}
		s.Poller, s.Dispatch = m.Poller, m.Dispatch
		refused := func() {
			t.Helper()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			other := &otherListener{Listener: ln}
			if err := s.Serve(other); !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("Serve returned %v", err)
			}
			if !other.closed {
				t.Error("the listener is open")
			}
		}
		refused()
		addr := serve(t, m, s)
		eventually(t, "it listens", func() bool { return len(s.Addrs()) == 1 })
		nc := dial(t, addr)
		pingOn(t, nc)
		refused()
		if err := s.ListenAndServe("tcp", addr); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("ListenAndServe on an address in use returned %v", err)
		}
		ping(t, addr)
		pingOn(t, nc) // a connection from before
		if n := len(s.Addrs()); n != 1 {
			t.Errorf("%d addresses are listened on", n)
		}
	})
}

// Serve may be called for several listeners, also at the same time, and all of
// the calls return when the server ends.
func TestServeTwice(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Handler: echo}
		s.Poller, s.Dispatch = m.Poller, m.Dispatch
		var addrs []string
		served := make(chan error, 3)
		for range 3 {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addrs = append(addrs, ln.Addr().String())
			go func() { served <- s.Serve(ln) }()
		}
		eventually(t, "all are listened on", func() bool { return len(s.Addrs()) == 3 })
		for _, addr := range addrs {
			ping(t, addr)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		for range addrs {
			if err := receive(t, served, "Serve"); err != weir.ErrServerClosed {
				t.Errorf("Serve returned %v", err)
			}
		}
		for _, addr := range addrs {
			if _, err := net.DialTimeout("tcp", addr, patience); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("after Shutdown, to dial is answered with %v", err)
			}
		}
		if err := s.ListenAndServe("tcp", "127.0.0.1:0"); err != weir.ErrServerClosed {
			t.Errorf("ListenAndServe after Shutdown returned %v", err)
		}
		if n := len(s.Addrs()); n != 0 {
			t.Errorf("%d addresses are listened on", n)
		}
	})
}

// Servers and listeners that come and go while others fail.
func TestServeRacesFailure(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		for range less(20) {
			s := &weir.Server{Handler: echo}
			s.Poller, s.Dispatch = m.Poller, m.Dispatch
			var calls sync.WaitGroup
			for range 4 {
				calls.Go(func() { s.ListenAndServe("tcp", "127.0.0.1:0") })
				calls.Go(func() { s.ListenAndServe("tcp", "192.0.2.1:0") }) // nobody's address
			}
			eventually(t, "it listens", func() bool { return len(s.Addrs()) > 0 })
			ping(t, s.Addrs()[0].String())
			s.Close()
			calls.Wait()
		}
	})
}

// With ReusePort each loop has a listening socket of its own.
func TestReusePort(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Handler: echo, ReusePort: true}
		s.Poller, s.Dispatch, s.Loops = m.Poller, m.Dispatch, 4
		served := make(chan error, 1)
		go func() { served <- s.ListenAndServe("tcp", "127.0.0.1:0") }()
		eventually(t, "all loops listen", func() bool { return len(s.Addrs()) == 4 })
		addr := s.Addrs()[0].String()
		for _, a := range s.Addrs() {
			if a.String() != addr {
				t.Errorf("it listens on %s and on %s", addr, a)
			}
		}
		for range 50 {
			ping(t, addr)
		}
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := receive(t, served, "Serve"); err != weir.ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
	})
}

// A server that has never served can be closed, and does not serve then.
func TestCloseBeforeServe(t *testing.T) {
	s := &weir.Server{Handler: echo}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(ln); err != weir.ErrServerClosed {
		t.Errorf("Serve returned %v", err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Error("the listener is open")
	}
	if err := s.Go(func() {}); err != weir.ErrServerClosed {
		t.Errorf("Go returned %v", err)
	}
	s.Each(func(*weir.Conn) { t.Error("a connection") })
	if st := s.Stats(); st != (weir.Stats{}) {
		t.Errorf("Stats %+v", st)
	}
}

// Each and Broadcast reach every connection.
func TestEachAndBroadcast(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		s := &weir.Server{Handler: echo, Config: weir.Config{Loops: 3}}
		addr := serve(t, m, s)
		const conns = 20
		var ncs []*net.TCPConn
		for range conns {
			ncs = append(ncs, dial(t, addr))
		}
		eventually(t, "all are open", func() bool { return s.Stats().Conns == conns })
		seen := make(chan uint64, 2*conns)
		s.Each(func(c *weir.Conn) { seen <- c.ID() })
		ids := map[uint64]bool{}
		for range conns {
			ids[receive(t, seen, "Each")] = true
		}
		if len(ids) != conns {
			t.Errorf("Each reached %d of %d", len(ids), conns)
		}
		msg, err := weir.NewMessage(framed, []byte("to all"))
		if err != nil {
			t.Fatal(err)
		}
		s.Broadcast(msg)
		msg.Release()
		for _, nc := range ncs {
			got := make([]byte, 10)
			if _, err := io.ReadFull(nc, got); err != nil || string(got[4:]) != "to all" {
				t.Errorf("got %q, %v", got, err)
			}
		}
		select {
		case <-seen:
			t.Error("Each reached a connection twice")
		case <-time.After(time.Millisecond):
		}
	})
}
