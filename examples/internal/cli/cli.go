// Package cli is what the example servers have around the server itself: flags,
// signals, errors that say what to do, and lines of statistics.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/weir-go/weir"
)

// Exit codes.
const (
	OK      = 0
	Failure = 1
	Usage   = 2
)

// Run is a program without its process: it ends, gracefully, when ctx does, and
// returns the exit code.
type Run func(ctx context.Context, args []string, stdout, stderr io.Writer) int

// Main runs a program as this process. SIGINT and SIGTERM end ctx; a second one
// ends the process at once.
func Main(run Run) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Parse parses args, of which nothing may be left over. If it does not report
// ok, the program is over, with that exit code: after -h, which prints about, the
// flags and examples, or after a mistake, which is told in one line.
func Parse(fs *flag.FlagSet, args []string, stdout, stderr io.Writer, about, examples string) (code int, ok bool) {
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	err := fs.Parse(args)
	if err == nil && fs.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	switch {
	case err == nil:
		return OK, true
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(stdout, "%s\nFlags:\n\n", about)
		printFlags(stdout, fs)
		fmt.Fprintf(stdout, "\n%s", examples)
		return OK, false
	}
	return Misused(fs, stderr, err), false
}

// Misused tells of a mistake in the use of a program and returns the exit code.
func Misused(fs *flag.FlagSet, stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "%s: %v (-h lists the flags)\n", fs.Name(), err)
	return Usage
}

// Failed tells why a program fails and returns the exit code.
func Failed(fs *flag.FlagSet, stderr io.Writer, err error) int {
	var config *weir.ConfigError
	if errors.As(err, &config) {
		return Misused(fs, stderr, err)
	}
	fmt.Fprintf(stderr, "%s: %v\n", fs.Name(), err)
	return Failure
}

// Serve serves connections of ln until ctx ends, and shuts the server down then:
// gracefully for as long as grace, and the hard way after that. It returns nil
// after the graceful way.
func Serve(ctx context.Context, srv *weir.Server, ln net.Listener, grace time.Duration) error {
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := srv.Shutdown(patience)
	if e := <-served; !errors.Is(e, weir.ErrServerClosed) {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("connections were aborted, having not ended within %v", grace)
	}
	return err
}

// Describe tells how a server runs, with its defaults filled in.
func Describe(srv *weir.Server) string {
	poller, loops := srv.Poller, srv.Loops
	if poller == weir.PollerAuto {
		poller = weir.PollerSelect
		if runtime.GOOS == "linux" {
			poller = weir.PollerEpoll
		}
	}
	if loops == 0 {
		loops = runtime.GOMAXPROCS(0)
	}
	return fmt.Sprintf("poller %v, dispatch %v, loops %d", poller, srv.Dispatch, loops)
}
