package reactor

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// patience bounds every wait of the tests. It is never meant to be used up.
const patience = 30 * time.Second

// fakePoller is a Poller without descriptors. Its Waits follow a script. When
// that has ended they behave as those of a system in which nothing happens: they
// let the clock run on to the timeout, or sleep until Wake.
type fakePoller struct {
	script []step
	end    func()    // called by the first Wait after the script, if set
	clock  fakeClock // the time of the reactor, if it is given to it

	calls    []string // Add, Modify, Remove and Close as they came
	addErr   error    // the answer of Add
	timeouts []time.Duration
	wakes    atomic.Int64
	wake     chan struct{}
}

// A step is one Wait: it returns the events, and may do what the rest of the
// world does meanwhile.
type step func() []Event

func newFakePoller() *fakePoller { return &fakePoller{wake: make(chan struct{}, 1)} }

func (p *fakePoller) record(format string, args ...any) {
	p.calls = append(p.calls, fmt.Sprintf(format, args...))
}

func (p *fakePoller) Add(fd int, t Token, i Interest) error {
	p.record("add %d %v", fd, i)
	return p.addErr
}

func (p *fakePoller) Modify(fd int, t Token, i Interest) error {
	p.record("modify %d %v", fd, i)
	return nil
}

func (p *fakePoller) Remove(fd int) error {
	p.record("remove %d", fd)
	return nil
}

func (p *fakePoller) Close() error {
	p.record("close")
	return nil
}

func (p *fakePoller) Wake() error {
	p.wakes.Add(1)
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return nil
}

func (p *fakePoller) Wait(events []Event, timeout time.Duration) (int, error) {
	p.timeouts = append(p.timeouts, timeout)
	if len(p.script) > 0 {
		next := p.script[0]
		p.script = p.script[1:]
		return copy(events, next()), nil
	}
	if p.end != nil {
		p.end()
		p.end = nil
	}
	return 0, p.sleep(timeout)
}

func (p *fakePoller) sleep(timeout time.Duration) error {
	select {
	case <-p.wake:
		return nil
	default:
	}
	switch {
	case timeout > 0:
		p.clock.now.Add(int64(timeout))
	case timeout < 0:
		select {
		case <-p.wake:
		case <-time.After(patience):
			return fmt.Errorf("nobody has woken the loop in %v", patience)
		}
	}
	return nil
}

type fakeClock struct{ now atomic.Int64 }

func (c *fakeClock) read() time.Duration { return time.Duration(c.now.Load()) }

// newFake returns a Reactor on a fake poller and its clock.
func newFake(config Config) (*Reactor, *fakePoller) {
	p := newFakePoller()
	config.Poller, config.Clock = p, p.clock.read
	return New(config), p
}

// play runs the loop through the script and ends it. Unlike others, this loop
// can be run again.
func (p *fakePoller) play(t testing.TB, r *Reactor, script ...step) {
	t.Helper()
	r.stop.Store(false)
	r.queue.closed = false
	p.script, p.end = script, r.Stop
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if len(p.script) > 0 {
		t.Fatalf("the loop has ended %d steps early", len(p.script))
	}
}

// events is the step of a Wait that finds these.
func events(e ...Event) step { return func() []Event { return e } }

// pass is the step of a sleep that ends after d.
func (p *fakePoller) pass(d time.Duration) step {
	return func() []Event { p.clock.now.Add(int64(d)); return nil }
}

// handler is a Handler made of functions.
type handler struct {
	ready func(Interest)
	timer func()
	panic func(*PanicError)
}

func (h *handler) OnReady(i Interest) {
	if h.ready != nil {
		h.ready(i)
	}
}

func (h *handler) OnTimer() {
	if h.timer != nil {
		h.timer()
	}
}

func (h *handler) OnPanic(p *PanicError) {
	if h.panic != nil {
		h.panic(p)
	}
}

// register is Register for a test that does not expect an error.
func register(t testing.TB, r *Reactor, fd int, h Handler) Token {
	t.Helper()
	tok, err := r.Register(fd, Readable, h)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// start runs the loop on a goroutine of its own until the test ends.
func start(t testing.TB, r *Reactor) {
	done := make(chan error, 1)
	go func() { done <- r.Run() }()
	t.Cleanup(func() {
		r.Stop()
		if err := receive(t, done, "the end of the loop"); err != nil {
			t.Error(err)
		}
	})
}

// receive waits for a value, as long as patience lasts.
func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("timed out waiting for %s", what)
		panic("unreachable")
	}
}

// journal is a list of what has happened.
type journal []string

func (j *journal) add(format string, args ...any) { *j = append(*j, fmt.Sprintf(format, args...)) }

func (j journal) expect(t testing.TB, want ...string) {
	t.Helper()
	if fmt.Sprint([]string(j)) != fmt.Sprint(want) {
		t.Errorf("got\n\t%q\nwant\n\t%q", []string(j), want)
	}
}
