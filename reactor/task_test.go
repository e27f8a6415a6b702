package reactor

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// However many tasks come while the loop sleeps, one system call wakes it.
func TestWakeCoalescing(t *testing.T) {
	r, p := newFake(Config{})
	ran := 0
	asleep := func() []Event {
		var producers sync.WaitGroup
		for range 10 {
			producers.Go(func() {
				for range 100 {
					r.Post(TaskFunc(func() { ran++ }))
				}
			})
		}
		producers.Wait()
		return nil
	}
	for i := range int64(3) {
		p.play(t, r, asleep)
		// The end of the script is a Stop during a sleep: another wake-up.
		if got, want := p.wakes.Load(), 2*(i+1); got != want {
			t.Errorf("%d wake-ups, want %d", got, want)
		}
	}
	if ran != 3000 {
		t.Errorf("%d tasks have run, want 3000", ran)
	}
	if s := r.Stats(); s.Wakeups != 6 {
		t.Errorf("Stats are %+v, want 6 wake-ups", s)
	}
}

// Whoever posts while the loop is busy does not pay for a system call, and the
// loop does not sleep before it has looked.
func TestNoWakeWhileBusy(t *testing.T) {
	var r *Reactor
	ran := 0
	post := func() { r.Post(TaskFunc(func() { ran++ })) }
	r, p := newFake(Config{AfterEvents: func() { post() }})
	tok := register(t, r, 3, &handler{
		ready: func(Interest) { post() },
		timer: func() { post() },
	})
	r.SetTimer(tok, time.Millisecond)
	post() // before Run
	p.script = []step{
		func() []Event {
			p.clock.now.Add(int64(time.Second))
			return []Event{{tok, Readable}}
		},
		func() []Event {
			r.Post(TaskFunc(r.Stop)) // the loop does not sleep: a timer has posted
			return nil
		},
	}
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if n := p.wakes.Load(); n != 0 {
		t.Errorf("%d wake-ups of a loop that was awake", n)
	}
	if ran != 4 {
		t.Errorf("%d tasks have run, want 4", ran)
	}
	for i, d := range p.timeouts {
		if d != 0 {
			t.Errorf("Wait %d has slept, with tasks in the queue", i)
		}
	}
}

// Nor does whoever posts when the sleep is over.
func TestNoWakeAfterSleep(t *testing.T) {
	r, p := newFake(Config{})
	tok := register(t, r, 3, &handler{ready: func(Interest) {
		r.Post(TaskFunc(func() { r.Post(TaskFunc(r.Stop)) }))
	}})
	p.script = []step{events(Event{tok, Readable})}
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	if p.timeouts[0] >= 0 || p.wakes.Load() != 0 {
		t.Errorf("the timeouts were %v, with %d wake-ups", p.timeouts, p.wakes.Load())
	}
}

// The loop announces its sleep before it looks at the queue for the last time.
// In the other order, what is posted in between waits until the loop wakes up for
// another reason.
func TestSleepIsAnnouncedFirst(t *testing.T) {
	r, p := newFake(Config{})
	locked := make(chan struct{})
	tok := register(t, r, 3, &handler{timer: func() {
		// Timers are the last of an iteration: the loop is stopped by this
		// when it looks at the queue.
		r.queue.mu.Lock()
		close(locked)
	}})
	p.script = []step{p.pass(Tick)}
	r.SetTimer(tok, Tick)
	start(t, r)
	receive(t, locked, "the timer")
	defer r.queue.mu.Unlock()
	for end := time.Now().Add(patience); !r.asleep.Load(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("the loop looks at the queue, and has not said that it will sleep")
		}
	}
}

