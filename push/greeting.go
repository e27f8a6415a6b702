package push

import (
	"sync"
	"time"

	"github.com/weir-go/weir/push/protocol"
)

// greetings are the sessions that owe a HELLO. All have equally long, so they stand in
// line, and those who have said it leave it when they come to its front: it is short, and
// a session that is greeted takes no room.
type greetings struct {
	server *Server

	mu   sync.Mutex
	line fifo[greeting]
}

// greeting names a session as an alarm does.
type greeting struct {
	id     uint32
	opened uint32
}

// expect puts a session in line.
func (g *greetings) expect(c *Session) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for range 2 { // one more than have come, so that the line becomes shorter
		if g.line.len() > 0 && !g.owed(*g.line.front()) {
			g.line.pop()
		}
	}
	g.line.push(greeting{c.id, c.opened})
}

// owed reports whether HELLO has not come.
func (g *greetings) owed(x greeting) bool {
	c := g.server.table.get(x.id)
	return c != nil && c.opened == x.opened && c.helloOwed.Load()
}

// check ends those who have taken too long. It is called every second at the least.
func (g *greetings) check() {
	timeout := g.server.config.HelloTimeout
	var late []greeting
	g.mu.Lock()
	for g.line.len() > 0 {
		x := *g.line.front()
		if owed := g.owed(x); owed && g.server.now() < time.Duration(x.opened)*time.Second+timeout {
			break
		} else if owed {
			late = append(late, x)
		}
		g.line.pop()
	}
	g.mu.Unlock()
	for _, x := range late {
		if c := g.server.table.get(x.id); c != nil && c.opened == x.opened && c.helloOwed.Load() {
			c.fail(refusal(protocol.CodeTimeout, "no HELLO has come"))
		}
	}
}
