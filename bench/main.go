//go:build unix

// Command bench measures weir against other ways to write the same server.
//
// Run it from the root of the repository:
//
//	go run ./bench echo -conns 1000 -size 64 -duration 5s
//
// README.md tells what is measured, how, and what the figures cannot say.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// A command is one subcommand. Those without an about text are the child
// processes that a benchmark starts from its own executable; they are not shown
// in the help because nobody should need to type them.
type command struct {
	name  string
	about string
	run   func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

func commands() []command {
	var list []command
	for _, b := range benchmarks() {
		list = append(list, command{b.name, b.about, b.command})
	}
	return append(list,
		command{"million", "very many connections at once, phase by phase: memory, CPU, latencies", millionCommand},
		command{"scale", "the same with more and more connections", scaleCommand},
		command{pushName, "publications to very many subscribers: deliveries, memory at rest, a herd that comes back", pushCommand},
		command{"report", "a page with tables and plots out of results (-json)", reportCommand},
		command{"serve", "", serveCommand},
		command{"load", "", loadCommand},
		command{"push-load", "", pushLoadCommand},
		command{"guard", "", guardCommand},
	)
}

// A usageError is a mistake on the command line: it is answered with a hint at
// the help and with exit status 2.
type usageError struct {
	command string // "" when the subcommand itself is missing or unknown
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process around it. It returns the exit status: 0, 1
// for a failed measurement, 2 for a mistake on the command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, stdout, stderr)
	var usage *usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		help := strings.Join(strings.Fields("bench "+usage.command+" -h"), " ")
		fmt.Fprintf(stderr, "bench: %v\nRun '%s' for help.\n", err, help)
		return 2
	default:
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
}

func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		printCommands(stderr)
		return &usageError{err: errors.New("no subcommand")}
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		if len(args) > 1 {
			return dispatch(ctx, []string{args[1], "-h"}, stdout, stderr)
		}
		printCommands(stdout)
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	return &usageError{err: fmt.Errorf("unknown subcommand %q", args[0])}
}

func printCommands(w io.Writer) {
	fmt.Fprint(w, "usage: bench <subcommand> [flags]\n\nSubcommands:\n")
	for _, c := range commands() {
		if c.about != "" {
			fmt.Fprintf(w, "  %-8s  %s\n", c.name, c.about)
		}
	}
	fmt.Fprint(w, "\n'bench <subcommand> -h' lists the flags of one.\n")
}

// parse parses the flags of a subcommand that takes no other arguments. Help
// that was asked for goes to stdout; an error comes back without the flag
// package's dump of every flag in front of it.
func parse(fs *flag.FlagSet, args []string, stdout io.Writer) error {
	err := parseFlags(fs, args, stdout)
	if err == nil && fs.NArg() > 0 {
		err = &usageError{fs.Name(), fmt.Errorf("unexpected argument %q", fs.Arg(0))}
	}
	return err
}

// parseFlags parses what comes before the first other argument.
func parseFlags(fs *flag.FlagSet, args []string, stdout io.Writer) error {
	help := fs.Usage
	fs.Usage = func() {}
	fs.SetOutput(io.Discard)
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fs.SetOutput(stdout)
		help()
		return err
	case err != nil:
		return &usageError{fs.Name(), err}
	}
	return nil
}
