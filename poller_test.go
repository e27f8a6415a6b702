//go:build unix

package weir

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weir-go/weir/internal/testutil"
	"github.com/weir-go/weir/reactor"
)

// pollerPatience bounds every wait of these tests. It is never meant to be used
// up.
const pollerPatience = 30 * time.Second

// pollerMaker is one implementation of reactor.Poller.
type pollerMaker struct {
	name string
	make func() (reactor.Poller, error)
}

// everyPoller are the implementations that this system has.
var everyPoller = append([]pollerMaker{
	{"select", func() (reactor.Poller, error) { return newSelectPoller() }},
}, systemPollers...)

// eachPoller runs a test of the contract on every implementation.
func eachPoller(t *testing.T, test func(t *testing.T, p *polled)) {
	for _, maker := range everyPoller {
		t.Run(maker.name, func(t *testing.T) { test(t, makePoller(t, maker)) })
	}
}

func makePoller(t testing.TB, maker pollerMaker) *polled {
	t.Helper()
	p, err := maker.make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return &polled{Poller: p, t: t}
}

// polled is a Poller whose errors end the test.
type polled struct {
	reactor.Poller
	t testing.TB
}

const (
	readable = reactor.Readable
	writable = reactor.Writable
	both     = readable | writable
)

// tok is the token of number n.
func tok(n int) reactor.Token { return reactor.NewToken(uint32(n), 7) }

func (p *polled) add(fd, n int, i reactor.Interest) {
	p.t.Helper()
	p.must(p.Add(fd, tok(n), i))
}

func (p *polled) modify(fd, n int, i reactor.Interest) {
	p.t.Helper()
	p.must(p.Modify(fd, tok(n), i))
}

func (p *polled) remove(fd int) {
	p.t.Helper()
	p.must(p.Remove(fd))
}

func (p *polled) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// wait is one Wait, with room for n events.
func (p *polled) wait(n int, timeout time.Duration) map[reactor.Token]reactor.Interest {
	p.t.Helper()
	events := make([]reactor.Event, n)
	n, err := p.Wait(events, timeout)
	if err != nil {
		p.t.Fatal(err)
	}
	got := map[reactor.Token]reactor.Interest{}
	for _, e := range events[:n] {
		if _, twice := got[e.Token]; twice {
			p.t.Fatalf("%v is reported twice at once", e.Token)
		}
		if e.Ready == 0 {
			p.t.Fatalf("%v is reported as ready for nothing", e.Token)
		}
		got[e.Token] = e.Ready
	}
	return got
}

// expect waits, without bound and without sleeping, for the events that are ready
// now: none if there is no n.
func (p *polled) expect(ready reactor.Interest, n ...int) {
	p.t.Helper()
	want := map[reactor.Token]reactor.Interest{}
	for _, n := range n {
		want[tok(n)] = ready
	}
	timeouts := []time.Duration{0}
	if len(n) > 0 {
		timeouts = []time.Duration{0, -1, pollerPatience}
	}
	for _, timeout := range timeouts {
		got := p.wait(64, timeout)
		// A wait may be interrupted.
		for end := time.Now().Add(pollerPatience); len(got) == 0 && len(want) > 0 && time.Now().Before(end); {
			got = p.wait(64, timeout)
		}
		if !maps.Equal(got, want) {
			p.t.Fatalf("with timeout %v, ready are %v, want %v", timeout, got, want)
		}
	}
}

// pair returns two sockets that are connected, non-blocking, and closed with the
// test.
func pair(t testing.TB) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	a, b = fds[0], fds[1]
	closeLater(t, a)
	closeLater(t, b)
	return a, b
}

// closing are the descriptors that a test has to close.
var closing = map[int]bool{}

func closeLater(t testing.TB, fd int) {
	closing[fd] = true
	t.Cleanup(func() { closeNow(fd) })
}

// closeNow closes what closeLater would close.
func closeNow(fd int) {
	if closing[fd] {
		delete(closing, fd)
		unix.Close(fd)
	}
}

func send(t testing.TB, fd int) {
	t.Helper()
	if n, err := unix.Write(fd, []byte{1}); n != 1 {
		t.Fatal(n, err)
	}
}

