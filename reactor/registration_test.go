package reactor

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestModify(t *testing.T) {
	const both = Readable | Writable
	for _, test := range []struct {
		name     string
		from, to Interest
		want     journal
	}{
		{"same", Readable, Readable, nil},
		{"none stays none", 0, 0, nil},
		{"more", Readable, both, journal{"modify 3 readable|writable"}},
		{"other", Readable, Writable, journal{"modify 3 writable"}},
		{"to none", both, 0, journal{"remove 3"}},
		{"from none", 0, Writable, journal{"add 3 writable"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, p := newFake(Config{})
			tok, err := r.Register(3, test.from, &handler{})
			if err != nil {
				t.Fatal(err)
			}
			p.calls = nil
			if err := r.Modify(3, tok, test.from, test.to); err != nil {
				t.Fatal(err)
			}
			journal(p.calls).expect(t, test.want...)
		})
	}
}

// A registration without interest does not stand in the poller, from its
// beginning to its end.
func TestNoInterest(t *testing.T) {
	r, p := newFake(Config{})
	tok, err := r.Register(3, 0, &handler{})
	if err != nil {
		t.Fatal(err)
	}
	r.Modify(3, tok, 0, Readable)
	r.Modify(3, tok, Readable, 0)
	r.Deregister(3, tok, 0)
	journal(p.calls).expect(t, "add 3 readable", "remove 3")
	if r.Len() != 0 {
		t.Errorf("Len is %d", r.Len())
	}
}

func TestRegisterError(t *testing.T) {
	r, p := newFake(Config{})
	kept := register(t, r, 3, &handler{})
	p.addErr = errors.New("too large")
	if tok, err := r.Register(2000, Readable, &handler{}); err != p.addErr || tok != 0 {
		t.Errorf("Register returned %v, %v", tok, err)
	}
	if r.Len() != 1 || r.slots.lookup(kept) == nil {
		t.Error("the error has changed other registrations")
	}
}

// What has ended can be ended again, modified and given a timer, by owners that
// do not know: nothing happens.
func TestEndedRegistration(t *testing.T) {
	r, p := newFake(Config{})
	old := register(t, r, 3, &handler{})
	r.Deregister(3, old, Readable)
	owner := register(t, r, 3, &handler{timer: func() { t.Error("the timer of another has fired") }})
	p.calls = nil
	if err := errors.Join(
		r.Deregister(3, old, Readable),
		r.Modify(3, old, Readable, Writable),
	); err != nil {
		t.Error(err)
	}
	r.SetTimer(old, time.Millisecond)
	journal(p.calls).expect(t)
	if owner.Index() != old.Index() {
		t.Error("the test has not reused the slot")
	}
	p.play(t, r, p.pass(time.Second))
}

func TestDeregisterClearsTimer(t *testing.T) {
	r, p := newFake(Config{})
	late := func() { t.Error("a timer has fired after Deregister") }
	var other Token
	tok := register(t, r, 3, &handler{timer: late})
	killer := register(t, r, 4, &handler{timer: func() { r.Deregister(5, other, Readable) }})
	other = register(t, r, 5, &handler{timer: late})
	r.SetTimer(tok, 10*time.Millisecond)
	r.SetTimer(killer, 20*time.Millisecond)
	r.SetTimer(other, 21*time.Millisecond)
	r.Deregister(3, tok, Readable)
	again := register(t, r, 3, &handler{timer: late})
	p.play(t, r, p.pass(20*time.Millisecond), p.pass(time.Second))
	if again.Index() != tok.Index() {
		t.Error("the test has not reused the slot")
	}
	if r.wheel.armed != 0 {
		t.Errorf("%d timers are armed", r.wheel.armed)
	}
}

// named is a handler of which only the name matters.
type named struct {
	handler
	name int
}

func TestEach(t *testing.T) {
	const n = 2*chunkSize + 10
	r, _ := newFake(Config{})
	var tokens []Token
	for i := range n {
		tokens = append(tokens, register(t, r, i, &named{name: i}))
	}
	for i := 0; i < n; i += 3 {
		r.Deregister(i, tokens[i], Readable)
	}
	var got []int
	r.Each(func(h Handler) {
		i := h.(*named).name
		got = append(got, i)
		// It may end itself and others, which then are not visited.
		r.Deregister(i, tokens[i], Readable)
		if i+1 < n {
			r.Deregister(i+1, tokens[i+1], Readable)
		}
	})
	var want []int
	for i := 1; i < n; i += 3 {
		want = append(want, i)
	}
	if !slices.Equal(got, want) {
		t.Errorf("visited %v, want %v", got, want)
	}
	if r.Len() != 0 {
		t.Errorf("%d are left", r.Len())
	}
	r.Each(func(Handler) { t.Error("nobody is there") })
}

func TestScan(t *testing.T) {
	r, _ := newFake(Config{})
	if next := r.Scan(0, 10, nil); next != 0 {
		t.Errorf("Scan of nothing goes on at %d", next)
	}
	const n = chunkSize + 1 // two chunks
	for i := range n {
		register(t, r, i, &named{name: i})
	}
	for _, limit := range []int{1, 7, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 1000} {
		var got []int
		from, rounds := uint32(0), 0
		for {
			before := len(got)
			from = r.Scan(from, limit, func(h Handler) { got = append(got, h.(*named).name) })
			if len(got)-before > limit {
				t.Errorf("limit %d: visited %d at once", limit, len(got)-before)
			}
			rounds++
			if from == 0 {
				break
			}
		}
		if len(got) != n || !slices.IsSorted(got) {
			t.Errorf("limit %d: visited %v", limit, got)
		}
		if want := (2*chunkSize + limit - 1) / limit; rounds != want {
			t.Errorf("limit %d: took %d rounds, want %d", limit, rounds, want)
		}
	}
}
