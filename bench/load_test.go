//go:build unix

package main

import (
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

// lenientOptions are those of a load process of million, with time enough for a
// slow machine.
func lenientOptions(s *loadServer, conns int) loadOptions {
	return loadOptions{
		bench: "echo", addr: s.addr, conns: conns, size: 64, pipeline: 1,
		percent: 100, seed: 1, atOnce: 4, timeout: 20 * time.Second, lenient: true, polite: true,
	}
}

func testLoad(t *testing.T, o loadOptions) *load {
	t.Helper()
	l, err := newLoad(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.close()
		l.waiter.close()
	})
	return l
}

// askLoad sends a request that has a count as its answer.
func askLoad(t *testing.T, l *load, req request) count {
	t.Helper()
	c, err := tryLoad(l, req)
	if err != nil {
		t.Fatalf("%s: %v", req.Cmd, err)
	}
	return c
}

func tryLoad(l *load, req request) (count, error) {
	r, err := l.answer(req, loadOptions{})
	if r.Count == nil {
		return count{}, err
	}
	return *r.Count, err
}

// without returns c without what a test cannot know.
func without(c count) count {
	c.Histogram, c.First, c.Last = "", 0, 0
	return c
}

// valuesOf returns how many values the histogram of c has.
func valuesOf(t *testing.T, c count) int64 {
	t.Helper()
	h, err := decodeHistogram(c.Histogram)
	if err != nil {
		t.Fatal(err)
	}
	return h.TotalCount()
}

// flow lets messages flow until enough says so.
func flow(t *testing.T, l *load, enough func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !enough(); {
		if err := l.step(l.clock() + int64(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			t.Fatal("not enough messages flow")
		}
	}
}

func TestLoadOpensInSteps(t *testing.T) {
	s := startLoadServer(t, nil)
	l := testLoad(t, lenientOptions(s, 20))
	for _, step := range []struct{ n, open, done int }{{5, 5, 5}, {5, 5, 0}, {17, 17, 12}, {0, 20, 3}, {20, 20, 0}} {
		c := askLoad(t, l, request{Cmd: "open", N: step.n})
		if want := (count{Open: step.open, Done: int64(step.done)}); without(c) != want {
			t.Errorf("open %d: %+v, want %+v", step.n, without(c), want)
		}
		if n := valuesOf(t, c); n != int64(step.done) {
			t.Errorf("open %d: the histogram has %d values, want %d", step.n, n, step.done)
		}
	}
	if c, err := tryLoad(l, request{Cmd: "open", N: 21}); err == nil || c.Open != 20 {
		t.Errorf("more than there is room for: %+v, %v", c, err)
	}
	if c := askLoad(t, l, request{Cmd: "close"}); c != (count{Done: 20}) {
		t.Errorf("close: %+v", c)
	}
	if c := askLoad(t, l, request{Cmd: "open"}); without(c) != (count{Open: 20, Done: 20}) {
		t.Errorf("open after close: %+v", c)
	}
	if n := len(s.all()); n != 40 {
		t.Errorf("the server has seen %d connections, want 40", n)
	}
}

func TestLoadPrimes(t *testing.T) {
	s := startLoadServer(t, nil)
	l := testLoad(t, lenientOptions(s, 100))
	if _, err := tryLoad(l, request{Cmd: "prime"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range s.all() {
		if _, err := c.Write(nil); err == nil {
			t.Errorf("connection %d is still open", c.number)
		}
	}
	if c := askLoad(t, l, request{Cmd: "open"}); without(c) != (count{Open: 100, Done: 100}) {
		t.Errorf("open: %+v", c)
	}
}

func TestLoadHasSources(t *testing.T) {
	sources := "127.1.2.3,127.1.2.4"
	if runtime.GOOS != "linux" {
		sources = "127.0.0.1" // has no other
	}
	s := startLoadServer(t, nil)
	o := lenientOptions(s, 4)
	if err := o.addSources(sources); err != nil {
		t.Fatal(err)
	}
	askLoad(t, testLoad(t, o), request{Cmd: "open"})
	seen := make(map[string]int)
	for _, c := range s.all() {
		host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
		seen[host]++
	}
	for source := range strings.SplitSeq(sources, ",") {
		if seen[source] != 4/len(seen) {
			t.Errorf("%v: not the same number of connections from each of %s", seen, sources)
		}
	}
}

// What fails is repeated; what goes on failing is told.
func TestLoadRepeatsAttempts(t *testing.T) {
	tests := []struct {
		name  string
		wrong func(c *loadServerConn, p []byte) (echo bool)
		says  string
	}{
		{"closes", func(c *loadServerConn, _ []byte) bool { c.Close(); return false }, "clos"},
		{"wrong bytes", func(_ *loadServerConn, p []byte) bool { p[5]++; return true }, errNotEchoed.Error()},
		{"too much", func(c *loadServerConn, p []byte) bool { c.Write(append(p, p...)); return false }, "what"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := startLoadServer(t, func(c *loadServerConn, _ int, p []byte) bool {
				return c.number%3 != 0 || test.wrong(c, p)
			})
			l := testLoad(t, lenientOptions(s, 7))
			c := askLoad(t, l, request{Cmd: "open"})
			if c.Open != 7 || c.Done != 7 || c.Failures < 3 || c.Lost != 0 || c.Problem == "" {
				t.Errorf("a third of the attempts fail: %+v", without(c))
			}

			s = startLoadServer(t, func(c *loadServerConn, _ int, p []byte) bool { return test.wrong(c, p) })
			o := lenientOptions(s, 1)
			l = testLoad(t, o)
			c, err := tryLoad(l, request{Cmd: "open"})
			if err == nil || !strings.Contains(err.Error(), "only 0 of 1 connections are open") || c.Failures != maxTries || c.Open != 0 {
				t.Errorf("all attempts fail: %+v, %v", without(c), err)
			}
			o.lenient = false
			if _, err := tryLoad(testLoad(t, o), request{Cmd: "open"}); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %q", err, test.says)
			}
		})
	}
}

func TestLoadIsRefused(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	o := lenientOptions(&loadServer{addr: ln.Addr().String()}, 2)
	c, err := tryLoad(testLoad(t, o), request{Cmd: "open"})
	if err == nil || c.Failures < maxTries || !strings.Contains(c.Problem, "refused") {
		t.Errorf("%+v, %v", without(c), err)
	}
	o.lenient = false
	if _, err := tryLoad(testLoad(t, o), request{Cmd: "open"}); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Error(err)
	}
}

