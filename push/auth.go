package push

import "time"

// Authenticator checks the tokens of HELLO, TOKEN and the HTTP API. Its methods may be
// called from any goroutine, and may block.
type Authenticator interface {
	// Authenticate returns who a token stands for. The error wraps ErrExpired or
	// ErrRevoked, or else counts as unauthorized. token is "" if there is none.
	Authenticate(token string) (*Identity, error)
}

// Identity is who a client is and what it may do. It is shared and immutable.
type Identity struct {
	User      string    // "": anonymous
	Publish   []string  // filters of the topics that may be published to
	Subscribe []string  // filters that cover what may be subscribed to
	API       bool      // the HTTP API's operations: disconnect, stats, topics, clients
	Expires   time.Time // zero: never
}
