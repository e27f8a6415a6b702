//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// bars tell on standard error how far the phases of a trial are: a bar that moves
// on a terminal, a line for each phase that is done elsewhere.
type bars struct {
	w        io.Writer
	terminal bool
	current  *phaseBar
}

func newBars(w io.Writer, title string) *bars {
	b := &bars{w: w, terminal: isTerminal(w)}
	fmt.Fprintln(w, title)
	return b
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// A phaseBar is one phase. Only one is on the screen at a time.
type phaseBar struct {
	name  string
	began time.Time
	w     io.Writer
	bar   *progressbar.ProgressBar // nil off a terminal
}

// start begins a phase of so many steps.
func (b *bars) start(name string, steps int) *phaseBar {
	b.clear()
	one := &phaseBar{name: name, began: time.Now(), w: b.w}
	if b.terminal {
		one.bar = progressbar.NewOptions(steps,
			progressbar.OptionSetWriter(b.w),
			progressbar.OptionSetDescription(fmt.Sprintf("  %-15s", name)),
			progressbar.OptionSetWidth(40),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "=", SaucerHead: ">", SaucerPadding: " ", BarStart: "[", BarEnd: "]"}),
		)
		b.current = one
	}
	return one
}

// set tells how many steps are done.
func (b *phaseBar) set(done int) {
	if b.bar != nil {
		_ = b.bar.Set(min(done, b.bar.GetMax())) // a bar that cannot be drawn is no reason to end
	}
}

// done ends the phase with what it has found.
func (b *phaseBar) done(found string) {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
	line := fmt.Sprintf("  %-15s  %8s", b.name, short(time.Since(b.began)))
	if found != "" {
		line += "  " + found
	}
	fmt.Fprintln(b.w, line)
}

// clear makes room for other text.
func (b *bars) clear() {
	if b.current != nil && b.current.bar != nil {
		_ = b.current.bar.Clear()
	}
	b.current = nil
}

// short rounds a time to what a reader wants to know of it.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}

func micros(us float64) time.Duration { return time.Duration(us * float64(time.Microsecond)) }
func millis(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// count3 writes a number with commas between the thousands.
func count3(n int) string { return number(float64(n), 0) }

func mib(bytes int64) string { return number(float64(bytes)/(1<<20), 0) + " MiB" }
