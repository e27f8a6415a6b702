package reactor

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// A timer never fires before its time, and fires in the first iteration whose
// Now has reached the tick after it.
func TestTimerTimes(t *testing.T) {
	r, p := newFake(Config{})
	random := rand.New(rand.NewPCG(1, 2))
	const timers, fires = 50, 2000
	type timer struct{ at, set time.Duration }
	var (
		state  [timers]timer
		tokens [timers]Token
		fired  int
	)
	arm := func(i int) {
		at := r.Now() + time.Duration(random.Int64N(int64(Tick)<<random.IntN(24))) - Tick
		at = max(at, 0)
		state[i] = timer{at, r.Now()}
		r.SetTimer(tokens[i], at)
	}
	due := func(i int) time.Duration {
		s := state[i]
		return max((s.at+Tick-1)/Tick, s.set/Tick+1) * Tick
	}
	previous := time.Duration(0) // Now of the iteration before
	for i := range timers {
		tokens[i] = register(t, r, i, &handler{timer: func() {
			if now := r.Now(); now < state[i].at || now < due(i) || previous >= due(i) {
				t.Errorf("at %v the timer of %v fired, due at %v; the last chance was at %v", now, state[i].at, due(i), previous)
			}
			fired++
			if fired < fires {
				arm(i)
			}
		}})
		arm(i)
	}
	for r.wheel.armed > 0 && !t.Failed() {
		// As Run does, with a busy spell now and then.
		previous = r.Now()
		if random.IntN(8) == 0 {
			p.clock.now.Add(random.Int64N(int64(2 * time.Second)))
		}
		r.wait()
		r.fireTimers()
	}
	if fired < fires {
		t.Errorf("%d timers have fired", fired)
	}
}

func TestTimerPast(t *testing.T) {
	for _, before := range []time.Duration{0, 1, Tick - 1, Tick, time.Hour, 1 << 50} {
		r, p := newFake(Config{})
		p.clock.now.Store(1 << 51)
		var fired []time.Duration
		tok := register(t, r, 3, &handler{timer: func() { fired = append(fired, r.Now()) }})
		p.play(t, r, func() []Event { return []Event{{tok, Readable}} }, func() []Event {
			r.Post(TaskFunc(func() { r.SetTimer(tok, r.Now()-before) }))
			return nil
		}, p.pass(Tick))
		if len(fired) != 1 || fired[0] != 1<<51+Tick {
			t.Errorf("a timer of %v ago fired at %v", before, fired)
		}
	}
}

func TestTimerZeroAndOff(t *testing.T) {
	r, p := newFake(Config{})
	n := 0
	tok := register(t, r, 3, &handler{timer: func() { n++ }})
	r.SetTimer(tok, 0) // the beginning of time: it has come
	p.play(t, r, p.pass(Tick))
	if n != 1 {
		t.Errorf("a timer of time 0 fired %d times", n)
	}
	r.SetTimer(tok, r.Now()+Tick)
	r.SetTimer(tok, -1)
	r.SetTimer(tok, -1)
	p.play(t, r, p.pass(time.Hour))
	if n != 1 || r.wheel.armed != 0 {
		t.Errorf("a timer that was switched off fired")
	}
}

// What is too far ahead fires early, but far ahead, and can be set again.
func TestTimerFar(t *testing.T) {
	const day = 24 * time.Hour
	for _, far := range []time.Duration{maxTicks * Tick, (maxTicks + 1) * Tick, 25 * day, 50 * day, 1000 * day, math.MaxInt64} {
		for _, begin := range []time.Duration{0, 12 * day, 100 * day} {
			r, p := newFake(Config{})
			p.clock.now.Store(int64(begin))
			fired := 0
			var set time.Duration
			var tok Token
			arm := func() {
				set = r.Now()
				at := set + far
				if at < set {
					at = math.MaxInt64
				}
				r.SetTimer(tok, at)
			}
			tok = register(t, r, 3, &handler{
				ready: func(Interest) { arm() },
				timer: func() {
					if now := r.Now(); now-set < 12*day || now-set > 13*day {
						t.Errorf("set at %v for %v ahead, the timer fired at %v", set, far, now)
					}
					if fired++; fired < 3 {
						arm()
					}
				},
			})
			p.script = []step{events(Event{tok, Readable})}
			for looks := 0; fired < 3 && looks < 4*wheelLevels; looks++ {
				r.wait()
				r.dispatch()
				r.fireTimers()
			}
			if fired != 3 {
				t.Errorf("the timer of %v fired %d times", far, fired)
			}
		}
	}
}

