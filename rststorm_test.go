package weir_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// Connections that are reset while they are accepted, read and written concern
// nobody else: others are served all the while.
func TestResetStorm(t *testing.T) {
	for _, storm := range []struct {
		name string
		end  func(nc *net.TCPConn) // before it is reset
	}{
		{"accept", func(*net.TCPConn) {}},
		{"read", func(nc *net.TCPConn) { nc.Write(make([]byte, 30_000)) }},
		{"write", func(nc *net.TCPConn) { nc.Write([]byte("flood")); nc.Read(make([]byte, 100)) }},
	} {
		t.Run(storm.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				j := newJudge(t, hooks{frame: func(c *weir.Conn, frame []byte) {
					if string(frame) == "flood" {
						for range 20 {
							c.Write(make([]byte, 50_000))
						}
						return
					}
					c.Write(frame)
				}})
				s := &weir.Server{Handler: j}
				addr := serve(t, m, s)
				over := make(chan struct{})
				var others sync.WaitGroup
				for range 4 {
					nc := dial(t, addr)
					others.Go(func() {
						buf := make([]byte, 4)
						for pings := 0; ; pings++ {
							select {
							case <-over:
								if pings == 0 {
									t.Error("not served once during the storm")
								}
								return
							default:
							}
							nc.SetDeadline(time.Now().Add(patience))
							io.WriteString(nc, "ping")
							if _, err := io.ReadFull(nc, buf); err != nil || string(buf) != "ping" {
								t.Errorf("during the storm: %q, %v", buf, err)
								return
							}
						}
					})
				}
				n := less(200)
				inParallel(n, 16, func(int) {
					nc, err := net.DialTimeout("tcp", addr, patience)
					if err != nil {
						t.Error(err)
						return
					}
					storm.end(nc.(*net.TCPConn))
					nc.(*net.TCPConn).SetLinger(0)
					nc.Close()
				})
				eventually(t, "the storm is over", func() bool {
					st := s.Stats()
					return st.Accepted == uint64(n+4) && st.Conns == 4
				})
				close(over)
				others.Wait()
				if p := s.Stats().Panics; p != 0 {
					t.Errorf("%d panics", p)
				}
			})
		})
	}
}
