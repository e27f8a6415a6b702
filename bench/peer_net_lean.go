//go:build unix

package main

import "net"

// netLeanPeer is what one writes when a million goroutines turn out to be dear:
// net with a buffer that is as small as the last message allows. The goroutine's
// stack and what package net and the runtime keep of a connection remain.
var netLeanPeer = peer{
	name:  "net-lean",
	about: "package net, a goroutine and a buffer of 80 B per connection, larger while it is filled",
	start: func(s *stage) (string, error) { return serveNet(s, echoLean) },
}

const (
	leanLeast = 80 // one of the runtime's sizes, and enough for a message of 64 B
	leanMost  = 16 << 10
)

func echoLean(c net.Conn, s *stage) {
	buf := make([]byte, leanLeast)
	for {
		n, err := s.read(c, buf)
		if err != nil {
			return
		}
		s.work()
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
		switch {
		case n == len(buf) && n < leanMost:
			buf = make([]byte, 2*n)
		case n <= leanLeast && len(buf) > leanLeast:
			buf = make([]byte, leanLeast)
		}
	}
}
