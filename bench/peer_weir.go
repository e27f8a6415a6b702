//go:build unix

package main

import (
	"net"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// weirPeers are weir as it comes, in both of its dispatch modes: every default,
// deadlines and limits included, is in force.
var weirPeers = []peer{
	{
		name:  "weir-inline",
		about: "weir, handlers on the event loop",
		start: func() (string, error) { return startWeir(weir.Inline) },
	},
	{
		name:  "weir-pool",
		about: "weir, handlers on the worker pool (the default)",
		start: func() (string, error) { return startWeir(weir.Pool) },
	},
}

func startWeir(dispatch weir.Dispatch) (string, error) {
	srv := &weir.Server{
		Codec: codec.Raw{},
		Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			if _, err := c.Write(frame); err != nil {
				c.Abort() // the load is told by the end of the connection
			}
		}),
		Config: weir.Config{Dispatch: dispatch},
	}
	return serveWeir(srv)
}

// serveWeir serves with any weir server.
func serveWeir(srv *weir.Server) (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() { panic(srv.Serve(ln)) }() // there is no end but a failure
	return ln.Addr().String(), nil
}