// After any time without timers, also while events come, the next is on time.
func TestTimerAfterIdleTime(t *testing.T) {
	const day = 24 * time.Hour
	for _, idle := range []time.Duration{day, 13 * day, 25 * day, 40 * day, 50 * day, 1000 * day} {
		r, p := newFake(Config{})
		var fired []time.Duration
		var tok Token
		tok = register(t, r, 3, &handler{
			ready: func(Interest) { r.SetTimer(tok, r.Now()+time.Minute) },
			timer: func() { fired = append(fired, r.Now()) },
		})
		p.play(t, r,
			func() []Event { p.clock.now.Add(int64(idle)); return []Event{{tok, Readable}} },
			p.pass(time.Minute-1),
			p.pass(1),
		)
		if len(fired) != 1 || fired[0] != idle+time.Minute {
			t.Errorf("after %v, a timer of a minute fired at %v", idle, fired)
		}
	}
}

// A callback that sets its timer again, to a time that has come already, gets it
// in the next iteration: it cannot hold the loop.
func TestTimerSetInCallback(t *testing.T) {
	r, p := newFake(Config{})
	var at []uint64
	var tok, other Token
	tok = register(t, r, 3, &handler{timer: func() {
		at = append(at, r.Stats().Iterations)
		if len(at) < 5 {
			r.SetTimer(tok, r.Now()-time.Hour)
		}
	}})
	others := 0
	other = register(t, r, 4, &handler{timer: func() { others++; r.SetTimer(tok, r.Now()) }})
	r.SetTimer(tok, Tick)
	r.SetTimer(other, 2*Tick)
	late := p.pass(time.Hour)
	p.play(t, r, late, late, late, late, late, late)
	if len(at) != 5 || others != 1 {
		t.Fatalf("fired %d times and %d times", len(at), others)
	}
	for i, n := range at {
		if n != uint64(i) {
			t.Errorf("fired in the iterations %v, want one each", at)
			break
		}
	}
}

// A callback moves and clears the timers of others that are due as well.
func TestTimerOfOthersInCallback(t *testing.T) {
	r, p := newFake(Config{})
	var tokens [3]Token
	var j journal
	for i := range tokens {
		tokens[i] = register(t, r, i, &handler{timer: func() {
			j.add("%v at %v", i, r.Now())
			if len(j) == 1 {
				r.SetTimer(tokens[(i+1)%3], -1)
				r.SetTimer(tokens[(i+2)%3], r.Now()+time.Second)
			}
		}})
		r.SetTimer(tokens[i], Tick)
	}
	p.play(t, r, p.pass(Tick), p.pass(time.Minute))
	if len(j) != 2 || j[1][1:] != " at 1m0.001s" {
		t.Errorf("got %q", j)
	}
}

// A bounded number fires per iteration; the rest follows without a sleep, and
// with a look at the descriptors in between.
func TestTimersPerIteration(t *testing.T) {
	r, p := newFake(Config{})
	const n = 2*maxTimers + 100
	fired := 0
	h := &handler{timer: func() { fired++ }}
	for i := range n {
		tok := register(t, r, i, h)
		r.SetTimer(tok, time.Duration(1+i%5)*Tick)
	}
	var seen []int
	look := func() []Event { seen = append(seen, fired); return nil }
	p.play(t, r, p.pass(5*Tick), look, look, look)
	if seen[0] != maxTimers || seen[1] != 2*maxTimers || seen[2] != n {
		t.Errorf("after the iterations %v of %d had fired", seen, n)
	}
	if p.timeouts[1] != 0 || p.timeouts[2] != 0 || p.timeouts[3] >= 0 {
		t.Errorf("the timeouts were %v", p.timeouts)
	}
}

// The loop sleeps until the next tick of interest and no longer, and without
// timers, without bound.
func TestTimeouts(t *testing.T) {
	r, p := newFake(Config{})
	tok := register(t, r, 3, &handler{ready: func(Interest) { p.clock.now.Add(int64(2 * Tick)) }})
	p.play(t, r,
		events(),
		func() []Event {
			p.clock.now.Add(int64(Tick / 4))
			r.Post(TaskFunc(func() { r.SetTimer(tok, 10*Tick-5) }))
			return nil
		},
		p.pass(Tick),
		func() []Event { return []Event{{tok, Readable}} }, // takes its time
		p.pass(10*Tick),
	)
	want := []time.Duration{-1, -1, 10*Tick - Tick/4, 9*Tick - Tick/4, 7*Tick - Tick/4, -1}
	for i, d := range want {
		if p.timeouts[i] != d {
			t.Fatalf("the timeouts were %v, want %v", p.timeouts, want)
		}
	}
}

func TestSetTimerAllocations(t *testing.T) {
	r, _ := newFake(Config{})
	var tokens [1000]Token
	for i := range tokens {
		tokens[i] = register(t, r, i, &handler{})
	}
	i := 0
	n := testing.AllocsPerRun(5000, func() {
		i++
		r.SetTimer(tokens[i*7%1000], time.Duration(i*i))
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
