package web

import "github.com/weir-go/weir"

// upgrader is a request whose connection can go on with another protocol. It is
// implemented by *Ctx and by the http.ResponseWriter of Handler.
type upgrader interface {
	// switchProtocol sends response, a complete head with status 101, and
	// makes p the protocol of the connection. start is called in the same
	// callback, when the request's handler has returned, before p gets to see
	// any frame.
	switchProtocol(response []byte, p *weir.Protocol, start func(c *weir.Conn)) error
}
