package weir

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-go/weir/reactor"
)

var systemPollers = []pollerMaker{
	{"epoll", func() (reactor.Poller, error) { return newEpoll(false) }},
	{"epoll parking", func() (reactor.Poller, error) { return newEpoll(true) }},
}

// ownFDs are the descriptors that a poller has opened.
func ownFDs(p reactor.Poller) []int {
	switch p := p.(type) {
	case *epoll:
		return []int{p.fd, p.wakeFD}
	case *selectPoller:
		return []int{p.wakeR, p.wakeW}
	}
	panic(fmt.Sprintf("%T", p))
}

func dup2(from, to int) error { return unix.Dup3(from, to, unix.O_CLOEXEC) }

// A signal that ends the system call ends the Wait, and is no error. Nothing ends
// this one but the signals.
func TestPollerInterrupted(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		if e, ok := p.Poller.(*epoll); ok && e.file != nil {
			t.Skip("no system call is to be interrupted while it is parked")
		}
		for _, timeout := range []time.Duration{-1, time.Hour} {
			thread := make(chan int, 1)
			done := make(chan error, 1)
			go func() {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				thread <- unix.Gettid()
				n, err := p.Wait(make([]reactor.Event, 8), timeout)
				if n != 0 {
					err = errors.Join(err, fmt.Errorf("%d events", n))
				}
				done <- err
			}()
			tid := <-thread
			for end, over := time.Now().Add(pollerPatience), false; !over; {
				// SIGURG is what the runtime interrupts its own threads by.
				if err := unix.Tgkill(unix.Getpid(), tid, unix.SIGURG); err != nil {
					t.Fatal(err)
				}
				select {
				case err := <-done:
					if err != nil {
						t.Error(err)
					}
					over = true
				case <-time.After(time.Millisecond):
					if time.Now().After(end) {
						t.Fatal("no signal ends the Wait")
					}
				}
			}
		}
		a, b := pair(t)
		send(t, b)
		p.add(a, 1, readable)
		p.expect(readable, 1) // as before
	})
}

// epoll tells errors and hang-ups from readiness, so it reports them as both
// whatever the interest is.
func TestEpollHangUpWithoutInterest(t *testing.T) {
	for _, maker := range systemPollers {
		for _, interest := range []reactor.Interest{0, readable, writable} {
			t.Run(fmt.Sprintf("%s/%v", maker.name, interest), func(t *testing.T) {
				p := makePoller(t, maker)
				a, b := pair(t)
				c, _ := resetConn(t)
				var pipe [2]int // an error without a hang-up
				p.must(unix.Pipe2(pipe[:], unix.O_NONBLOCK|unix.O_CLOEXEC))
				closeLater(t, pipe[1])
				unix.Close(pipe[0])
				p.add(a, 1, interest)
				p.add(c, 2, interest)
				p.add(pipe[1], 3, interest)
				closeNow(b)
				for n := 1; n <= 3; n++ {
					for end := time.Now().Add(pollerPatience); p.wait(8, pollerPatience)[tok(n)] != both; {
						if time.Now().After(end) {
							t.Fatal("the hang-up is not reported")
						}
					}
				}
			})
		}
	}
}

// What epoll refuses is an error of its owner alone.
func TestEpollErrors(t *testing.T) {
	for _, maker := range systemPollers {
		t.Run(maker.name, func(t *testing.T) {
			p := makePoller(t, maker)
			a, b := pair(t)
			send(t, b)
			p.add(a, 1, readable)
			for _, test := range []struct {
				name string
				got  error
				want unix.Errno
			}{
				{"Add twice", p.Add(a, tok(2), readable), unix.EEXIST},
				{"Modify of a stranger", p.Modify(b, tok(2), readable), unix.ENOENT},
				{"Remove of a stranger", p.Remove(b), unix.ENOENT},
				{"Add of nothing", p.Add(-1, tok(2), readable), unix.EBADF},
			} {
				if !errors.Is(test.got, test.want) {
					t.Errorf("%s: %v, want %v", test.name, test.got, test.want)
				}
			}
			p.expect(readable, 1)
		})
	}
}

// A Wait allocates nothing, be something ready or not.
func TestEpollAllocations(t *testing.T) {
	for _, maker := range systemPollers {
		t.Run(maker.name, func(t *testing.T) {
			p := makePoller(t, maker)
			a, b := pair(t)
			p.add(a, 1, readable)
			events := make([]reactor.Event, 8)
			expect := func(timeouts ...time.Duration) {
				for _, timeout := range timeouts {
					if n := testing.AllocsPerRun(20, func() { p.Wait(events, timeout) }); n != 0 {
						t.Errorf("%v allocations per Wait(%v)", n, timeout)
					}
				}
			}
			expect(0, time.Microsecond)
			send(t, b)
			expect(0, time.Hour, -1)
		})
	}
}
