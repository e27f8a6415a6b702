package reactor_test

import (
	"fmt"
	"sync"
	"time"

	"github.com/weir-go/weir/reactor"
)

// mailboxes is a Poller of which the "descriptors" are numbers of mailboxes in
// memory: one is readable as long as there is mail in it.
type mailboxes struct {
	mu     sync.Mutex
	mail   map[int][]string
	tokens map[int]reactor.Token
	bell   chan struct{} // something has changed
}

func newMailboxes() *mailboxes {
	return &mailboxes{
		mail:   map[int][]string{},
		tokens: map[int]reactor.Token{},
		bell:   make(chan struct{}, 1),
	}
}

// Send may be called from any goroutine.
func (m *mailboxes) Send(box int, letter string) {
	m.mu.Lock()
	m.mail[box] = append(m.mail[box], letter)
	m.mu.Unlock()
	m.Wake()
}

// Read takes a letter, as read(2) takes bytes.
func (m *mailboxes) Read(box int) (letter string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	letter, m.mail[box] = m.mail[box][0], m.mail[box][1:]
	return letter
}

func (m *mailboxes) Add(fd int, t reactor.Token, i reactor.Interest) error {
	if i&reactor.Readable != 0 {
		m.tokens[fd] = t
	}
	return nil
}

func (m *mailboxes) Modify(fd int, t reactor.Token, i reactor.Interest) error {
	delete(m.tokens, fd)
	return m.Add(fd, t, i)
}

func (m *mailboxes) Remove(fd int) error { delete(m.tokens, fd); return nil }

func (m *mailboxes) Wait(events []reactor.Event, timeout time.Duration) (int, error) {
	if n := m.ready(events); n > 0 || timeout == 0 {
		return n, nil
	}
	var over <-chan time.Time // never, if timeout < 0
	if timeout > 0 {
		over = time.After(timeout)
	}
	select {
	case <-m.bell:
	case <-over:
	}
	return m.ready(events), nil
}

func (m *mailboxes) ready(events []reactor.Event) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for fd, t := range m.tokens {
		if len(m.mail[fd]) > 0 && n < len(events) {
			events[n] = reactor.Event{Token: t, Ready: reactor.Readable}
			n++
		}
	}
	return n
}

func (m *mailboxes) Wake() error {
	select {
	case m.bell <- struct{}{}:
	default: // it rings already
	}
	return nil
}

func (m *mailboxes) Close() error { return nil }

// reader is the owner of a mailbox. It gives up when no letter has come for a
// while.
type reader struct {
	loop  *reactor.Reactor
	boxes *mailboxes
	box   int
	token reactor.Token
}

const patience = 20 * time.Millisecond

func (r *reader) OnReady(reactor.Interest) {
	letter := r.boxes.Read(r.box)
	fmt.Printf("box %d: %s\n", r.box, letter)
	if letter == "bomb" {
		panic("it explodes")
	}
	r.loop.SetTimer(r.token, r.loop.Now()+patience)
}

func (r *reader) OnTimer() {
	fmt.Printf("box %d: no more letters\n", r.box)
	r.end()
}

func (r *reader) OnPanic(p *reactor.PanicError) {
	fmt.Printf("box %d: %v\n", r.box, p)
	r.end()
}

func (r *reader) end() {
	r.loop.Deregister(r.box, r.token, reactor.Readable)
	if r.loop.Len() == 0 {
		r.loop.Stop()
	}
}

func Example() {
	boxes := newMailboxes()
	loop := reactor.New(reactor.Config{Poller: boxes})
	done := make(chan error)
	go func() {
		err := loop.Run()
		loop.Close()
		done <- err
	}()

	// The loop's data belong to the loop: what others want to do there they
	// post as a task.
	loop.Post(reactor.TaskFunc(func() {
		for box := 1; box <= 2; box++ {
			r := &reader{loop: loop, boxes: boxes, box: box}
			r.token, _ = loop.Register(box, reactor.Readable, r)
		}
		boxes.Send(1, "hello")
	}))
	boxes.Send(2, "bomb")

	fmt.Println("the loop ended with", <-done)

	// Unordered output:
	// box 1: hello
	// box 2: bomb
	// box 2: panic: it explodes
	// box 1: no more letters
	// the loop ended with <nil>
}
