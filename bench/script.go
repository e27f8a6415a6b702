//go:build unix

package main

// A script is what a load says to the servers of one benchmark, and how it
// recognises their answers. It keeps what it must remember of each connection
// under the connection's index.
type script interface {
	// greeting returns what a connection sends before anything else, nil if
	// that is nothing. The first message waits for the answer to it.
	greeting() []byte

	// size returns the length of a message as it is sent.
	size() int64

	// at returns n bytes, no more than a transfer, from position pos of the
	// messages that connection i sends, one after the other.
	at(i int, pos int64, n int) []byte

	// reset forgets connection i: another one takes its index.
	reset(i int)

	// broadcast returns how a message comes that the server sends on its own,
	// nil if servers do not.
	broadcast(payload []byte) []byte

	// heard takes the bytes that have come on connection i, in any pieces. It
	// returns how many answers have their end in p, that to the greeting
	// included, and what the protocol wants to be said in return to something
	// else that has come: it is sent between two messages. Every byte is
	// checked; what is not the right answer is an error.
	heard(i int, p []byte) (answers int, reply []byte, err error)
}

// A casting is what a script may depend on.
type casting struct {
	addr     string // of the server
	conns    int
	size     int64  // of the content of a message, where it has a size
	request  string // name of one of httpRequests
	transfer int    // bytes that are sent or received at a time, at most; 0: maxTransfer
}
