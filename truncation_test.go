package weir_test

import (
	"context"
	"crypto/sha256"
	"io"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// Close after a large write truncates nothing, though the reader is late, and
// though the peer has sent what nobody reads: the system would answer that with
// RST if the descriptor were just closed.
func TestCloseSendsEverything(t *testing.T) {
	for _, test := range []struct {
		name   string
		unread int // bytes that the peer sends and the server never reads
		later  int // bytes that the peer sends after the server's Close
		late   time.Duration
		end    func(s *weir.Server, c *weir.Conn)
	}{
		{name: "Close", late: 500 * time.Millisecond, end: func(_ *weir.Server, c *weir.Conn) { c.Close() }},
		{name: "unread", unread: 100_000, end: func(_ *weir.Server, c *weir.Conn) { c.Close() }},
		{name: "later", later: 100_000, end: func(_ *weir.Server, c *weir.Conn) { c.Close() }},
		{name: "panic", end: func(_ *weir.Server, c *weir.Conn) { c.Do(func(*weir.Conn) { panic("the test's") }) }},
		{name: "Shutdown", unread: 100_000, end: func(s *weir.Server, _ *weir.Conn) { go s.Shutdown(context.Background()) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				size := 5_000_000
				if test.late > 0 {
					size = 20_000_000
				}
				data := make([]byte, size)
				newNoise().rand.Read(data)
				conns := make(chan *weir.Conn, 1)
				s := &weir.Server{Handler: hooks{open: func(c *weir.Conn) { c.PauseRead(); conns <- c }}}
				s.Linger, s.Logger = patience, quiet()
				nc := dial(t, serve(t, m, s))
				nc.SetReadBuffer(64 << 10)
				c := receive(t, conns, "OnOpen")
				nc.Write(make([]byte, test.unread))
				if _, err := c.Write(data); err != nil {
					t.Fatal(err)
				}
				test.end(s, c)
				go nc.Write(make([]byte, test.later))
				time.Sleep(max(test.late, 20*time.Millisecond))
				got, err := io.ReadAll(nc)
				if err != nil || sha256.Sum256(got) != sha256.Sum256(data) {
					t.Errorf("%d bytes of %d arrived, %v", len(got), len(data), err)
				}
				nc.Close()
			})
		})
	}
}
