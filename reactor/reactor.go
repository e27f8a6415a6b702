package reactor

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// ErrStopped is the answer of a Reactor that has ended.
var ErrStopped = errors.New("reactor: stopped")

// Tick is the resolution of timers. Deadlines are rounded up to it.
const Tick = time.Millisecond

const (
	// maxEvents is the number of events taken from the poller at once. It
	// bounds the time between two looks at tasks and timers.
	maxEvents = 512

	// maxTimers is the number of timers fired per iteration, so that a
	// million deadlines due at the same moment do not silence the I/O.
	maxTimers = 4096
)

// Handler is the owner of a registration. All methods are called on the loop's
// goroutine.
type Handler interface {
	// OnReady is called when the descriptor is ready. It may be spurious.
	OnReady(ready Interest)

	// OnTimer is called when the slot's timer fires; the timer is disarmed.
	OnTimer()

	// OnPanic is called after OnReady or OnTimer has panicked.
	OnPanic(p *PanicError)
}

// PanicError is a panic of a callback or a task, caught.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // the stack of the goroutine at the panic
}

func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Unwrap returns the value of the panic if it is an error.
func (p *PanicError) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Config holds what a Reactor needs. Poller is required.
type Config struct {
	Poller Poller

	// AfterEvents, if set, is called on the loop's goroutine after each batch
	// of events, before the tasks.
	AfterEvents func()

	// OnTaskPanic, if set, is told of a task that has panicked, and of a
	// panic in AfterEvents or OnPanic. What it panics with itself is only
	// counted.
	OnTaskPanic func(p *PanicError)

	// Clock, if set, replaces the monotonic clock; for tests.
	Clock func() time.Duration
}

// Reactor is an event loop. Make one with [New], and give it a goroutine by
// calling [Reactor.Run].
type Reactor struct {
	// Any goroutine.
	queue   taskQueue
	asleep  atomic.Bool // the loop is in Wait, or about to enter it, and wants to be woken
	stop    atomic.Bool
	metrics metrics

	wakeFunc func() // r.wake

	// The loop's goroutine.
	config  Config
	slots   slotTable
	wheel   wheel
	now     time.Duration // time of the last return from Wait
	events  []Event
	batch   int // number of events in hand
	at      int // the next event of the batch
	current Handler
	spare   []Task // the slice that the queue gets in exchange for the tasks in hand
	tasks   []Task // tasks in hand
	task    int    // the next of them
}

// New returns a Reactor that owns config.Poller.
func New(config Config) *Reactor {
	if config.Clock == nil {
		start := time.Now()
		config.Clock = func() time.Duration { return time.Since(start) }
	}
	r := &Reactor{config: config, events: make([]Event, maxEvents)}
	r.wheel.slots = &r.slots
	r.wakeFunc = r.wake
	return r
}

// Run is the loop. It returns nil after [Reactor.Stop], or the error with which
// the poller has failed; either way every task that Post has accepted has run.
// [Reactor.Close] follows it.
//
// If a callback ends the goroutine of Run, by runtime.Goexit, Run may be called by
// another, which goes on with what is left.
func (r *Reactor) Run() error {
	r.dispatch()
	r.runTasksInHand()
	for {
		if err := r.wait(); err != nil {
			r.queue.close()
			r.runTasks() // Post has accepted them
			return err
		}
		r.dispatch()
		r.runTasks()
		r.fireTimers()
		r.metrics.iteration(r.config.Clock() - r.now)
		if r.stop.Load() && r.queue.closeIfEmpty() {
			return nil
		}
	}
}

// Close refuses further tasks and closes the poller. It is called on the
// goroutine of Run, after it, or instead of it. Registrations still there are
// the caller's to end before.
func (r *Reactor) Close() error {
	r.queue.close()
	return r.config.Poller.Close()
}

// Stop makes Run return after the tasks posted before have run. Any goroutine
// may call it.
func (r *Reactor) Stop() {
	r.stop.Store(true)
	r.Post(TaskFunc(func() {}))
}

