// Package profile serves profiles of an example over HTTP.
package profile

import (
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof" // on http.DefaultServeMux
)

// Serve serves /debug/pprof/ until stop is called, and says so on stdout in the
// name of a program. Without an address it does nothing.
func Serve(address, program string, stdout io.Writer) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot serve profiles: %w", err)
	}
	srv := &http.Server{}
	go srv.Serve(ln)
	fmt.Fprintf(stdout, "%s: profiles on http://%s/debug/pprof/\n", program, ln.Addr())
	return func() { srv.Close() }, nil
}
