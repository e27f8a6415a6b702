package weir

import (
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/panjf2000/ants/v2"
)

// dispatcher has the turns of connections, and functions, run on an ants pool.
//
// What is to be run stands in one queue, a connection at most once. Up to max
// workers drain it; each goes on until the queue is empty, so that under load no
// hand-off is paid per frame. A worker that finds more than it can take starts
// the next before it runs what it has taken, unless one is starting already. So
// as long as workers are left, nothing in the queue waits behind a handler that
// blocks; and while handlers do not block, a worker or two do everything.
//
// push never blocks: the bound on workers is kept here, and the pool itself has
// none. So a handler may push whatever the number of workers, one included.
type dispatcher struct {
	pool     *ants.Pool
	drainer  func() // drain, made once
	max      int
	maxTasks int
	log      *slog.Logger

	mu       sync.Mutex
	queue    fifo
	tasks    int     // functions in the queue
	active   int     // workers that count, starting ones included; more than max when some count again
	blocked  int     // those that do not count, because they wait
	starting bool    // one of them has not looked at the queue yet
	running  *worker // list of the workers that run
	spare    *worker // list of those that do not
	watching bool    // the watch is set
	timer    *time.Timer
	idle     *sync.Cond // active and blocked have become 0
}

// worker is one run of drain.
type worker struct {
	next, prev *worker
	conn       *Conn  // whose turn it runs, or nil
	turns      uint64 // how many it has run
	seen       uint64 // turns, when the watch came by
	told       uint64 // turns, when the watch found it stuck
}

// job is a connection whose turn is due, or a function.
type job struct {
	conn *Conn
	task func()
}

// watchEvery is how often the dispatcher looks for callbacks that block while
// something written waits for their end. So it bounds the delay of that.
const watchEvery = 10 * time.Millisecond

func newDispatcher(c *Config) (*dispatcher, error) {
	d := &dispatcher{max: c.Workers, maxTasks: c.MaxTasks, log: c.Logger}
	d.drainer = d.drain
	d.idle = sync.NewCond(&d.mu)
	d.timer = time.AfterFunc(time.Hour, d.watch)
	d.timer.Stop()
	pool, err := ants.NewPool(-1, ants.WithLogger(antsLog{c.Logger}))
	if err != nil {
		return nil, err
	}
	d.pool = pool
	return d, nil
}

// antsLog passes on what the pool has to say.
type antsLog struct{ *slog.Logger }

func (l antsLog) Printf(format string, args ...any) {
	l.Warn("weir: ants", "format", format, "args", args)
}

// push queues the turns of connections, whose flagTurn the caller has taken.
func (d *dispatcher) push(conns ...*Conn) {
	d.mu.Lock()
	for _, c := range conns {
		d.queue.push(job{conn: c})
	}
	start := d.startOne()
	d.mu.Unlock()
	if start {
		d.start()
	}
}

// run queues a function.
func (d *dispatcher) run(f func()) error {
	d.mu.Lock()
	if d.tasks >= d.maxTasks {
		d.mu.Unlock()
		return ErrPoolFull
	}
	d.tasks++
	d.queue.push(job{task: f})
	start := d.startOne()
	d.mu.Unlock()
	if start {
		d.start()
	}
	return nil
}

// startOne decides whether another worker is wanted, and counts it. It needs mu;
// the caller starts it after mu is released.
func (d *dispatcher) startOne() bool {
	if d.starting || d.active >= d.max || d.queue.len == 0 {
		return false
	}
	d.starting = true
	d.active++
	return true
}

func (d *dispatcher) start() {
	if err := d.pool.Submit(d.drainer); err != nil {
		// An unbounded pool refuses only when it is released, which it is
		// when nothing is left to do.
		d.log.Error("weir: ants refused a worker", "err", err)
		d.mu.Lock()
		d.starting = false
		d.end()
		d.mu.Unlock()
	}
}

// drain is a worker.
func (d *dispatcher) drain() {
	d.mu.Lock()
	d.starting = false
	w := d.link()
	returned := false
	defer func() {
		if !returned {
			d.lost(w)
		}
	}()
	for {
		j, ok := d.queue.pop()
		if !ok {
			break
		}
		w.conn = j.conn
		w.turns++
		if j.task != nil {
			d.tasks--
		}
		start := d.startOne()
		d.mu.Unlock()
		if start {
			d.start()
		}
		if j.conn != nil {
			j.conn.turn(nil)
		} else {
			d.call(j.task)
		}
		d.mu.Lock()
		if d.active > d.max {
			break // others have come while this one did not count
		}
	}
	returned = true
	d.unlink(w)
	d.end()
	d.mu.Unlock()
}

