package web

import "strings"

// sameOrigin reports whether a page of the given origin was loaded from the host
// that the request is for: the check that keeps other sites' pages from using a
// visitor's cookies on a WebSocket (RFC 6455, 10.2), which browsers do not
// prevent. The scheme is not compared, because TLS may end before this server;
// it only says which port is the one that is left out. No origin is no browser,
// which could send any Origin that it likes.
func sameOrigin(origin, host string) bool {
	if origin == "" {
		return true
	}
	scheme, authority, ok := strings.Cut(origin, "://")
	if !ok || authority == "" || strings.ContainsAny(authority, "/?#@, ") {
		return false // "null", a list, or no origin of RFC 6454
	}
	var port string
	switch strings.ToLower(scheme) {
	case "http", "ws":
		port = ":80"
	case "https", "wss":
		port = ":443"
	default:
		return false
	}
	return strings.EqualFold(withoutPort(authority, port), withoutPort(host, port))
}

// withoutPort strips the port, given with its colon, if that is what authority
// ends with. The colons of an IPv6 address are inside of brackets.
func withoutPort(authority, port string) string {
	rest, found := strings.CutSuffix(authority, port)
	if found && strings.Contains(rest, ":") && !strings.HasSuffix(rest, "]") {
		return authority
	}
	return rest
}
