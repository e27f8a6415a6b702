package client

// pool is a bounded number of goroutines that do what clients have to do outside of
// their connections' callbacks. They start when there is something, and end when there
// is nothing. Guarded by Group.mu.
type pool struct {
	limit, running int
	first, last    *Client // those that wait, linked by Client.queue
}

// task is what a client is to a pool.
type task uint8

const (
	taskNone    task = iota
	taskQueued       // waits for a goroutine
	taskRunning      // has one
	taskAgain        // has one, and something new may have come up
)

// need is what a client has to do.
type need uint8

const (
	needNothing need = iota
	needEnd          // to be closed, all being over
	needSettle       // to see what follows from a lost connection
	needConnect
	needToken // a new token for the connection
)

// slow reports whether it may take long.
func (n need) slow() bool { return n == needConnect || n == needToken }

// call has c.work called, if it needs it. At most one call for a client runs at a time.
// It may be called with Client.mu held or not: n is what c.needs has said.
func (g *Group) call(c *Client, n need) {
	if n == needNothing {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch c.task {
	case taskNone:
		g.enqueue(c, n)
	case taskRunning:
		c.task = taskAgain
	}
}

// enqueue needs g.mu.
func (g *Group) enqueue(c *Client, n need) {
	p := &g.quick
	if n.slow() {
		p = &g.slow
	}
	c.task = taskQueued
	if p.last == nil {
		p.first = c
	} else {
		p.last.queue = c
	}
	p.last = c
	if p.running < p.limit {
		p.running++
		go g.run(p)
	}
}

// run is a goroutine of a pool.
func (g *Group) run(p *pool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer func() { p.running-- }()
	for p.first != nil {
		c := p.first
		if p.first = c.queue; p.first == nil {
			p.last = nil
		}
		c.queue, c.task = nil, taskRunning
		g.mu.Unlock()
		c.work(p == &g.slow)
		for again := true; again; {
			c.mu.Lock()
			n := c.needs()
			c.mu.Unlock()
			g.mu.Lock()
			if again = c.task == taskAgain; again {
				c.task = taskRunning
				g.mu.Unlock()
				continue
			}
			c.task = taskNone
			if n != needNothing {
				g.enqueue(c, n)
			}
		}
	}
}