// drainSocket reads all there is.
func drainSocket(t testing.TB, fd int) {
	t.Helper()
	var b [4096]byte
	for {
		if _, err := unix.Read(fd, b[:]); errors.Is(err, unix.EAGAIN) {
			return
		} else if err != nil && !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
}

// fill writes until the socket takes no more.
func fill(t testing.TB, fd int) {
	t.Helper()
	var b [4096]byte
	for {
		if _, err := unix.Write(fd, b[:]); errors.Is(err, unix.EAGAIN) {
			return
		} else if err != nil && !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
}

// inTime runs f, and fails if it has not returned in the end.
func inTime(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(pollerPatience):
		t.Fatalf("timed out waiting for %s", what)
	}
}

// A condition is reported each time, for as long as it holds.
func TestPollerLevelTriggered(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		a, b := pair(t)
		p.add(a, 1, readable)
		p.expect(0)
		send(t, b)
		send(t, b)
		p.expect(readable, 1)
		if _, err := unix.Read(a, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		p.expect(readable, 1) // half of it is still there
		drainSocket(t, a)
		p.expect(0)

		p.modify(a, 1, writable)
		p.expect(writable, 1)
		fill(t, a)
		p.expect(0)
		drainSocket(t, b)
		p.expect(writable, 1)
	})
}

func TestPollerInterest(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		a, b := pair(t)
		send(t, b)
		p.add(a, 1, readable)
		for _, i := range []reactor.Interest{writable, both, readable, both, writable, readable} {
			p.modify(a, 1, i)
			p.expect(i, 1)
		}
		p.modify(a, 2, both) // another token
		p.expect(both, 2)
		drainSocket(t, a)
		p.expect(writable, 2)
		p.modify(a, 2, readable)
		p.expect(0)
	})
}

// All 64 bits of a token come back.
func TestPollerTokens(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		a, _ := pair(t)
		for i, want := range []reactor.Token{
			reactor.NewToken(0, 1), reactor.NewToken(1, 1), reactor.NewToken(1<<32-1, 1),
			reactor.NewToken(0, 1<<32-1), reactor.NewToken(1<<31, 1<<31), reactor.NewToken(1<<32-1, 1<<32-1),
		} {
			if i == 0 {
				p.must(p.Add(a, want, writable))
			} else {
				p.must(p.Modify(a, want, writable))
			}
			if got := p.wait(8, 0); got[want] != writable || len(got) != 1 {
				t.Errorf("ready are %v, want %#x", got, uint64(want))
			}
		}
	})
}

func TestPollerSeveral(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		const n = 20
		var fds, peers [n]int
		for i := range n {
			fds[i], peers[i] = pair(t)
			p.add(fds[i], i, readable)
		}
		p.expect(0)
		send(t, peers[3])
		send(t, peers[17])
		p.expect(readable, 3, 17)
		p.remove(fds[17])
		send(t, peers[0])
		send(t, peers[n-1])
		p.expect(readable, 0, 3, n-1)
		drainSocket(t, fds[3])
		p.expect(readable, 0, n-1)
	})
}

func TestPollerRemove(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		a, b := pair(t)
		c, _ := pair(t)
		send(t, b)
		p.add(a, 1, both)
		p.add(c, 2, writable)
		p.expectMixed(map[int]reactor.Interest{1: both, 2: writable})
		p.remove(a)
		p.expect(writable, 2)
		p.remove(c)
		p.expect(0)

		p.add(a, 3, readable)
		p.expect(readable, 3)
		p.remove(a)
		closeNow(b) // hang-ups are not reported either
		p.expect(0)
	})
}

// expectMixed is expect for a different interest of each.
func (p *polled) expectMixed(want map[int]reactor.Interest) {
	p.t.Helper()
	tokens := map[reactor.Token]reactor.Interest{}
	for n, i := range want {
		tokens[tok(n)] = i
	}
	if got := p.wait(64, 0); !maps.Equal(got, tokens) {
		p.t.Fatalf("ready are %v, want %v", got, tokens)
	}
}

// A descriptor that is removed and closed gives its number to the next, which is
// another registration.
func TestPollerNumberReused(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		a, b := pair(t)
		send(t, b)
		p.add(a, 1, readable)
		p.expect(readable, 1)
		p.remove(a)
		c, d := pair(t)
		// c takes the place of a, whatever number the system would give it.
		if err := dup2(c, a); err != nil {
			t.Fatal(err)
		}
		p.add(a, 2, readable)
		p.expect(0)
		send(t, d)
		p.expect(readable, 2)
	})
}

