package cli

import (
	"errors"
	"fmt"
	"math"
	"net"
	"syscall"

	"github.com/weir-go/weir"
)

// Listen is net.Listen with errors that say what to do.
func Listen(network, addr string) (net.Listener, error) {
	ln, err := net.Listen(network, addr)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE) && network == "unix":
		return nil, unixInUse(addr)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use: stop the server that has it, or choose another address with -addr (port 0: any that is free)", addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("no permission to listen on %s: choose another address with -addr (ports below 1024 are privileged)", addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s is not an address of this machine: choose another with -addr", addr)
	}
	return nil, fmt.Errorf("cannot listen: %w", err)
}

// unixInUse tells a server that is running from the file that one which was
// killed has left behind.
func unixInUse(path string) error {
	c, err := net.Dial("unix", path)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%s exists, but no server is behind it any more: remove the file, or choose another path with -addr", path)
	}
	if err == nil {
		c.Close()
	}
	return fmt.Errorf("%s is in use: stop the server that has it, or choose another path with -addr", path)
}

// CheckLimits returns an error if the system cannot give a server what it is
// asked to: as many descriptors as MaxConns, and the loops' own.
func CheckLimits(srv *weir.Server) error {
	if srv.MaxConns == 0 {
		return nil
	}
	own := 64 + 4*srv.Loops
	need := srv.MaxConns + own
	if limit := int(min(descriptors(), math.MaxInt32)); limit > 0 && need > limit {
		return fmt.Errorf("-max-conns %d needs %d file descriptors, but the limit is %d: raise it with ulimit -n %d, or lower -max-conns to %d",
			srv.MaxConns, need, limit, need, max(limit-own, 1))
	}
	const selectable = 1024 // FD_SETSIZE
	if srv.Poller == weir.PollerSelect && need > selectable {
		return fmt.Errorf("-max-conns %d is too much for select, which sees %d file descriptors: choose another -poller, or lower -max-conns to %d",
			srv.MaxConns, selectable, max(selectable-own, 1))
	}
	return nil
}
