package push_test

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// soakBuffer is the size in bytes of the kernel's buffers, where they are chosen.
const soakBuffer = 16 << 10

// soakProxy is a network that is not to be relied on: it resets connections, and stalls
// one direction of them for a moment. Its address stays while the server's changes.
type soakProxy struct {
	ln     net.Listener
	faults atomic.Bool
	resets atomic.Int64
	stalls atomic.Int64
	wg     sync.WaitGroup

	mu     sync.Mutex
	to     string
	closed bool
	links  map[*soakLink]bool
}

// soakLink is a connection through the proxy.
type soakLink struct{ ends [2]*net.TCPConn }

func newSoakProxy(t *testing.T) *soakProxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &soakProxy{ln: ln, links: map[*soakLink]bool{}}
	p.wg.Go(p.run)
	t.Cleanup(p.close)
	return p
}

func (p *soakProxy) addr() string { return p.ln.Addr().String() }

// aim tells where connections lead from now on.
func (p *soakProxy) aim(to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to = to
}

func (p *soakProxy) run() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(c.(*net.TCPConn)) })
	}
}

// serve forwards until both directions have ended. Whoever connects while there is no
// server is reset.
func (p *soakProxy) serve(c *net.TCPConn) {
	p.mu.Lock()
	to := p.to
	p.mu.Unlock()
	s, err := net.DialTimeout("tcp", to, patience)
	if err != nil {
		c.SetLinger(0)
		c.Close()
		return
	}
	l := &soakLink{ends: [2]*net.TCPConn{c, s.(*net.TCPConn)}}
	for _, e := range l.ends {
		e.SetReadBuffer(soakBuffer)
		e.SetWriteBuffer(soakBuffer)
	}
	p.mu.Lock()
	p.links[l] = true
	if p.closed {
		l.reset()
	}
	p.mu.Unlock()
	var both sync.WaitGroup
	for i := range 2 {
		both.Go(func() { p.forward(l.ends[i], l.ends[1-i]) })
	}
	both.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
	c.Close()
	s.Close()
}

// forward copies one direction.
func (p *soakProxy) forward(from, to *net.TCPConn) {
	b := make([]byte, 4<<10)
	for {
		n, err := from.Read(b)
		if p.faults.Load() && rand.IntN(300) == 0 {
			p.stalls.Add(1)
			time.Sleep(time.Duration(50+rand.IntN(150)) * time.Millisecond)
		}
		if _, bad := to.Write(b[:n]); bad != nil {
			from.SetLinger(0)
			from.Close()
			return
		}
		if err != nil {
			to.CloseWrite()
			return
		}
	}
}

// hurt resets one of the connections, if there is any.
func (p *soakProxy) hurt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	skip := rand.IntN(max(len(p.links), 1))
	for l := range p.links {
		if skip--; skip < 0 {
			l.reset()
			p.resets.Add(1)
			return
		}
	}
}

// reset ends both sides at once; what is on its way is lost.
func (l *soakLink) reset() {
	for _, e := range l.ends {
		e.SetLinger(0)
		e.Close()
	}
}

func (p *soakProxy) close() {
	p.ln.Close()
	p.mu.Lock()
	p.closed = true
	for l := range p.links {
		l.reset()
	}
	p.mu.Unlock()
	p.wg.Wait()
}