// An owner meets the end of its peer, and errors, whatever it waits for.
func TestPollerHangUp(t *testing.T) {
	for _, test := range []struct {
		name string
		// end returns a descriptor whose peer is lost.
		end func(t *testing.T) int
	}{
		{"closed", func(t *testing.T) int {
			a, b := pair(t)
			closeNow(b)
			return a
		}},
		{"closed while full", func(t *testing.T) int {
			a, b := pair(t)
			fill(t, a)
			closeNow(b)
			return a
		}},
		{"closed with data unread", func(t *testing.T) int {
			a, b := pair(t)
			send(t, a)
			closeNow(b)
			return a
		}},
		{"shut down", func(t *testing.T) int {
			a, b := pair(t)
			if err := errors.Join(unix.Shutdown(b, unix.SHUT_RDWR)); err != nil {
				t.Fatal(err)
			}
			return a
		}},
		{"reset", func(t *testing.T) int { fd, _ := resetConn(t); return fd }},
	} {
		for _, interest := range []reactor.Interest{readable, writable, both} {
			t.Run(fmt.Sprintf("%s/%v", test.name, interest), func(t *testing.T) {
				eachPoller(t, func(t *testing.T, p *polled) {
					fd := test.end(t)
					p.add(fd, 1, interest)
					// Of a reset the news may take a moment.
					for end := time.Now().Add(pollerPatience); ; {
						got := p.wait(8, pollerPatience)[tok(1)]
						if got&interest == interest {
							break
						}
						if time.Now().After(end) {
							t.Fatalf("reported as %v, want %v", got, interest)
						}
					}
					for range 3 { // level-triggered, as all is
						if got := p.wait(8, 0)[tok(1)]; got&interest != interest {
							t.Fatalf("then reported as %v, want %v", got, interest)
						}
					}
				})
			})
		}
	}
}

// resetConn returns the descriptor of a TCP connection that its peer resets.
func resetConn(t testing.TB) (fd int, c net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err := net.DialTimeout("tcp", ln.Addr().String(), pollerPatience)
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	c, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := peer.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(n uintptr) { fd = int(n) })
	return fd, c
}

// A half-close is an end of reading, and of nothing else.
func TestPollerHalfClose(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		a, b := pair(t)
		fill(t, a)
		p.add(a, 1, both)
		p.expect(0)
		if err := unix.Shutdown(b, unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		p.expect(readable, 1)
		p.modify(a, 1, writable)
		p.expect(0)
	})
}

// A sleep lasts at least as long as was asked for.
func TestPollerTimeout(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		a, _ := pair(t)
		p.add(a, 1, readable)
		for _, timeout := range []time.Duration{
			1, time.Microsecond, time.Microsecond + 1, 999 * time.Microsecond, time.Millisecond,
			time.Millisecond + 1, 1500 * time.Microsecond, 5*time.Millisecond + 1, 20 * time.Millisecond,
		} {
			p.sleeps(timeout)
		}
	})
}

// sleeps checks that Wait sleeps for as long as it is asked to. It may be
// interrupted now and then, but not always.
func (p *polled) sleeps(timeout time.Duration) {
	p.t.Helper()
	var elapsed time.Duration
	for range 5 {
		start := time.Now()
		got := p.wait(8, timeout)
		if elapsed = time.Since(start); elapsed >= timeout {
			return
		}
		if len(got) > 0 {
			p.t.Fatalf("ready are %v, want nothing", got)
		}
	}
	p.t.Fatalf("a sleep of %v was one of %v, five times in a row", timeout, elapsed)
}

// Nothing is too long to be slept for.
func TestPollerLongTimeout(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		for _, timeout := range []time.Duration{1<<63 - 1, 1<<63 - 1000, 1 << 62, 1000 * time.Hour, 24 * time.Hour, -1, -1 << 63} {
			p.must(p.Wake())
			inTime(t, fmt.Sprintf("Wait(%v)", timeout), func() { p.wait(8, timeout) })
			a, b := pair(t)
			send(t, b)
			p.add(a, 1, readable)
			for got, n := 0, 0; got == 0 && n < 5; n++ {
				inTime(t, fmt.Sprintf("Wait(%v)", timeout), func() { got = len(p.wait(8, timeout)) })
				if got == 0 && n == 4 {
					t.Errorf("Wait(%v) finds nothing", timeout)
				}
			}
			p.remove(a)
		}
	})
}

