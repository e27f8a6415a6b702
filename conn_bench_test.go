//go:build unix

package weir

import (
	"os"
	"testing"

	"github.com/weir-go/weir/internal/buffer"
	"github.com/weir-go/weir/internal/socket"
	"github.com/weir-go/weir/reactor"
)

// BenchmarkEchoPath is what weir itself costs per message in Inline mode: the
// descriptor is /dev/zero, whose read and write cost next to nothing.
// BenchmarkEchoPathFloor is the two calls alone.
func BenchmarkEchoPath(b *testing.B) {
	c := zeroConn(b)
	b.ReportAllocs()
	for b.Loop() {
		(*events)(c).OnReady(reactor.Readable)
	}
}

func BenchmarkEchoPathFloor(b *testing.B) {
	c := zeroConn(b)
	fd, buf := int(c.fd), c.loop.readBuffer
	for b.Loop() {
		n, _ := socket.Read(fd, buf)
		socket.Write(fd, buf[:n])
	}
}

func zeroConn(b *testing.B) *Conn {
	f, err := os.OpenFile("/dev/zero", os.O_RDWR, 0)
	if err != nil {
		b.Skip(err)
	}
	b.Cleanup(func() { f.Close() })
	poison := buffer.Poison.Swap(false)
	b.Cleanup(func() { buffer.Poison.Store(poison) })
	config, err := Config{Dispatch: Inline, Loops: 1, ReadBuffer: 64}.withDefaults()
	if err != nil {
		b.Fatal(err)
	}
	e := &engine{config: config}
	l, err := newLoop(e, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.reactor.Close() })
	e.loops = []*loop{l}
	p, err := NewProtocol(nil, HandlerFunc(func(c *Conn, frame []byte) { c.Write(frame) }))
	if err != nil {
		b.Fatal(err)
	}
	return newConn(l, p, int(f.Fd()), &socket.Addr{}, socket.Addr{})
}
