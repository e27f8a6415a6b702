package weir_test

import (
	"context"
	"net"
	"testing"

	"github.com/weir-go/weir"
)

// leaver is a handler that is told of the shutdown.
type leaver struct {
	told  chan *weir.Conn
	ended chan error
}

func (l leaver) OnOpen(*weir.Conn)             {}
func (l leaver) OnFrame(*weir.Conn, []byte)    {}
func (l leaver) OnShutdown(c *weir.Conn)       { l.told <- c }
func (l leaver) OnClose(_ *weir.Conn, e error) { l.ended <- e }

// A connection that opens while the server shuts down takes leave as the others
// do, and once.
func TestOpenDuringShutdown(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		h := leaver{told: make(chan *weir.Conn, 4), ended: make(chan error, 4)}
		s := &weir.Server{Handler: h, Config: weir.Config{Loops: 2}}
		dial(t, serve(t, m, s))
		eventually(t, "the first connection is open", func() bool { return s.Stats().Conns == 1 })
		client := &weir.Client{Handler: h, Server: s}
		elsewhere, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer elsewhere.Close()
		before, err := client.Dial(t.Context(), "tcp", elsewhere.Addr().String())
		if err != nil {
			t.Fatal(err)
		}

		down := make(chan error, 1)
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			down <- s.Shutdown(ctx)
		}()
		first, second := receive(t, h.told, "OnShutdown"), receive(t, h.told, "OnShutdown")
		if first == second || first != before && second != before {
			t.Error("OnShutdown has not come once for each connection")
		}
		late, err := client.Dial(t.Context(), "tcp", elsewhere.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if c := receive(t, h.told, "OnShutdown of the late connection"); c != late {
			t.Error("OnShutdown came for another connection")
		}
		if _, err := late.Write([]byte("still here")); err != nil {
			t.Errorf("the late connection does not take leave itself: %v", err)
		}
		for _, c := range []*weir.Conn{first, second, late} {
			c.Abort()
			receive(t, h.ended, "OnClose")
		}
		if err := receive(t, down, "the end of Shutdown"); err != nil {
			t.Error(err)
		}
		if len(h.told) > 0 {
			t.Error("OnShutdown came twice")
		}
	})
}
