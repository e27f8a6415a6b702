// Proxy forwards TCP connections to a target. See proxy -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/weir-go/weir/examples/internal/cli"
)

const about = `Proxy forwards TCP connections to a target.

A side that reads slowly slows the other one down; a side that ends its stream
can still receive. A session takes two connections and up to four times -buffer.

Usage:

	proxy -target host:port [flags]
`

const examples = `Try it, in front of the echo server:

	echo &
	proxy -target 127.0.0.1:9000 &
	printf 'hello\n' | nc -N 127.0.0.1 9001

SIGINT and SIGTERM end it: sessions have -grace to come to their end. A second
signal ends it at once.
`

func main() { cli.Main(run) }

// run is main without the process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	log := slog.New(slog.NewTextHandler(stderr, nil))
	p := newProxy(log)

	fs := flag.NewFlagSet("proxy", flag.ContinueOnError)
	addr := fs.String("addr", "127.0.0.1:9001", "`address` to listen on, host:port")
	fs.StringVar(&p.target, "target", "", "`address` to forward to, host:port; required")
	cli.Span(fs, &p.dialTimeout, "dial-timeout", "give up connecting to the target after this `time`")
	cli.Span(fs, &p.grace, "grace", "close sessions that have not ended this `time` after a signal")
	cli.Count(fs, &p.srv.HighWatermark, "buffer", "stop reading from one side when this many `bytes` wait for the other; 0: 1 MiB")
	stall := time.Minute
	cli.Span(fs, &stall, "stall", "end a session when a side takes nothing of what waits for it for this `time`; 0: never")
	cli.ServerFlags(fs, p.srv)
	var stats time.Duration
	cli.Span(fs, &stats, "stats", "print statistics at this `interval`, such as 1s; 0: never")
	if code, ok := cli.Parse(fs, args, stdout, stderr, about, examples); !ok {
		return code
	}
	if _, _, err := net.SplitHostPort(p.target); err != nil {
		return cli.Misused(fs, stderr, errors.New("-target is required: where to forward to, host:port"))
	}

	if p.srv.WriteTimeout = stall; stall == 0 {
		p.srv.WriteTimeout = -1
	}
	if err := serve(ctx, p, *addr, stats, stdout); err != nil {
		return cli.Failed(fs, stderr, err)
	}
	return cli.OK
}

func serve(ctx context.Context, p *proxy, addr string, stats time.Duration, stdout io.Writer) error {
	if err := cli.CheckLimits(p.srv); err != nil {
		return err
	}
	ln, err := cli.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "proxy: listening on tcp %s, target %s, %s\n", ln.Addr(), p.target, cli.Describe(p.srv))
	defer cli.Report(stdout, stats, p.srv.Stats)()
	return cli.Serve(ctx, p.srv, ln, p.grace+p.srv.Linger+time.Second)
}