// Post hands t to the loop, which runs it soon, in the order of posting. It
// never blocks and reports false if the loop has ended. Any goroutine may call
// it.
func (r *Reactor) Post(t Task) bool { return r.queue.push(t, r.wakeFunc) }

// wake ends the loop's sleep, if it sleeps. Whoever turns asleep off pays for
// the system call, so there is one per sleep however many tasks are posted.
func (r *Reactor) wake() {
	if r.asleep.Load() && r.asleep.CompareAndSwap(true, false) {
		r.metrics.wakeups.Add(1)
		r.config.Poller.Wake() // fails only if the poller is closed: nobody sleeps
	}
}

// Register adds a descriptor and returns its token. h is called from then on.
// Interest 0 is as in [Reactor.Modify].
func (r *Reactor) Register(fd int, i Interest, h Handler) (Token, error) {
	t := r.slots.acquire(h)
	if i == 0 {
		return t, nil
	}
	if err := r.config.Poller.Add(fd, t, i); err != nil {
		r.slots.release(t)
		return 0, err
	}
	return t, nil
}

// Modify replaces the interest of a registration. With interest 0 the
// descriptor leaves the poller, which would report hang-ups of it without end,
// and comes back with the next other interest.
func (r *Reactor) Modify(fd int, t Token, from, to Interest) error {
	switch {
	case from == to || r.slots.lookup(t) == nil:
		return nil
	case to == 0:
		return r.config.Poller.Remove(fd)
	case from == 0:
		return r.config.Poller.Add(fd, t, to)
	}
	return r.config.Poller.Modify(fd, t, to)
}

// Deregister ends a registration; interest is the one in force. No callback
// follows, not even for events that are in hand already. The caller then closes
// the descriptor.
func (r *Reactor) Deregister(fd int, t Token, interest Interest) error {
	if r.slots.lookup(t) == nil {
		return nil
	}
	r.wheel.clear(t.Index())
	r.slots.release(t)
	if interest == 0 {
		return nil
	}
	return r.config.Poller.Remove(fd)
}

// SetTimer arms the timer of a registration to fire when [Reactor.Now] has
// reached at, rounded up to [Tick], or moves it there; at < 0 disarms it. A time
// that has come already means the next tick, so that a timer fires at most once
// per iteration. At most 12 days ahead: later ones fire then, early.
func (r *Reactor) SetTimer(t Token, at time.Duration) {
	if r.slots.lookup(t) == nil {
		return
	}
	if at < 0 {
		r.wheel.clear(t.Index())
		return
	}
	at = min(at, r.now+maxTicks*Tick) // before it is rounded: it may be the largest number
	r.wheel.set(t.Index(), uint32(max((at+Tick-1)/Tick, r.now/Tick+1)))
}

// Now returns the time of the current iteration on the reactor's clock, which
// starts near zero and never goes back. Taken once per iteration.
func (r *Reactor) Now() time.Duration { return r.now }

// Clock reads the clock that Now is taken from. Any goroutine may call it.
func (r *Reactor) Clock() time.Duration { return r.config.Clock() }

// Len returns the number of registrations.
func (r *Reactor) Len() int { return r.slots.used }

// Each calls f for every registration. f may end any registration.
func (r *Reactor) Each(f func(h Handler)) {
	r.Scan(0, math.MaxInt, f)
}

// Scan calls f for the registrations in the slots from index from on, as far as
// limit slots go, and returns where to go on, or 0 when there are no more: for
// work on all registrations that is too long for one iteration. f may end any
// registration.
func (r *Reactor) Scan(from uint32, limit int, f func(h Handler)) (next uint32) {
	end := uint32(len(r.slots.chunks)) << chunkBits
	for i := from; i < end; i++ {
		if limit == 0 {
			return i
		}
		limit--
		if h := r.slots.at(i).handler; h != nil {
			f(h)
		}
	}
	return 0
}