// A server that does not answer is given up, and leaves nothing half open.
func TestLoadIsIgnored(t *testing.T) {
	ignore := startLoadServer(t, func(*loadServerConn, int, []byte) bool { return false })
	o := lenientOptions(ignore, 3)
	l := testLoad(t, o)
	c, err := tryLoad(l, request{Cmd: "open", Duration: int64(20 * time.Millisecond)})
	if err == nil || c.Open != 0 || c.Failures == 0 || l.underway != 0 || l.door.opening() != 0 || len(l.door.vacant) != 3 {
		t.Errorf("%+v, %v, %d under way, %d being opened", without(c), err, l.underway, l.door.opening())
	}
	o.timeout = 10 * time.Millisecond
	c, err = tryLoad(testLoad(t, o), request{Cmd: "open", Duration: int64(20 * time.Second)})
	if err == nil || !strings.Contains(c.Problem, "no answer") || c.Failures < maxTries {
		t.Errorf("%+v, %v", without(c), err)
	}
}

func TestLoadChecks(t *testing.T) {
	s := startLoadServer(t, nil)
	o := lenientOptions(s, 10)
	l := testLoad(t, o)
	askLoad(t, l, request{Cmd: "open"})
	if c := askLoad(t, l, request{Cmd: "check"}); c != (count{Open: 10}) {
		t.Errorf("check: %+v", c)
	}
	for _, c := range s.all()[2:5] {
		c.Close()
	}
	var lost int64
	var last count
	for end := time.Now().Add(20 * time.Second); lost < 3 && time.Now().Before(end); {
		last = askLoad(t, l, request{Cmd: "check"})
		lost += last.Lost
	}
	if lost != 3 || last.Open != 7 || !strings.Contains(last.Problem, "has closed connection") {
		t.Errorf("%d are lost, %+v", lost, last)
	}
	if c := askLoad(t, l, request{Cmd: "check"}); c != (count{Open: 7}) {
		t.Errorf("they are lost twice: %+v", c)
	}
	if c := askLoad(t, l, request{Cmd: "open"}); without(c) != (count{Open: 10, Done: 3}) {
		t.Errorf("open again: %+v", c)
	}

	o.lenient = false
	l = testLoad(t, o)
	askLoad(t, l, request{Cmd: "open"})
	all := s.all()
	all[len(all)-1].Close()
	err := error(nil)
	for end := time.Now().Add(20 * time.Second); err == nil && time.Now().Before(end); {
		_, err = tryLoad(l, request{Cmd: "check"})
	}
	if err == nil {
		t.Error("a load that is not lenient has not minded")
	}
}

