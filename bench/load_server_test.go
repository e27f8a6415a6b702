//go:build unix

package main

import (
	"net"
	"sync"
	"testing"
)

// A loadServer is an echo server in the test's process that a test can have do
// what it should not.
type loadServer struct {
	addr string

	// heard is called with each piece of a connection, which is a message as they
	// are short here, before it is echoed. Both count from 0. It returns false for
	// a piece that is not to be echoed.
	heard func(c *loadServerConn, message int, p []byte) bool

	mu    sync.Mutex
	conns []*loadServerConn
	gone  sync.WaitGroup
}

type loadServerConn struct {
	net.Conn
	server *loadServer
	number int
}

func startLoadServer(t *testing.T, heard func(c *loadServerConn, message int, p []byte) bool) *loadServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &loadServer{addr: ln.Addr().String(), heard: heard}
	s.gone.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.gone.Go(func() { s.serve(s.add(c)) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		for _, c := range s.all() {
			c.Close()
		}
		s.gone.Wait()
	})
	return s
}

func (s *loadServer) add(c net.Conn) *loadServerConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conn := &loadServerConn{Conn: c, server: s, number: len(s.conns)}
	s.conns = append(s.conns, conn)
	return conn
}

// all returns the connections that there have been.
func (s *loadServer) all() []*loadServerConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns[:len(s.conns):len(s.conns)]
}

func (s *loadServer) serve(c *loadServerConn) {
	defer c.Close()
	buf := make([]byte, 64<<10)
	for message := 0; ; message++ {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if s.heard != nil && !s.heard(c, message, buf[:n]) {
			continue
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}