func (r *Reactor) wait() error {
	timeout := time.Duration(-1)
	if left, ok := r.wheel.ticksLeft(uint32(r.now / Tick)); ok {
		// r.now lies somewhere within its tick; the timer is due at the
		// beginning of a later one.
		timeout = max(0, (r.now/Tick+time.Duration(left))*Tick-r.config.Clock())
	}
	if timeout != 0 {
		// The order matters: announce the sleep, then look at the queue. A
		// producer does it the other way round, so one of the two notices.
		r.asleep.Store(true)
		if r.stop.Load() || !r.queue.empty() {
			r.asleep.Store(false)
			timeout = 0
		}
	}
	n, err := r.config.Poller.Wait(r.events, timeout)
	if timeout != 0 {
		r.asleep.Store(false)
	}
	r.now = r.config.Clock()
	r.wheel.advance(uint32(r.now / Tick)) // first: callbacks set timers
	r.batch, r.at = n, 0
	return err
}

func (r *Reactor) dispatch() {
	if r.batch == 0 {
		return
	}
	for r.at < r.batch {
		r.dispatchBatch()
	}
	if r.config.AfterEvents != nil {
		r.guard(r.config.AfterEvents)
	}
}

// dispatchBatch goes through the events in hand until the end or a panic; one
// deferred call serves the whole batch.
func (r *Reactor) dispatchBatch() {
	defer r.recoverHandler()
	for r.at < r.batch {
		e := r.events[r.at]
		r.at++
		s := r.slots.lookup(e.Token)
		if s == nil {
			r.metrics.stale.Add(1)
			continue
		}
		r.current = s.handler
		r.current.OnReady(e.Ready)
	}
	r.current = nil
}

func (r *Reactor) runTasks() {
	for range maxTaskRounds {
		r.tasks, r.task = r.queue.take(r.spare), 0
		if len(r.tasks) == 0 {
			r.spare = r.tasks
			return
		}
		r.runTasksInHand()
	}
}

func (r *Reactor) runTasksInHand() {
	for r.task < len(r.tasks) {
		r.runTaskBatch()
	}
	clear(r.tasks)
	r.spare = r.tasks
	if cap(r.spare) > 1024 {
		r.spare = nil // a burst leaves no memory behind
	}
}

func (r *Reactor) runTaskBatch() {
	defer r.recoverTask()
	for r.task < len(r.tasks) {
		t := r.tasks[r.task]
		r.task++
		t.Run()
	}
}

func (r *Reactor) fireTimers() {
	now := uint32(r.now / Tick)
	if !r.wheel.advance(now) {
		return
	}
	for fired := 0; fired < maxTimers; {
		if !r.fireTimerBatch(now, &fired) {
			break
		}
	}
	r.current = nil // it may be gone, and is not kept
}

// fireTimerBatch fires timers until none is due, which it reports as false, or
// one panics.
func (r *Reactor) fireTimerBatch(now uint32, fired *int) (more bool) {
	more = true
	defer r.recoverHandler()
	for *fired < maxTimers {
		i, ok := r.wheel.pop(now)
		if !ok {
			return false
		}
		*fired++
		r.current = r.slots.at(i).handler
		r.current.OnTimer()
	}
	return more
}

// recoverHandler ends a panic of the current handler's callback.
func (r *Reactor) recoverHandler() {
	v := recover()
	if v == nil {
		return
	}
	r.metrics.panics.Add(1)
	p := &PanicError{Value: v, Stack: debug.Stack()}
	if h := r.current; h != nil {
		r.current = nil
		r.guard(func() { h.OnPanic(p) })
	}
}

func (r *Reactor) recoverTask() {
	if v := recover(); v != nil {
		r.metrics.panics.Add(1)
		if r.config.OnTaskPanic != nil {
			r.reportPanic(&PanicError{Value: v, Stack: debug.Stack()})
		}
	}
}

func (r *Reactor) reportPanic(p *PanicError) {
	defer func() {
		if recover() != nil {
			r.metrics.panics.Add(1)
		}
	}()
	r.config.OnTaskPanic(p)
}

func (r *Reactor) guard(f func()) {
	defer r.recoverTask()
	f()
}
