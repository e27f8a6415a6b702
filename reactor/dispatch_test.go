package reactor

import (
	"errors"
	"testing"
	"time"
)

func TestDispatchOrder(t *testing.T) {
	var j journal
	r, p := newFake(Config{AfterEvents: func() { j.add("after") }})
	named := func(fd int, name string) Token {
		return register(t, r, fd, &handler{
			ready: func(i Interest) {
				j.add("%s %v", name, i)
				r.Post(TaskFunc(func() { j.add("task of %s", name) }))
			},
			timer: func() { j.add("timer of %s", name) },
		})
	}
	a, b := named(3, "a"), named(4, "b")
	r.SetTimer(a, 5*time.Millisecond)
	p.play(t, r,
		events(Event{b, Writable}, Event{a, Readable | Writable}),
		func() []Event {
			p.clock.now.Add(int64(5 * time.Millisecond))
			return []Event{{a, Readable}, {b, Readable}, {a, Writable}}
		},
		events(), // nothing happened: AfterEvents is not called
	)
	j.expect(t,
		"b writable", "a readable|writable", "after", "task of b", "task of a",
		"a readable", "b readable", "a writable", "after",
		"task of a", "task of b", "task of a", "timer of a",
	)
}

// More events than one Wait takes come with the following ones, and the tasks
// and timers in between.
func TestDispatchFullBatches(t *testing.T) {
	r, p := newFake(Config{})
	n := 0
	tok := register(t, r, 3, &handler{ready: func(Interest) { n++ }})
	batch := make([]Event, maxEvents)
	for i := range batch {
		batch[i] = Event{tok, Readable}
	}
	tasks := 0
	post := func() []Event {
		r.Post(TaskFunc(func() { tasks++ }))
		return batch
	}
	p.play(t, r, post, post, post)
	if n != 3*maxEvents || tasks != 3 {
		t.Errorf("%d events and %d tasks", n, tasks)
	}
}

// A handler ends other registrations, and its own, while events for them are in
// hand, and their slots and descriptors get new owners at once.
func TestStaleEvents(t *testing.T) {
	var j journal
	r, p := newFake(Config{})
	var victims [2]Token
	var self Token
	newcomer := func(fd int, name string) Token {
		return register(t, r, fd, &handler{ready: func(i Interest) { j.add("%s %v", name, i) }})
	}
	var fresh [3]Token
	self = register(t, r, 3, &handler{ready: func(Interest) {
		j.add("killer")
		for i, v := range victims {
			r.Deregister(4+i, v, Readable)
		}
		r.Deregister(3, self, Readable)
		for i := range fresh {
			fresh[i] = newcomer(3+i, "new")
		}
	}})
	for i := range victims {
		victims[i] = register(t, r, 4+i, &handler{ready: func(Interest) { t.Error("called after Deregister") }})
	}
	p.play(t, r,
		events(
			Event{self, Readable},
			Event{victims[0], Readable},
			Event{self, Writable},
			Event{victims[1], Readable | Writable},
		),
		func() []Event { return []Event{{fresh[0], Readable}, {fresh[1], Readable}, {fresh[2], Readable}} },
	)
	j.expect(t, "killer", "new readable", "new readable", "new readable")
	if s := r.Stats(); s.Stale != 3 || s.Panics != 0 {
		t.Errorf("Stats are %+v, want 3 stale events", s)
	}
	reused := map[uint32]bool{}
	for _, f := range fresh {
		reused[f.Index()] = true
	}
	for _, old := range []Token{self, victims[0], victims[1]} {
		if !reused[old.Index()] {
			t.Errorf("the test has not reused slot %d", old.Index())
		}
	}
	if r.Len() != 3 {
		t.Errorf("Len is %d, want 3", r.Len())
	}
}

func TestForeignTokens(t *testing.T) {
	r, p := newFake(Config{})
	tok := register(t, r, 3, &handler{ready: func(Interest) { t.Error("called") }})
	p.play(t, r, events(
		Event{0, Readable},
		Event{NewToken(tok.Index(), tok.Generation()+1), Readable},
		Event{NewToken(tok.Index()+1, 1), Readable},     // a free slot
		Event{NewToken(chunkSize, 1), Readable},         // beyond the table
		Event{NewToken(1<<32-1, 1<<32-1), Readable},     // far beyond
		Event{NewToken(tok.Index()+1, 0), Readable | 3}, // never given out
	))
	if s := r.Stats(); s.Stale != 6 {
		t.Errorf("Stats are %+v, want 6 stale events", s)
	}
}

func TestPollerErrorEndsRun(t *testing.T) {
	r, p := newFake(Config{})
	failure := errors.New("EBADF")
	ran := false
	p.script = []step{func() []Event {
		r.Post(TaskFunc(func() { ran = true }))
		return nil
	}}
	r.config.Poller = failing{p, failure}
	if err := r.Run(); err != failure {
		t.Errorf("Run returned %v", err)
	}
	if !ran {
		t.Error("a task that was accepted has not run")
	}
	if r.Post(TaskFunc(func() {})) {
		t.Error("Post says true after the end")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// failing is a poller whose Waits go wrong.
type failing struct {
	*fakePoller
	err error
}

func (p failing) Wait(events []Event, timeout time.Duration) (int, error) {
	p.fakePoller.Wait(events, 0)
	return 0, p.err
}

func TestDispatchAllocations(t *testing.T) {
	r, p := newFake(Config{AfterEvents: func() {}})
	tok := register(t, r, 3, &handler{})
	stale := NewToken(tok.Index(), tok.Generation()+1)
	batch := events(Event{tok, Readable}, Event{stale, Readable}, Event{tok, Writable})
	script := []step{batch}
	var task Task = TaskFunc(func() {})
	n := testing.AllocsPerRun(100, func() {
		p.script, p.timeouts = script, p.timeouts[:0]
		r.Post(task)
		r.wait()
		r.dispatch()
		r.runTasks()
		r.fireTimers()
	})
	if n != 0 {
		t.Errorf("%v allocations per iteration", n)
	}
}

func TestLag(t *testing.T) {
	r, p := newFake(Config{})
	var busy time.Duration
	tok := register(t, r, 3, &handler{ready: func(Interest) { p.clock.now.Add(int64(busy)) }})
	take := func(d time.Duration) step {
		return func() []Event {
			busy = d
			p.clock.now.Add(int64(time.Hour)) // asleep
			return []Event{{tok, Readable}}
		}
	}
	var lag []time.Duration
	look := func() []Event {
		lag = append(lag, r.Stats().Lag)
		if r.Clock() != r.Now()+r.Stats().Lag {
			t.Errorf("the clock says %v, the iteration of %v took %v", r.Clock(), r.Now(), r.Stats().Lag)
		}
		return nil
	}
	p.play(t, r, take(7*time.Millisecond), look, take(3*time.Millisecond), look)
	if lag[0] != 7*time.Millisecond || lag[1] != 3*time.Millisecond {
		t.Errorf("Lag was %v", lag)
	}
	if s := r.Stats(); s.MaxLag != 7*time.Millisecond || s.Iterations != 5 {
		t.Errorf("Stats are %+v, want MaxLag 7ms and 5 iterations", s)
	}
}
