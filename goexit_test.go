package weir_test

import (
	"io"
	"runtime"
	"testing"

	"github.com/weir-go/weir"
)

// runtime.Goexit in a callback ends its connection as a panic does, and costs
// neither a worker nor a loop: with one of each, many times in a row, while another
// connection goes on.
func TestGoexitInCallback(t *testing.T) {
	for _, where := range []string{"OnOpen", "OnFrame", "OnClose", "Do"} {
		t.Run(where, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				maybe := func(here string) {
					if here == where {
						runtime.Goexit()
					}
				}
				closed := make(chan error, 100)
				h := hooks{
					open: func(*weir.Conn) { maybe("OnOpen") },
					frame: func(c *weir.Conn, frame []byte) {
						c.Write(frame)
						if string(frame) == "go on" {
							return
						}
						c.Do(func(*weir.Conn) { maybe("Do") })
						maybe("OnFrame")
						c.Close()
					},
					close: func(_ *weir.Conn, err error) {
						closed <- err
						maybe("OnClose")
					},
				}
				j := newJudge(t, h)
				s := &weir.Server{Handler: j, Config: weir.Config{Loops: 1, Workers: 1, Logger: quiet()}}
				addr := serve(t, m, s)
				witness := dial(t, addr)
				const n = 10
				for range n {
					nc := dial(t, addr)
					io.WriteString(nc, "x")
					if got, err := io.ReadAll(nc); where != "OnOpen" && (string(got) != "x" || err != nil) {
						t.Fatalf("got %q, %v", got, err)
					}
					nc.Close()
					want := is(weir.ErrGoexit)
					if where == "OnClose" || where == "Do" {
						want = is(nil)
					}
					if err := receive(t, closed, "OnClose"); !want(err) {
						t.Errorf("OnClose got %v", err)
					}
				}
				if where != "OnOpen" {
					io.WriteString(witness, "go on")
					if _, err := io.ReadFull(witness, make([]byte, 5)); err != nil {
						t.Error(err)
					}
				}
				witness.Close()
				receive(t, closed, "OnClose of the witness")
				j.settled(n + 1)
				if err := s.Go(runtime.Goexit); err != nil {
					t.Fatal(err)
				}
				ran := make(chan struct{})
				if err := s.Go(func() { close(ran) }); err != nil {
					t.Fatal(err)
				}
				receive(t, ran, "a function of Go")
				eventually(t, "every exit is counted", func() bool { return s.Stats().Panics >= n })
			})
		})
	}
}
