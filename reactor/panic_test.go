package reactor

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// A panic ends the callback it comes from and nothing else: the rest of the
// batch is served, and the loop lives.
func TestPanics(t *testing.T) {
	boom := func() { panic("boom") }
	for _, test := range []struct {
		name   string
		bad    handler           // the first of two handlers
		config func(*Config)     // what else panics
		tasks  []func()          // posted before the second iteration
		panics uint64            // all of them
		told   uint64            // of these, how many OnTaskPanic hears of
		onEach func(*PanicError) // added to OnPanic of the bad handler
	}{
		{name: "none"},
		{name: "OnReady", bad: handler{ready: func(Interest) { boom() }}, panics: 2},
		{name: "OnTimer", bad: handler{timer: boom}, panics: 1},
		{name: "task", tasks: []func(){boom, boom}, panics: 2, told: 2},
		{name: "AfterEvents", config: func(c *Config) { c.AfterEvents = boom }, panics: 2, told: 2},
		{
			name: "OnPanic", bad: handler{ready: func(Interest) { boom() }, timer: boom},
			onEach: func(*PanicError) { panic("again") }, panics: 6, told: 3,
		},
		{
			name: "OnTaskPanic", tasks: []func(){boom, boom},
			config: func(c *Config) {
				tell := c.OnTaskPanic
				c.OnTaskPanic = func(p *PanicError) { tell(p); boom() }
			},
			panics: 4, told: 2,
		},
		{
			name: "all of them", bad: handler{ready: func(Interest) { boom() }, timer: boom}, tasks: []func(){boom},
			config: func(c *Config) { c.AfterEvents = boom }, panics: 6, told: 3,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var told, handled, served, ran, fired uint64
			config := Config{OnTaskPanic: func(*PanicError) { told++ }}
			if test.config != nil {
				test.config(&config)
			}
			r, p := newFake(config)
			bad := test.bad
			bad.panic = func(p *PanicError) {
				handled++
				if test.onEach != nil {
					test.onEach(p)
				}
			}
			a := register(t, r, 3, &bad)
			b := register(t, r, 4, &handler{
				ready: func(Interest) { served++ },
				timer: func() { fired++ },
				panic: func(p *PanicError) { t.Errorf("the wrong handler hears of %v", p) },
			})
			r.SetTimer(a, 3*time.Millisecond)
			r.SetTimer(b, 3*time.Millisecond)
			p.play(t, r,
				events(Event{a, Readable}, Event{b, Readable}),
				func() []Event {
					for _, f := range test.tasks {
						r.Post(TaskFunc(f))
					}
					r.Post(TaskFunc(func() { ran++ }))
					return []Event{{b, Readable}, {a, Readable}, {b, Readable}}
				},
				p.pass(3*time.Millisecond),
			)
			if served != 3 || ran != 1 || fired != 1 {
				t.Errorf("served %d of 3 events, %d of 1 task, %d of 1 timer", served, ran, fired)
			}
			if s := r.Stats(); s.Panics != test.panics {
				t.Errorf("%d panics counted, want %d", s.Panics, test.panics)
			}
			if told != test.told {
				t.Errorf("OnTaskPanic has heard of %d, want %d", told, test.told)
			}
			if want := (test.panics - test.told); test.config == nil && test.onEach == nil && handled != want {
				t.Errorf("OnPanic has heard of %d, want %d", handled, want)
			}
		})
	}
}

// Nobody need listen.
func TestPanicWithoutOnTaskPanic(t *testing.T) {
	r, p := newFake(Config{})
	r.Post(TaskFunc(func() { panic("boom") }))
	p.play(t, r)
	if s := r.Stats(); s.Panics != 1 {
		t.Errorf("Stats are %+v, want 1 panic", s)
	}
}

func TestPanicError(t *testing.T) {
	var got []*PanicError
	r, p := newFake(Config{OnTaskPanic: func(p *PanicError) { got = append(got, p) }})
	r.Post(TaskFunc(func() { panic(io.ErrUnexpectedEOF) }))
	r.Post(TaskFunc(panickingTask))
	p.play(t, r)
	if len(got) != 2 {
		t.Fatalf("%d panics", len(got))
	}
	if !errors.Is(got[0], io.ErrUnexpectedEOF) || got[0].Error() != "panic: unexpected EOF" {
		t.Errorf("an error became %q", got[0])
	}
	if got[1].Unwrap() != nil || got[1].Value != 42 || got[1].Error() != "panic: 42" {
		t.Errorf("42 became %q", got[1])
	}
	if !strings.Contains(string(got[1].Stack), "panickingTask") {
		t.Errorf("the stack does not show the place:\n%s", got[1].Stack)
	}
}

func panickingTask() { panic(42) }

// A handler that has ended is not kept by the loop.
func TestHandlerIsNotKept(t *testing.T) {
	r, p := newFake(Config{})
	for _, h := range []*handler{{}, {ready: func(Interest) { panic(1) }, timer: func() { panic(2) }}} {
		tok := register(t, r, 3, h)
		r.SetTimer(tok, r.Now()+time.Millisecond)
		check := func() []Event {
			if r.current != nil {
				t.Error("the loop holds a handler while it sleeps")
			}
			return nil
		}
		p.play(t, r, events(Event{tok, Readable}), check, p.pass(time.Second), check)
		r.Deregister(3, tok, Readable)
	}
}
