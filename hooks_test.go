package weir_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weir-go/weir"
)

// hooks is a Handler made of functions, each of which may be nil.
type hooks struct {
	open  func(c *weir.Conn)
	frame func(c *weir.Conn, frame []byte)
	close func(c *weir.Conn, err error)
}

func (h hooks) OnOpen(c *weir.Conn) {
	if h.open != nil {
		h.open(c)
	}
}

func (h hooks) OnFrame(c *weir.Conn, frame []byte) {
	if h.frame != nil {
		h.frame(c, frame)
	}
}

func (h hooks) OnClose(c *weir.Conn, err error) {
	if h.close != nil {
		h.close(c, err)
	}
}

// eofHooks are hooks with OnEOF.
type eofHooks struct {
	hooks
	eof func(c *weir.Conn)
}

func (h eofHooks) OnEOF(c *weir.Conn) { h.eof(c) }

// judge is a Handler that passes everything on to another and sees to the order
// of callbacks: OnOpen first, OnClose last, each once, and never two at a time.
type judge struct {
	t       testing.TB
	next    weir.Handler
	courses sync.Map // *weir.Conn to *course

	opened, closed atomic.Int64
}

type course struct {
	inside atomic.Bool
	state  string // the callback before, "" at first
}

func newJudge(t testing.TB, next weir.Handler) *judge { return &judge{t: t, next: next} }

func (j *judge) call(c *weir.Conn, name string, f func()) {
	v, _ := j.courses.LoadOrStore(c, new(course))
	course := v.(*course)
	if !course.inside.CompareAndSwap(false, true) {
		j.t.Errorf("%s while another callback of the connection runs", name)
		return
	}
	defer course.inside.Store(false)
	if first, before := name == "OnOpen", course.state; first != (before == "") || before == "OnClose" {
		j.t.Errorf("%s follows %q", name, before)
	}
	course.state = name
	f()
}

func (j *judge) OnOpen(c *weir.Conn) {
	j.opened.Add(1)
	j.call(c, "OnOpen", func() { j.next.OnOpen(c) })
}

func (j *judge) OnFrame(c *weir.Conn, frame []byte) {
	j.call(c, "OnFrame", func() { j.next.OnFrame(c, frame) })
}

func (j *judge) OnClose(c *weir.Conn, err error) {
	defer j.closed.Add(1)
	j.call(c, "OnClose", func() { j.next.OnClose(c, err) })
}

// settled waits until n connections have been opened and closed.
func (j *judge) settled(n int64) {
	j.t.Helper()
	eventually(j.t, "every connection is closed", func() bool {
		return j.opened.Load() >= n && j.closed.Load() >= j.opened.Load()
	})
	if o, c := j.opened.Load(), j.closed.Load(); o != c {
		j.t.Errorf("%d times OnOpen, %d times OnClose", o, c)
	}
}

// inParallel calls f(0) to f(n-1), some at a time.
func inParallel(n, atATime int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range atATime {
		wg.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				f(i)
			}
		})
	}
	wg.Wait()
}

// less returns a smaller number of repetitions for go test -short.
func less(n int) int {
	if testing.Short() {
		return max(1, n/10)
	}
	return n
}
