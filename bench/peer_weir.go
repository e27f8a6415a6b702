//go:build unix

package main

import (
	"sync/atomic"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// weirPeers are weir as it comes, in both of its dispatch modes: every default,
// deadlines and limits included, is in force.
var weirPeers = []peer{
	{
		name:  "weir-inline",
		about: "weir, handlers on the event loop",
		start: func(s *stage) (string, error) { return startWeir(s, weir.Inline) },
	},
	{
		name:  "weir-pool",
		about: "weir, handlers on the worker pool (the default)",
		start: func(s *stage) (string, error) { return startWeir(s, weir.Pool) },
	},
}

func startWeir(s *stage, dispatch weir.Dispatch) (string, error) {
	srv := &weir.Server{
		Codec: codec.Raw{},
		Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			s.work()
			if _, err := c.Write(frame); err != nil {
				c.Abort() // the load is told by the end of the connection
			}
		}),
		Config: weir.Config{Dispatch: dispatch, IdleTimeout: s.idle},
	}
	s.broadcast = func(payload []byte) (int, error) {
		m, err := weir.NewMessage(nil, payload)
		if err != nil {
			return 0, err
		}
		defer m.Release()
		return eachWeir(srv, func(c *weir.Conn) error { return c.WriteMessage(m) })
	}
	return serveWeir(s, srv)
}

// eachWeir calls send for all connections of a server, on its loops, which keep
// them, so that nobody else has to. It waits for the end and returns how often
// send went well.
func eachWeir(srv *weir.Server, send func(c *weir.Conn) error) (int, error) {
	all := int64(srv.Stats().Conns)
	if all == 0 {
		return 0, nil
	}
	var seen, accepted atomic.Int64
	done := make(chan struct{})
	srv.Each(func(c *weir.Conn) {
		if send(c) == nil {
			accepted.Add(1)
		}
		if seen.Add(1) == all {
			close(done)
		}
	})
	// Each leaves out connections that end meanwhile, so there may be fewer.
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for before := int64(-1); ; {
		select {
		case <-done:
			return int(accepted.Load()), nil
		case <-look.C:
			if now := seen.Load(); now != before {
				before = now
				continue
			}
			return int(accepted.Load()), nil
		}
	}
}

// serveWeir serves with any weir server.
func serveWeir(s *stage, srv *weir.Server) (string, error) {
	srv.Config.Socket.KeepAlive = s.keepAlive
	ln, err := s.listen()
	if err != nil {
		return "", err
	}
	go func() { panic(srv.Serve(ln)) }() // there is no end but a failure
	return ln.Addr().String(), nil
}
