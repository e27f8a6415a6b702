package main

import (
	"io"
	"net"
	"sync"
	"testing"
)

// door is between a browser and the server, so that a test decides how long they do not
// meet.
type door struct {
	ln net.Listener
	to string // the server's address

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]bool
	wg     sync.WaitGroup
}

// openDoor returns an open one, which is gone with the test.
func openDoor(t *testing.T, to string) *door {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{ln: ln, to: to, conns: map[net.Conn]bool{}}
	d.wg.Go(d.accept)
	t.Cleanup(func() {
		ln.Close()
		d.shut()
		d.wg.Wait()
	})
	return d
}

// Addr is where the browser knocks.
func (d *door) Addr() string { return d.ln.Addr().String() }

func (d *door) accept() {
	for {
		in, err := d.ln.Accept()
		if err != nil {
			return
		}
		if !d.add(in) {
			continue
		}
		d.wg.Go(func() {
			defer d.remove(in)
			out, err := net.Dial("tcp", d.to)
			if err != nil || !d.add(out) {
				return
			}
			d.wg.Go(func() {
				defer d.remove(in)
				pass(in, out)
			})
			defer d.remove(out)
			pass(out, in)
		})
	}
}

// pass copies without splice(2), whose pipes Go keeps for a while: they would be taken
// for a leak.
func pass(to, from net.Conn) {
	io.Copy(struct{ io.Writer }{to}, struct{ io.Reader }{from})
}

// add closes a connection if the door is shut.
func (d *door) add(c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		c.Close()
		return false
	}
	d.conns[c] = true
	return true
}

func (d *door) remove(c net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.Close()
	delete(d.conns, c)
}

// shut ends what is connected, and keeps others out.
func (d *door) shut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for c := range d.conns {
		c.Close()
	}
}

func (d *door) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = false
}
