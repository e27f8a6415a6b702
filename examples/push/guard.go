package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// checkExposure refuses to listen where others can reach the server while everybody may
// do everything there. name is that of the flag.
func checkExposure(name, addr string, authenticated, insecure bool) error {
	if addr == "" || authenticated || insecure {
		return nil
	}
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil // listening will say it better
	}
	if a.IP.IsLoopback() {
		return nil
	}
	return fmt.Errorf("-%s %s can be reached from other machines, and without a key everybody may do everything: "+
		"set -secret-file, -key or -jwks, or listen on 127.0.0.1, or say -insecure", name, addr)
}

// localOnly refuses requests that name a host which is not this machine. A server that
// trusts everybody on this machine must not trust the pages that are looked at on it: one
// of evil.example could have its name resolved to 127.0.0.1, and be of the same origin
// then (DNS rebinding).
func localOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.Host) {
			http.Error(w, "this server has no key, so it answers requests for localhost only: use http://localhost/, "+
				"set -secret-file, -key or -jwks, or say -insecure", http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// isLocal reports whether a Host header, with or without a port, can stand for this
// machine only.
func isLocal(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
