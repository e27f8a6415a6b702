//go:build unix

package main

import "net"

// netPeer is what a Go programmer writes first, and what weir has to beat.
var netPeer = peer{
	name:  "net",
	about: "package net, a goroutine and a 4 KiB buffer per connection",
	start: startNet,
}

func startNet() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				panic(err) // the load counts on this server: better no figure than a wrong one
			}
			go echoConn(c)
		}
	}()
	return ln.Addr().String(), nil
}

func echoConn(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(buf[:n]); err != nil {
			return
		}
	}
}
