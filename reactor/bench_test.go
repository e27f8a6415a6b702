package reactor

import (
	"testing"
	"time"
)

// benchPoller reports the same events each time, without an end.
type benchPoller struct {
	*fakePoller
	events []Event
}

func (p *benchPoller) Wait(events []Event, timeout time.Duration) (int, error) {
	return copy(events, p.events), nil
}

// BenchmarkDispatch is an iteration with a full batch of events, each of its own
// registration.
func BenchmarkDispatch(b *testing.B) {
	p := &benchPoller{fakePoller: newFakePoller()}
	r := New(Config{Poller: p, AfterEvents: func() {}})
	called := 0
	h := &handler{ready: func(Interest) { called++ }}
	for i := range maxEvents {
		p.events = append(p.events, Event{register(b, r, i, h), Readable})
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		r.wait()
		r.dispatch()
		r.runTasks()
		r.fireTimers()
	}
	if called != n*maxEvents {
		b.Fatalf("%d calls in %d iterations", called, n)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(called), "ns/event")
}

// BenchmarkPost is one task for a loop that sleeps, there and back.
func BenchmarkPost(b *testing.B) {
	r := New(Config{Poller: newBlockingPoller()})
	start(b, r)
	done := make(chan struct{})
	var task Task = TaskFunc(func() { done <- struct{}{} })
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		r.Post(task)
		<-done
	}
	b.ReportMetric(float64(r.Stats().Wakeups)/float64(n), "wakeups/op")
}

// BenchmarkPostParallel is one task of many for a loop that is mostly awake.
func BenchmarkPostParallel(b *testing.B) {
	r := New(Config{Poller: newBlockingPoller()})
	start(b, r)
	var task Task = TaskFunc(func() {})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Post(task)
		}
	})
	b.ReportMetric(float64(r.Stats().Wakeups)/float64(b.N), "wakeups/op")
}

// blockingPoller sleeps until Wake, and keeps no record.
type blockingPoller struct{ *fakePoller }

func newBlockingPoller() blockingPoller { return blockingPoller{newFakePoller()} }

func (p blockingPoller) Wait(events []Event, timeout time.Duration) (int, error) {
	if timeout != 0 {
		<-p.wake
	}
	return 0, nil
}

func BenchmarkSetTimer(b *testing.B) {
	r, _ := newFake(Config{})
	var tokens [1000]Token
	for i := range tokens {
		tokens[i] = register(b, r, i, &handler{})
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		r.SetTimer(tokens[i%1000], time.Duration(i)*Tick/16)
	}
}

// BenchmarkFireTimers is the whole life of a timer: set, moved down the levels,
// fired.
func BenchmarkFireTimers(b *testing.B) {
	r, p := newFake(Config{})
	const timers = 1000
	fired := 0
	var tokens [timers]Token
	for i := range tokens {
		tokens[i] = register(b, r, i, &handler{timer: func() {
			fired++
			r.SetTimer(tokens[i], r.Now()+time.Duration(1+fired*7919%100_000)*Tick)
		}})
		r.SetTimer(tokens[i], Tick)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.timeouts = p.timeouts[:0]
		r.wait()
		r.fireTimers()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(max(fired, 1)), "ns/timer")
}
