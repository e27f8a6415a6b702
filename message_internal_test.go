package weir

import (
	"io"
	"net"
	"slices"
	"testing"
	"time"
)

// Every reference to a message comes back: from connections that have sent it,
// that had dropped it, that have ended, and from a broadcast to nobody.
func TestMessageReferencesComeBack(t *testing.T) {
	for _, d := range []Dispatch{Pool, Inline} {
		t.Run(d.String(), func(t *testing.T) {
			opened := make(chan *Conn, 3)
			s := &Server{Handler: openFunc(func(c *Conn) { opened <- c })}
			s.Dispatch, s.Overflow, s.HighWatermark = d, OverflowDrop, 64<<10
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- s.Serve(ln) }()
			var conns []*Conn
			var peers []net.Conn
			for range cap(opened) {
				nc, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer nc.Close()
				peers = append(peers, nc)
				conns = append(conns, <-opened)
			}
			go io.Copy(io.Discard, peers[0]) // the others do not read

			var sent []*Message
			send := func() {
				m, err := NewMessage(nil, make([]byte, 32<<10))
				if err != nil {
					t.Fatal(err)
				}
				s.Broadcast(m)
				Broadcast(slices.Values(conns), m)
				m.Release()
				sent = append(sent, m)
			}
			for s.Stats().Dropped < 100 {
				send()
			}
			conns[1].Abort()
			conns[2].Close()
			send()
			s.Close()
			if err := <-served; err != ErrServerClosed {
				t.Error(err)
			}
			send()
			<-s.engine.ended
			for i, m := range sent {
				for end := time.Now().Add(10 * time.Second); m.refs.Load() != 0; time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("message %d of %d: %d references are left", i, len(sent), m.refs.Load())
					}
				}
			}
		})
	}
}

// openFunc is a Handler for those who need OnOpen only.
type openFunc func(c *Conn)

func (f openFunc) OnOpen(c *Conn)        { f(c) }
func (f openFunc) OnFrame(*Conn, []byte) {}
func (f openFunc) OnClose(*Conn, error)  {}
