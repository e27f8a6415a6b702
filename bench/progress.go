//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress tells on standard error what is being measured and how long it is
// going to take: in one line that changes on a terminal, in a line for each
// trial elsewhere.
type progress struct {
	w        io.Writer
	terminal bool
	total    int
	done     int
	each     time.Duration // what a trial takes at least
	began    time.Time
}

func newProgress(w io.Writer, total int, each time.Duration) *progress {
	p := &progress{w: w, total: total, each: each, began: time.Now()}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil {
			p.terminal = info.Mode()&os.ModeCharDevice != 0
		}
	}
	return p
}

// next announces a trial.
func (p *progress) next(what string) {
	each := p.each
	if p.done > 0 {
		each = time.Since(p.began) / time.Duration(p.done)
	}
	left := (time.Duration(p.total-p.done) * each).Round(time.Second)
	p.done++
	line := fmt.Sprintf("[%d/%d] %s, %v left", p.done, p.total, what, left)
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	} else {
		fmt.Fprintln(p.w, line)
	}
}

// clear makes room for other text.
func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