// lost counts a worker out whose goroutine a callback has ended, by runtime.Goexit.
// Another takes its place if there is something left to do.
func (d *dispatcher) lost(w *worker) {
	d.mu.Lock()
	d.unlink(w)
	d.active-- // so that there is room for the other
	start := d.startOne()
	d.active++
	d.end()
	d.mu.Unlock()
	if start {
		d.start()
	}
}

// end counts a worker out. It needs mu.
func (d *dispatcher) end() {
	if d.active--; d.active+d.blocked == 0 {
		d.idle.Broadcast()
	}
}

// block has a worker that waits not count against max, until unblock.
func (d *dispatcher) block() {
	d.mu.Lock()
	d.active--
	d.blocked++
	start := d.startOne()
	d.mu.Unlock()
	if start {
		d.start()
	}
}

func (d *dispatcher) unblock() {
	d.mu.Lock()
	d.active++
	d.blocked--
	d.mu.Unlock()
}

// call runs a function. A panic ends it and is logged, and so is runtime.Goexit.
func (d *dispatcher) call(f func()) {
	returned := false
	defer func() {
		v := recover()
		if returned {
			return
		}
		if v == nil {
			v = ErrGoexit
		}
		d.log.Error("weir: panic in a function of Server.Go", "panic", v, "stack", string(debug.Stack()))
	}()
	f()
	returned = true
}

// link puts a worker on the list. It needs mu, as unlink does.
func (d *dispatcher) link() *worker {
	w := d.spare
	if w == nil {
		w = new(worker)
	} else {
		d.spare = w.next
	}
	w.next = d.running
	if w.next != nil {
		w.next.prev = w
	}
	d.running = w
	if !d.watching {
		d.watching = true
		d.timer.Reset(watchEvery)
	}
	return w
}

func (d *dispatcher) unlink(w *worker) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		d.running = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	*w = worker{next: d.spare}
	d.spare = w
}

// watch looks for turns that have lasted since it came by last, and has sent
// what they have written, so that a handler which replies and then blocks, or
// another goroutine which writes meanwhile, does not wait for the turn's end. It
// comes by as long as there are workers.
func (d *dispatcher) watch() {
	var stuck []*Conn
	d.mu.Lock()
	for w := d.running; w != nil; w = w.next {
		if w.conn != nil && w.seen == w.turns && w.told != w.turns {
			w.told = w.turns // once is enough for a turn
			stuck = append(stuck, w.conn)
		}
		w.seen = w.turns
	}
	d.watching = d.active+d.blocked > 0
	if d.watching {
		d.timer.Reset(watchEvery)
	}
	d.mu.Unlock()
	for _, c := range stuck {
		c.stopBatching()
	}
}

// stats returns the length of the queue and the workers there are.
func (d *dispatcher) stats() (queued, active int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queue.len, d.active + d.blocked
}

// wait blocks until no worker is left, and so nothing in the queue.
func (d *dispatcher) wait() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.active+d.blocked > 0 {
		d.idle.Wait()
	}
}

// close ends the pool's own goroutines. It follows wait.
func (d *dispatcher) close() {
	d.timer.Stop()
	d.pool.Release()
}

// fifo is a queue in a ring that grows by doubling and goes back to nothing when
// it is empty after a burst.
type fifo struct {
	ring  []job // a power of two long
	first int
	len   int
}

const fifoKeep = 1024

func (q *fifo) push(j job) {
	if q.len == len(q.ring) {
		ring := make([]job, max(64, 2*len(q.ring)))
		for i := range q.len {
			ring[i] = q.ring[(q.first+i)&(len(q.ring)-1)]
		}
		q.ring, q.first = ring, 0
	}
	q.ring[(q.first+q.len)&(len(q.ring)-1)] = j
	q.len++
}

func (q *fifo) pop() (job, bool) {
	if q.len == 0 {
		if len(q.ring) > fifoKeep {
			q.ring, q.first = nil, 0
		}
		return job{}, false
	}
	j := q.ring[q.first]
	q.ring[q.first] = job{}
	q.first = (q.first + 1) & (len(q.ring) - 1)
	q.len--
	return j, true
}
