package weir_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/weir-go/weir"
)

// On Linux every address of 127.0.0.0/8 is this machine.
func TestMaxConnsPerIP(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		const limit = 3
		s := &weir.Server{Handler: echo, MaxConnsPerIP: limit}
		s.Logger = quiet()
		addr := serve(t, m, s)
		from := func(host int) net.Conn {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(fmt.Sprintf("127.0.0.%d", host))}}
			c, err := d.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			return c
		}
		var conns []net.Conn
		for host := 2; host < 6; host++ {
			for range limit {
				c := from(host)
				pingOn(t, c)
				conns = append(conns, c)
			}
			ends(t, from(host))
		}
		if st := s.Stats(); st.RejectedPerIP != 4 || st.Conns != len(conns) {
			t.Errorf("%+v", st)
		}
		conns[0].Close()
		eventually(t, "the connection has ended", func() bool { return s.Stats().Conns == len(conns)-1 })
		pingOn(t, from(2))
		ends(t, from(2))
	})
}
