//go:build unix

package weir

import (
	"context"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Who has connected before Serve was called gets the options of the sockets, too:
// they cannot have been inherited.
func TestOptionsOfEarlyConnections(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan int, 1)
	s := &Server{Handler: openFunc(func(c *Conn) {
		c.option(func(fd int) error {
			v, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY)
			opened <- v
			return err
		})
	})}
	for _, when := range []string{"early", "late"} {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if when == "early" {
			go s.Serve(ln)
			defer s.Shutdown(context.Background())
		}
		select {
		case v := <-opened:
			if v == 0 {
				t.Errorf("the %s connection has Nagle's algorithm on", when)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("timed out waiting for OnOpen")
		}
	}
}