// A sleep that was ended early takes nothing from the next, neither time, more
// than once, nor events.
func TestPollerTimeoutAfterWake(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		p.must(p.Wake())
		p.wait(8, time.Millisecond)
		p.sleeps(10 * time.Millisecond)

		// The shorter of two timeouts counts, also when it comes after the other.
		waker := time.AfterFunc(5*time.Millisecond, func() { p.Wake() })
		defer waker.Stop()
		inTime(t, "Wake", func() { p.wait(8, time.Hour) })
		inTime(t, "a short sleep after a long one", func() { p.sleeps(5 * time.Millisecond) })

		a, b := pair(t)
		p.add(a, 1, readable)
		p.must(p.Wake())
		p.wait(8, time.Millisecond)
		time.Sleep(2 * time.Millisecond) // that timeout is over, and nobody slept
		send(t, b)
		p.expect(readable, 1)
	})
}

func TestPollerWakeBeforeWait(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		for _, timeout := range []time.Duration{-1, time.Hour, 0, -1} {
			p.must(p.Wake())
			inTime(t, "a Wait after Wake", func() {
				if got := p.wait(8, timeout); len(got) > 0 {
					t.Errorf("a wake-up is reported as %v", got)
				}
			})
			p.sleeps(3 * time.Millisecond)
		}
	})
}

func TestPollerWakeDuringWait(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		const rounds = 500
		woken := make(chan struct{})
		var sleeper sync.WaitGroup
		sleeper.Go(func() {
			for range rounds {
				if got := p.wait(8, -1); len(got) > 0 {
					t.Errorf("a wake-up is reported as %v", got)
				}
				woken <- struct{}{}
			}
		})
		for range rounds {
			if err := p.Wake(); err != nil {
				t.Error(err)
			}
			select {
			case <-woken:
			case <-time.After(pollerPatience):
				t.Fatal("nobody wakes up")
			}
		}
		sleeper.Wait()
	})
}

// Wake never blocks and never fails, and many do not mean many.
func TestPollerWakeCoalesced(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		var wakers sync.WaitGroup
		for range 4 {
			wakers.Go(func() {
				for range 25_000 { // more than a pipe takes
					if err := p.Wake(); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wakers.Wait()
		inTime(t, "a Wait after Wake", func() { p.wait(8, -1) })
		p.sleeps(5 * time.Millisecond)
	})
}

// A wake-up does not cost anybody an event and is none, whichever comes first,
// and also when there is room for one only.
func TestPollerWakeBesideEvents(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		a, b := pair(t)
		p.add(a, 1, readable)
		wake := func() { p.must(p.Wake()) }
		ready := func() { send(t, b) }
		for _, room := range []int{8, 1} {
			for _, happens := range [][]func(){{wake, ready}, {ready, wake}, {wake, ready, wake}} {
				for _, f := range happens {
					f()
				}
				var got map[reactor.Token]reactor.Interest
				inTime(t, "the event", func() {
					for len(got) == 0 {
						got = p.wait(room, -1)
					}
				})
				if got[tok(1)] != readable || len(got) != 1 {
					t.Errorf("ready are %v", got)
				}
				drainSocket(t, a)
				p.wait(room, 0) // the wake-up, if it had no room
				p.sleeps(time.Millisecond)
			}
		}
	})
}

// When more is ready than there is room for, everybody gets a turn.
func TestPollerMoreThanRoom(t *testing.T) {
	eachPoller(t, func(t *testing.T, p *polled) {
		const n = 20
		fds := make([]int, n)
		for i := range fds {
			var peer int
			fds[i], peer = pair(t)
			send(t, peer)
			p.add(fds[i], i, readable)
		}
		// First all, then few: a large slice is not remembered.
		for _, room := range []int{n + 5, 7, 1, 3, n} {
			turns := make([]int, n)
			waits := 0
			for least := 0; least < 3; waits++ {
				if waits > 4*(n/room+2) {
					t.Fatalf("room for %d: after %d waits the turns are %v", room, waits, turns)
				}
				got := p.wait(room, 0)
				if len(got) == 0 {
					t.Fatalf("room for %d: nothing is ready", room)
				}
				for token := range got {
					turns[token.Index()]++
				}
				least = slices.Min(turns)
			}
		}
	})
}

