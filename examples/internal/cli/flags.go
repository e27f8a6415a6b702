package cli

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/weir-go/weir"
)

// ServerFlags adds the flags that every example server has; what srv holds
// already are the defaults.
func ServerFlags(fs *flag.FlagSet, srv *weir.Server) {
	Choice(fs, &srv.Poller, "poller", "how the loops wait for sockets", weir.PollerAuto, weir.PollerEpoll, weir.PollerSelect)
	Choice(fs, &srv.Dispatch, "dispatch", "where handlers run: on a pool of workers, or inline on the loops", weir.Pool, weir.Inline)
	Count(fs, &srv.Loops, "loops", "`number` of event loops; 0: one per CPU")
	Count(fs, &srv.Workers, "workers", "largest `number` of workers in the pool; 0: 256 per CPU")
	Count(fs, &srv.MaxConns, "max-conns", "largest `number` of connections; 0: as many as there are file descriptors")
}

// Choice adds a flag for one of several values, each known by the word that it
// prints as. The value that p has is the default.
func Choice[T any](fs *flag.FlagSet, p *T, name, usage string, values ...T) {
	fs.Var(choice[T]{p, values}, name, usage)
}

type choice[T any] struct {
	p      *T
	values []T
}

func (c choice[T]) words() (words []string) {
	for _, v := range c.values {
		words = append(words, fmt.Sprint(v))
	}
	return words
}

func (c choice[T]) String() string {
	if c.p == nil {
		return ""
	}
	return fmt.Sprint(*c.p)
}

func (c choice[T]) Set(s string) error {
	words := c.words()
	for i, w := range words {
		if w == s {
			*c.p = c.values[i]
			return nil
		}
	}
	last := len(words) - 1
	return fmt.Errorf("want %s or %s", strings.Join(words[:last], ", "), words[last])
}

// Count adds a flag for a number that is not negative. The value that p has is
// the default.
func Count(fs *flag.FlagSet, p *int, name, usage string) {
	fs.IntVar(p, name, *p, usage)
	check(fs, name, func() bool { return *p >= 0 })
}

// Span adds a flag for a time that is not negative. The value that p has is the
// default.
func Span(fs *flag.FlagSet, p *time.Duration, name, usage string) {
	fs.DurationVar(p, name, *p, usage)
	check(fs, name, func() bool { return *p >= 0 })
}

// check has a flag refuse what is not valid.
func check(fs *flag.FlagSet, name string, valid func() bool) {
	f := fs.Lookup(name)
	f.Value = checked{f.Value, valid}
}

type checked struct {
	flag.Value
	valid func() bool
}

func (c checked) String() string {
	if c.Value == nil {
		return ""
	}
	return c.Value.String()
}

func (c checked) Set(s string) error {
	if err := c.Value.Set(s); err != nil {
		return err
	}
	if !c.valid() {
		return fmt.Errorf("must not be negative")
	}
	return nil
}

// printFlags is fs.PrintDefaults with the words of choices.
func printFlags(w io.Writer, fs *flag.FlagSet) {
	fs.VisitAll(func(f *flag.Flag) {
		arg, usage := flag.UnquoteUsage(f)
		if c, ok := f.Value.(interface{ words() []string }); ok {
			arg = strings.Join(c.words(), "|")
		}
		fmt.Fprintf(w, "  -%s %s\n    \t%s", f.Name, arg, usage)
		switch f.DefValue {
		case "", "0", "0s":
		default:
			fmt.Fprintf(w, " (default %s)", f.DefValue)
		}
		fmt.Fprintln(w)
	})
}