// Every task that Post has accepted runs once, in the order of its producer,
// and the loop always wakes up for it, also beside a task that always panics.
func TestNoTaskIsLost(t *testing.T) {
	const (
		loops     = 3
		producers = 4
		tasks     = 2000 // of a producer for a loop
	)
	type box struct {
		*Reactor
		panics atomic.Int64
		last   [producers]int // the loop's
		ran    int            // the loop's
	}
	var boxes [loops]*box
	for i := range boxes {
		b := &box{}
		b.Reactor = New(Config{Poller: newFakePoller(), OnTaskPanic: func(*PanicError) { b.panics.Add(1) }})
		boxes[i] = b
		start(t, b.Reactor)
	}
	var running sync.WaitGroup
	for p := range producers {
		running.Go(func() {
			done := make(chan struct{}, 1)
			for n := 1; n <= tasks; n++ {
				b := boxes[(p+n)%loops]
				for _, b := range boxes {
					b.Post(TaskFunc(func() {
						b.ran++
						if b.last[p]++; b.last[p] != n {
							t.Errorf("task %d of producer %d came as number %d", n, p, b.last[p])
						}
					}))
				}
				switch {
				case n%32 == 0:
					b.Post(TaskFunc(func() { panic("as always") }))
				case n%2 == 0:
					// Waiting lets the loop go to sleep just when the next
					// task comes.
					b.Post(TaskFunc(func() { done <- struct{}{} }))
					select {
					case <-done:
					case <-time.After(patience):
						t.Error("a task was not run")
						return
					}
				}
			}
		})
	}
	running.Wait()
	var panics int64
	for i, b := range boxes {
		ran := make(chan int, 1)
		b.Post(TaskFunc(func() { ran <- b.ran }))
		if n := receive(t, ran, "the last task"); n != producers*tasks {
			t.Errorf("loop %d has run %d tasks, want %d", i, n, producers*tasks)
		}
		if s := b.Stats(); s.Panics != uint64(b.panics.Load()) {
			t.Errorf("Stats are %+v, but %d panics were reported", s, b.panics.Load())
		}
		panics += b.panics.Load()
	}
	if want := int64(producers * (tasks / 32)); panics != want {
		t.Errorf("%d panics, want %d", panics, want)
	}
}

// A task that posts itself runs a bounded number of times before the loop looks
// at its descriptors, which it then does without sleeping.
func TestTaskThatPostsItself(t *testing.T) {
	r, p := newFake(Config{})
	runs, over := 0, false
	var again TaskFunc
	again = func() {
		runs++
		if !over {
			r.Post(again)
		}
	}
	looks := 0
	tok := register(t, r, 3, &handler{ready: func(Interest) { looks++; over = looks == 3 }})
	var before []int
	look := func() []Event {
		before = append(before, runs)
		return []Event{{tok, Readable}}
	}
	r.Post(again)
	p.play(t, r, look, look, look)
	for i, n := range before {
		if n != i*maxTaskRounds {
			t.Errorf("before look %d there were %d runs, want %d", i, n, i*maxTaskRounds)
		}
		if p.timeouts[i] != 0 {
			t.Errorf("look %d was a sleep", i)
		}
	}
}

func TestStop(t *testing.T) {
	r, p := newFake(Config{})
	var j journal
	task := func(name string, more ...func()) Task {
		return TaskFunc(func() {
			j.add("%s", name)
			for _, f := range more {
				f()
			}
		})
	}
	r.Post(task("first"))
	r.Post(task("parent", func() { r.Post(task("child", func() { r.Post(task("grandchild")) })) }))
	r.Stop()
	r.Stop() // is harmless
	r.Post(task("after Stop"))
	if err := r.Run(); err != nil {
		t.Fatal(err)
	}
	j.expect(t, "first", "parent", "after Stop", "child", "grandchild")
	if r.Post(task("too late")) {
		t.Error("Post says true after the end")
	}
	r.Stop()
	if n := p.wakes.Load(); n != 0 {
		t.Errorf("%d wake-ups of a loop that does not run", n)
	}
}

// Stop reaches a sleeping loop, and what Post has accepted until the end has
// run, whatever the moment.
func TestStopRace(t *testing.T) {
	for range 100 {
		r := New(Config{Poller: newFakePoller()})
		done := make(chan error, 1)
		go func() { done <- r.Run() }()
		accepted, ran := 0, 0
		producer := make(chan struct{})
		go func() {
			defer close(producer)
			for r.Post(TaskFunc(func() { ran++ })) {
				accepted++
			}
		}()
		r.Stop()
		if err := receive(t, done, "the end of the loop"); err != nil {
			t.Fatal(err)
		}
		receive(t, producer, "the producer")
		if ran != accepted {
			t.Fatalf("%d tasks accepted, %d run", accepted, ran)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCloseInsteadOfRun(t *testing.T) {
	r, p := newFake(Config{})
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if r.Post(TaskFunc(func() {})) {
		t.Error("Post says true after Close")
	}
	journal(p.calls).expect(t, "close")
}

// A burst of tasks leaves neither tasks nor their room behind.
func TestBurstLeavesNoMemory(t *testing.T) {
	r, p := newFake(Config{})
	for range 100_000 {
		r.Post(TaskFunc(func() {}))
	}
	p.play(t, r, events())
	for name, s := range map[string][]Task{"spare": r.spare, "tasks": r.tasks, "queue": r.queue.tasks} {
		if cap(s) > 1024 {
			t.Errorf("%s has room for %d tasks", name, cap(s))
		}
		for _, task := range s[:cap(s)] {
			if task != nil {
				t.Errorf("%s still holds a task", name)
				break
			}
		}
	}
}