func TestLoadStartsAndStops(t *testing.T) {
	for _, random := range []bool{false, true} {
		var messages [10]atomic.Int64
		s := startLoadServer(t, func(c *loadServerConn, _ int, _ []byte) bool {
			messages[c.number].Add(1)
			return true
		})
		o := lenientOptions(s, 10)
		o.random, o.percent = random, 30
		l := testLoad(t, o)
		askLoad(t, l, request{Cmd: "open"})
		for range 2 { // and once more
			if _, err := tryLoad(l, request{Cmd: "start", Rate: 5000}); err != nil {
				t.Fatal(err)
			}
			if _, err := tryLoad(l, request{Cmd: "check"}); err != errFlowing {
				t.Errorf("check while messages flow: %v", err)
			}
			if _, err := tryLoad(l, request{Cmd: "begin"}); err != nil {
				t.Fatal(err)
			}
			flow(t, l, func() bool { return l.window.answers >= 50 })
			r, err := l.answer(request{Cmd: "end"}, o)
			if err != nil || r.Traffic.Planned < 40 || r.Traffic.Unanswered != 0 {
				t.Errorf("end: %+v, %v", r.Traffic, err)
			}
			if c := askLoad(t, l, request{Cmd: "stop"}); c.Open != 10 || c.Lost != 0 || l.underway != 0 || l.flowing {
				t.Errorf("stop: %+v", c)
			}
		}
		used := 0
		for i := range messages {
			if messages[i].Load() > 1 {
				used++
			}
		}
		if used != 3 {
			t.Errorf("random %v: %d connections have been used, want 3", random, used)
		}
	}
}

func TestLoadTellsWhatIsUnanswered(t *testing.T) {
	for _, random := range []bool{false, true} {
		s := startLoadServer(t, func(c *loadServerConn, message int, _ []byte) bool { return c.number > 0 || message < 3 })
		o := lenientOptions(s, 4)
		o.random = random
		l := testLoad(t, o)
		askLoad(t, l, request{Cmd: "open"})
		if err := l.start(5000); err != nil {
			t.Fatal(err)
		}
		l.window.begin(l.clock(), true)
		flow(t, l, func() bool { return l.window.answers >= 100 && l.underway > 0 })
		l.timeout = 10 * time.Millisecond // of patience
		r, err := l.answer(request{Cmd: "end"}, o)
		if err != nil || r.Traffic.Unanswered == 0 {
			t.Errorf("end: %+v, %v", r.Traffic, err)
		}
		h, err := decodeHistogram(r.Traffic.Histogram)
		if err != nil || h.TotalCount() < r.Traffic.Planned {
			t.Errorf("%d latencies of %d messages planned, %v", h.TotalCount(), r.Traffic.Planned, err)
		}
		c := askLoad(t, l, request{Cmd: "stop", Duration: int64(10 * time.Millisecond)})
		if c.Failures == 0 || c.Open != 4 {
			t.Errorf("stop: %+v", c)
		}
	}
}

// A connection that breaks while messages flow is counted, and the others go on.
func TestLoadGoesOnWithout(t *testing.T) {
	s := startLoadServer(t, func(c *loadServerConn, message int, p []byte) bool {
		switch {
		case c.number == 1 && message == 3:
			c.Close()
		case c.number == 2 && message == 4:
			p[0]++
		}
		return true
	})
	for _, rate := range []float64{0, 5000} {
		o := lenientOptions(s, 6)
		l := testLoad(t, o)
		first := len(s.all())
		askLoad(t, l, request{Cmd: "open"})
		want := count{Open: 4, Lost: 2}
		if first > 0 {
			want = count{Open: 6} // they have other numbers
		}
		if err := l.start(rate); err != nil {
			t.Fatal(err)
		}
		flow(t, l, func() bool { return l.window.answers >= 200 })
		c := askLoad(t, l, request{Cmd: "stop"})
		if c.Open != want.Open || c.Lost != want.Lost || (c.Problem == "") != (c.Lost == 0) {
			t.Errorf("rate %v: %+v, want %+v", rate, c, want)
		}
	}
}

func TestLoadCommandLine(t *testing.T) {
	for args, says := range map[string]string{
		"-addr 127.0.0.1:1 -percent 0":           "-percent 0 is not above 0",
		"-addr 127.0.0.1:1 -percent 101":         "-percent 101 is not above 0",
		"-addr 127.0.0.1:1 -source ::1":          "::1 is not an IPv4 address",
		"-addr 127.0.0.1:1 -source here":         "-source",
		"-addr 127.0.0.1:1 -at-once 0":           "-at-once 0 is not between",
		"-addr 127.0.0.1:1 -rate -1":             "-rate -1 is not between",
		"-addr [::1]:1":                          "IPv4",
		"-bench http -request x -addr 1.2.3.4:5": `unknown request "x"`,
	} {
		var stderr strings.Builder
		if status := run(t.Context(), append([]string{"load"}, strings.Fields(args)...), io.Discard, &stderr); status != 2 ||
			!strings.Contains(stderr.String(), says) {
			t.Errorf("load %s: status %d, %s", args, status, stderr.String())
		}
	}
}