func TestPollerCloseReleases(t *testing.T) {
	for _, maker := range everyPoller {
		t.Run(maker.name, func(t *testing.T) {
			const n = 50
			for range 2 { // the runtime takes descriptors for itself the first time
				before := testutil.OpenFDs()
				if before == 0 {
					t.Skip("the number of descriptors is not known")
				}
				for range n {
					p, err := maker.make()
					if err != nil {
						t.Fatal(err)
					}
					if got, err := p.Wait(make([]reactor.Event, 1), 0); got != 0 || err != nil {
						t.Error(got, err)
					}
					if err := p.Close(); err != nil {
						t.Error(err)
					}
				}
				// Other tests may still be closing theirs.
				if after := testutil.OpenFDs(); after > before+n/2 {
					t.Errorf("%d descriptors before, %d after", before, after)
				}
			}
		})
	}
}

// The descriptors of a poller are not inherited by child processes.
func TestPollerCloseOnExec(t *testing.T) {
	for _, maker := range everyPoller {
		t.Run(maker.name, func(t *testing.T) {
			for _, fd := range ownFDs(makePoller(t, maker).Poller) {
				flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
				if err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("descriptor %d has flags %#x, %v", fd, flags, err)
				}
			}
		})
	}
}

// Descriptors that select cannot watch are refused, and nothing else changes.
func TestSelectFDTooLarge(t *testing.T) {
	poller, err := newSelectPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer poller.Close()
	p := &polled{poller, t}
	a, b := pair(t)
	send(t, b)
	p.add(a, 1, readable)

	high := highFD(t, b, unix.FD_SETSIZE)
	for _, fd := range []int{high, unix.FD_SETSIZE, -1} {
		for name, err := range map[string]error{
			"Add":    p.Add(fd, tok(2), both),
			"Modify": p.Modify(fd, tok(2), both),
			"Remove": p.Remove(fd),
		} {
			var tooLarge *FDTooLargeError
			if !errors.Is(err, ErrFDTooLarge) || !errors.As(err, &tooLarge) {
				t.Errorf("%s of descriptor %d: %v", name, fd, err)
			} else if tooLarge.FD != fd || tooLarge.Limit != unix.FD_SETSIZE {
				t.Errorf("%s of descriptor %d: %+v", name, fd, *tooLarge)
			}
		}
		p.expect(readable, 1)
	}
	p.must(p.Wake())
	p.wait(8, -1)
	drainSocket(t, a)
	p.expect(0)
}

// The highest descriptor that select can watch, and the lower ones after it.
func TestSelectHighestFD(t *testing.T) {
	poller, err := newSelectPoller()
	if err != nil {
		t.Fatal(err)
	}
	defer poller.Close()
	p := &polled{poller, t}
	a, b := pair(t)
	const highest = unix.FD_SETSIZE - 1
	high := highFD(t, a, highest)
	if high != highest {
		t.Skipf("descriptor %d is in use", highest)
	}
	send(t, b)
	p.add(high, 1, readable)
	p.add(a, 2, both)
	p.expectMixed(map[int]reactor.Interest{1: readable, 2: both})
	p.remove(high)
	p.expect(both, 2)
	if poller.max != a {
		t.Errorf("select looks at descriptors up to %d, the highest is %d", poller.max, a)
	}
	p.remove(a)
	p.expect(0)
}

// highFD returns a duplicate of fd with a number of at least least.
func highFD(t testing.TB, fd, least int) int {
	t.Helper()
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, least)
	if err != nil {
		// Go has raised the limit as far as it goes.
		t.Skipf("no descriptor of number %d: %v", least, err)
	}
	closeLater(t, high)
	return high
}

func TestNewPoller(t *testing.T) {
	for _, kind := range []PollerKind{PollerAuto, PollerSelect} {
		p, err := newPoller(kind, false)
		if err != nil {
			t.Fatal(kind, err)
		}
		if err := p.Close(); err != nil {
			t.Error(kind, err)
		}
	}
	var wrong *ConfigError
	if _, err := newPoller(PollerKind(42), false); !errors.As(err, &wrong) || wrong.Field != "Poller" {
		t.Errorf("an unknown kind: %v", err)
	}
	for kind, want := range map[PollerKind]string{
		PollerAuto: "auto", PollerEpoll: "epoll", PollerSelect: "select", 42: "PollerKind(42)",
	} {
		if kind.String() != want {
			t.Errorf("%d is %q, want %q", int(kind), kind, want)
		}
	}
}
