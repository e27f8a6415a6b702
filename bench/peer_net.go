//go:build unix

package main

import (
	"net"
	"time"
)

// netPeer is what a Go programmer writes first, and what weir has to beat.
var netPeer = peer{
	name:  "net",
	about: "package net, a goroutine and a 4 KiB buffer per connection",
	start: func(s *stage) (string, error) { return serveNet(s, echoConn) },
}

// serveNet serves each connection with echo on a goroutine of its own, until that
// returns.
func serveNet(s *stage, echo func(c net.Conn, s *stage)) (string, error) {
	ln, err := s.listen()
	if err != nil {
		return "", err
	}
	var conns roster[net.Conn]
	s.broadcast = func(payload []byte) (int, error) {
		return conns.each(func(c net.Conn) error {
			_, err := c.Write(payload)
			return err
		}), nil
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				panic(err) // the load counts on this server: better no figure than a wrong one
			}
			go func() {
				defer c.Close()
				conns.add(c)
				defer conns.remove(c)
				echo(c, s)
			}()
		}
	}()
	return ln.Addr().String(), nil
}

func echoConn(c net.Conn, s *stage) {
	buf := make([]byte, 4096)
	for {
		n, err := s.read(c, buf)
		if err != nil {
			return
		}
		s.work()
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}

// read reads, but not longer than the idle timeout.
func (s *stage) read(c net.Conn, p []byte) (int, error) {
	if s.idle > 0 {
		_ = c.SetReadDeadline(time.Now().Add(s.idle)) // Read tells if that fails
	}
	return c.Read(p)
}
