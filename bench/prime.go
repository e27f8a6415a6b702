//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// prime sends the server a few messages over connections that are closed again,
// before its memory is measured for the first time: what a server allocates once
// is then not taken for the cost of a connection. It waits for the server to
// close too, so that the connections are really gone.
func (l *load) prime(conns int) error {
	deadline := time.Now().Add(l.timeout)
	message := l.pattern.at(0, 0, int(min(l.size, 4096))) // less than any socket holds
	var open []*net.TCPConn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range conns {
		c, err := net.DialTimeout("tcp", l.addr.String(), l.timeout)
		if err != nil {
			return err
		}
		if err := c.SetDeadline(deadline); err != nil {
			return err
		}
		open = append(open, c.(*net.TCPConn))
	}
	answer := make([]byte, len(message))
	for _, c := range open {
		if _, err := c.Write(message); err != nil {
			return fmt.Errorf("first messages: %w", err)
		}
		if _, err := io.ReadFull(c, answer); err != nil {
			return fmt.Errorf("first messages: %w", err)
		}
		if !bytes.Equal(answer, message) {
			return errors.New("first messages: what has come back is not what was sent")
		}
	}
	for _, c := range open {
		if err := c.CloseWrite(); err != nil {
			return err
		}
		if _, err := c.Read(answer); err != io.EOF {
			return fmt.Errorf("the server has not closed a connection after its peer did: %v", err)
		}
	}
	return nil
}
