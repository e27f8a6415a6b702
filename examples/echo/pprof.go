package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof" // on http.DefaultServeMux
)

// serveProfiles serves /debug/pprof/ until stop is called.
func serveProfiles(address string) (addr net.Addr, stop func() error, err error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot serve profiles: %w", err)
	}
	srv := &http.Server{}
	go srv.Serve(ln)
	return ln.Addr(), srv.Close, nil
}
