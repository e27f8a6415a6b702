package weir_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/weir-go/weir"
)

// A unix socket serves as TCP does, and its file is removed in the end.
func TestUnixSocket(t *testing.T) {
	for name, end := range map[string]func(s *weir.Server) error{
		"Shutdown": func(s *weir.Server) error { return s.Shutdown(context.Background()) },
		"Close":    func(s *weir.Server) error { return s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				// Not t.TempDir: the path of a socket has room for 107 bytes.
				dir, err := os.MkdirTemp("", "weir")
				if err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(dir)
				path := filepath.Join(dir, "socket")
				addrs := make(chan [2]net.Addr, 1)
				s := &weir.Server{MaxConnsPerIP: 1, Handler: hooks{
					open:  func(c *weir.Conn) { addrs <- [2]net.Addr{c.LocalAddr(), c.RemoteAddr()} },
					frame: func(c *weir.Conn, frame []byte) { c.Write(frame) },
				}}
				s.Poller, s.Dispatch = m.Poller, m.Dispatch
				served := make(chan error, 1)
				go func() { served <- s.ListenAndServe("unix", path) }()
				eventually(t, "it listens", func() bool { return len(s.Addrs()) > 0 })
				if a := s.Addrs()[0]; a.Network() != "unix" || a.String() != path {
					t.Errorf("it listens on %v", a)
				}
				for range 2 { // MaxConnsPerIP is not for unix sockets
					nc, err := net.Dial("unix", path)
					if err != nil {
						t.Fatal(err)
					}
					defer nc.Close()
					io.WriteString(nc, "ping")
					if _, err := io.ReadFull(nc, make([]byte, 4)); err != nil {
						t.Error(err)
					}
					a := receive(t, addrs, "OnOpen")
					if a[0].Network() != "unix" || a[0].String() != path || a[1].Network() != "unix" {
						t.Errorf("local %v, remote %v", a[0], a[1])
					}
				}
				if err := end(s); err != nil {
					t.Error(err)
				}
				if err := receive(t, served, "Serve"); !errors.Is(err, weir.ErrServerClosed) {
					t.Errorf("Serve returned %v", err)
				}
				if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("the file of the socket is left: %v", err)
				}
			})
		})
	}
}