// The load as its parent sees it.
func TestLoadProcess(t *testing.T) {
	s := startLoadServer(t, nil)
	c, _, err := startChild(t.Context(), "load", nil, os.Stderr, "load", "-addr", s.addr, "-conns", "20", "-lenient", "-polite")
	if err != nil {
		t.Fatal(err)
	}
	defer c.stop()
	call := func(req request) reply {
		t.Helper()
		r, err := c.call(t.Context(), 20*time.Second, req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	call(request{Cmd: "prime"})
	call(request{Cmd: "open", N: 5})
	if r := call(request{Cmd: "open"}); r.Count == nil || r.Count.Open != 20 || r.Count.Done != 15 {
		t.Errorf("open: %+v", r.Count)
	}
	call(request{Cmd: "start", Rate: 1000})
	call(request{Cmd: "begin"})
	call(request{Cmd: "end"})
	if r := call(request{Cmd: "stop"}); r.Count == nil || r.Count.Open != 20 {
		t.Errorf("stop: %+v", r.Count)
	}
	if r := call(request{Cmd: "usage"}); r.Usage == nil || r.Usage.User+r.Usage.System == 0 {
		t.Errorf("usage: %+v", r.Usage)
	}
	if r := call(request{Cmd: "close"}); r.Count == nil || r.Count.Done != 20 {
		t.Errorf("close: %+v", r.Count)
	}
	if _, err := c.call(t.Context(), 20*time.Second, request{Cmd: "dance"}); err == nil || !strings.Contains(err.Error(), `unknown request "dance"`) {
		t.Errorf("dance: %v", err)
	}
}

// A load of 20,000 connections is one of a hundred.
func TestLoadIsLean(t *testing.T) {
	if size := unsafe.Sizeof(loadConn{}); size > 80 {
		t.Errorf("a connection takes %d bytes", size)
	}
}

func TestEvenly(t *testing.T) {
	all := []int32{3, 5, 7, 9, 11, 13, 15}
	for n, want := range map[int][]int32{0: {}, 1: {3}, 2: {3, 9}, 3: {3, 7, 11}, 7: all} {
		got := evenly(all, n)
		if len(got) != len(want) {
			t.Errorf("%d of them are %v, want %v", n, got, want)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%d of them are %v, want %v", n, got, want)
				break
			}
		}
	}
	if got := evenly(nil, 0); len(got) != 0 {
		t.Errorf("nothing of nothing is %v", got)
	}
}

// Whichever connections are used, each message comes over one of them, and what
// is owed keeps its plan.
func TestScheduleSlots(t *testing.T) {
	s := schedule{spacing: 1000, slots: []int32{2, 5, 6}}
	for k, want := range []int{2, 5, 6, 2, 5, 6, 2} {
		if got := s.slot(int64(k), 10); got != want {
			t.Errorf("message %d over connection %d, want %d", k, got, want)
		}
	}
	s.next = 8 // 7 was the last, and is connection 5's
	for nth, want := range map[int64]int64{1: 7, 2: 4, 3: 1} {
		if got := s.oldest(5, nth, 10); got != s.plan(want) {
			t.Errorf("message %d that connection 5 owes was planned for %d, want %d", nth, got, s.plan(want))
		}
	}

	l := testLoad(t, lenientOptions(startLoadServer(t, nil), 10))
	askLoad(t, l, request{Cmd: "open"})
	l.choice = choice{percent: 50, random: true, seed: 7}
	r, err := l.newSchedule(1000, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[int]int)
	for k := range int64(5000) {
		seen[r.slot(k, 10)]++
	}
	if len(seen) != 5 {
		t.Errorf("%v: want 5 connections", seen)
	}
	for i, n := range seen {
		if math.Abs(float64(n)-1000) > 200 {
			t.Errorf("%d of 5000 messages over connection %d", n, i)
		}
	}
	for _, plan := range []int64{10, 20, 30} {
		r.owe(3, plan)
	}
	r.owe(4, 15)
	for owed, want := range map[int64]int64{3: 10} {
		if got := r.oldest(3, owed, 10); got != want {
			t.Errorf("the oldest that is owed was planned for %d, want %d", got, want)
		}
	}
	if a, b, c := r.oldest(3, 2, 10), r.oldest(3, 1, 10), r.oldest(4, 1, 10); a != 20 || b != 30 || c != 15 || len(r.late) != 0 {
		t.Errorf("owed: %d, %d, %d, and %v is left", a, b, c, r.late)
	}
	askLoad(t, l, request{Cmd: "close"})
	if _, err := l.newSchedule(1000, 0); err == nil {
		t.Error("a schedule without connections")
	}
}
