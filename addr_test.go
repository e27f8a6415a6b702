package weir_test

import (
	"net"
	"sync"
	"testing"

	"github.com/weir-go/weir"
)

// The addresses of a connection are those that the peer sees, exchanged, whether
// the listener is on one address or on all, and for both versions of IP.
func TestAddresses(t *testing.T) {
	for _, test := range []struct{ network, listen, dial string }{
		{"tcp4", "127.0.0.1:0", "127.0.0.1"},
		{"tcp4", "0.0.0.0:0", "127.0.0.1"},
		{"tcp4", "0.0.0.0:0", "127.0.0.2"},
		{"tcp6", "[::1]:0", "::1"},
		{"tcp", "[::]:0", "::1"},
		{"tcp", "[::]:0", "127.0.0.1"},
	} {
		t.Run(test.network+" "+test.listen+" "+test.dial, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				ln, err := net.Listen(test.network, test.listen)
				if err != nil {
					t.Skipf("this system has no such address: %v", err)
				}
				conns := make(chan *weir.Conn, 1)
				s := &weir.Server{Handler: hooks{open: func(c *weir.Conn) { conns <- c }}}
				serveOn(t, m, s, ln)
				_, port, _ := net.SplitHostPort(ln.Addr().String())
				nc, err := net.DialTimeout("tcp", net.JoinHostPort(test.dial, port), patience)
				if err != nil {
					t.Skipf("this system has no such address: %v", err)
				}
				defer nc.Close()
				c := receive(t, conns, "OnOpen")
				if got, want := c.LocalAddr().String(), nc.RemoteAddr().String(); got != want {
					t.Errorf("LocalAddr %s, want %s", got, want)
				}
				if got, want := c.RemoteAddr().String(), nc.LocalAddr().String(); got != want {
					t.Errorf("RemoteAddr %s, want %s", got, want)
				}
				if got, want := c.RemoteAddrPort(), nc.LocalAddr().(*net.TCPAddr).AddrPort(); got != want {
					t.Errorf("RemoteAddrPort %s, want %s", got, want)
				}
				for _, a := range []net.Addr{c.LocalAddr(), c.RemoteAddr()} {
					if _, ok := a.(*net.TCPAddr); !ok || a.Network() != "tcp" {
						t.Errorf("%v is a %T on %s", a, a, a.Network())
					}
				}
			})
		})
	}
}

// No two connections have the same ID, also if one takes the place of another.
func TestIDsAreUnique(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		var ids sync.Map
		j := newJudge(t, hooks{open: func(c *weir.Conn) {
			if _, again := ids.LoadOrStore(c.ID(), true); again {
				t.Errorf("ID %x twice", c.ID())
			}
		}})
		addr := serve(t, m, &weir.Server{Handler: j})
		n := less(500)
		inParallel(n, 8, func(int) {
			nc, err := net.DialTimeout("tcp", addr, patience)
			if err != nil {
				t.Error(err)
				return
			}
			nc.Close()
		})
		j.settled(int64(n))
	})
}
