package weir_test

import (
	"io"
	"math"
	"testing"
	"time"

	"github.com/weir-go/weir"
)

// Times beyond what the clock can hold mean "never", not "at once".
func TestFarFuture(t *testing.T) {
	const forever = time.Duration(math.MaxInt64)
	eachMode(t, func(t *testing.T, m mode) {
		fired := make(chan struct{}, 1)
		addr := serve(t, m, &weir.Server{
			Config: weir.Config{IdleTimeout: forever, HandshakeTimeout: forever, WriteTimeout: forever, Linger: forever},
			Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
				c.SetReadDeadline(time.Now().Add(forever))
				c.SetWriteDeadline(time.Unix(1<<60, 0))
				c.SetIdleTimeout(forever)
				if _, err := c.AfterFunc(forever, func(*weir.Conn) { fired <- struct{}{} }); err != nil {
					t.Error(err)
				}
				c.Write(frame)
			}),
		})
		c := dial(t, addr)
		for range 20 {
			io.WriteString(c, "x")
			if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond) // for a timer that is wrongly due
		}
		select {
		case <-fired:
			t.Error("a timer for the end of time has fired")
		default:
		}
	})
}
