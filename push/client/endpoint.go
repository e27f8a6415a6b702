package client

import (
	"errors"
	"net"
	"net/url"
)

// endpoint is where a server is.
type endpoint struct {
	ws      bool
	address string // host:port, to dial
	host    string // of the Host field
	target  string // path and query of the request
}

// parseURL takes Config.URL apart. The error is a *ConfigError.
func parseURL(s string) (*endpoint, error) {
	bad := func(problem string, err error) (*endpoint, error) {
		return nil, &ConfigError{Field: "URL", Problem: problem, Err: err}
	}
	if s == "" {
		return bad("is required", nil)
	}
	u, err := url.Parse(s)
	if err != nil {
		return bad("cannot be parsed: "+err.Error(), err)
	}
	to := &endpoint{address: u.Host, host: u.Host}
	switch u.Scheme {
	case "tcp":
		if u.Path != "" && u.Path != "/" || u.RawQuery != "" {
			return bad("has a path, which TCP has no use for", nil)
		}
		if u.Port() == "" {
			return bad("has no port", nil)
		}
	case "ws":
		to.ws = true
		if u.Port() == "" {
			to.address = net.JoinHostPort(u.Hostname(), "80")
		}
		if u.Path == "" {
			u.Path = "/ws"
		}
		to.target = u.RequestURI()
	case "wss", "tls", "tcps", "https":
		return bad("asks for TLS, which is not spoken here: let something in between end it, and use ws or tcp", errors.ErrUnsupported)
	default:
		return bad("has a scheme that is neither tcp nor ws", nil)
	}
	if u.Hostname() == "" {
		return bad("has no host", nil)
	}
	if u.User != nil {
		return bad("has a user; use Config.Token", nil)
	}
	return to, nil
}
