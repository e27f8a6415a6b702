// Http answers HTTP requests. See http -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/examples/internal/profile"
	"github.com/weir-go/weir/web"
)

const about = `Http answers HTTP/1.1 and HTTP/1.0 requests:

	GET /plaintext   Hello, World!
	GET /json        {"message":"Hello, World!"}
	anything else    the body of the request, with its Content-Type

Usage:

	http [flags]
`

const examples = `Try it, with curl:

	curl -i http://127.0.0.1:8080/plaintext
	curl -i http://127.0.0.1:8080/echo -d 'hello'
	curl -i http://127.0.0.1:8080/echo -H 'Transfer-Encoding: chunked' -T /etc/hosts

Load it, with wrk, plain and with 16 requests pipelined:

	wrk -t 2 -c 100 -d 10s --latency http://127.0.0.1:8080/plaintext
	wrk -t 2 -c 100 -d 10s -s examples/http/wrk/pipeline.lua http://127.0.0.1:8080/plaintext

SIGINT and SIGTERM end it gracefully, a second one at once.
`

// grace is how long requests that are being served, and responses that are on
// their way, may take when the server shuts down.
const grace = 10 * time.Second

// The ways to write a handler.
const (
	apiFast    = "fast"
	apiNetHTTP = "nethttp"
)

// options are the flags that are not the server's.
type options struct {
	addr    string
	api     string
	maxBody int
	stats   time.Duration
	pprof   string
}

func main() { cli.Main(run) }

// run is main without the process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	srv := &weir.Server{}
	srv.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	o := options{api: apiFast}
	limits := web.Limits{MaxHead: 16 << 10, HeadTimeout: 10 * time.Second, IdleTimeout: time.Minute}

	fs := flag.NewFlagSet("http", flag.ContinueOnError)
	fs.StringVar(&o.addr, "addr", "127.0.0.1:8080", "`address` to listen on, host:port")
	cli.Choice(fs, &o.api, "api", "what the handler is written for: weir's fast path, or net/http", apiFast, apiNetHTTP)
	cli.ServerFlags(fs, srv)
	cli.Count(fs, &limits.MaxHead, "max-head", "largest head of a request in `bytes`; a larger one is refused with 431; 0: 16 KiB")
	cli.Count(fs, &o.maxBody, "max-body", "largest body of a request in `bytes`; a larger one is refused with 413; 0: 1 MiB with -api fast, any size with -api nethttp, which streams it")
	cli.Count(fs, &limits.MaxRequests, "max-requests", "close a connection after this `number` of requests; 0: never")
	cli.Span(fs, &limits.HeadTimeout, "head-timeout", "close connections whose request's head takes longer than this `time`, and those whose body comes at less than 1 KiB/s after it; 0: never")
	cli.Span(fs, &limits.IdleTimeout, "idle", "close connections on which there has been no request for this `time`; 0: never")
	cli.Span(fs, &o.stats, "stats", "print statistics at this `interval`, such as 1s; 0: at the end only")
	fs.StringVar(&o.pprof, "pprof", "", "serve profiles over HTTP on this `address`, such as 127.0.0.1:6060")
	if code, ok := cli.Parse(fs, args, stdout, stderr, about, examples); !ok {
		return code
	}
	if o.api == apiNetHTTP && srv.Dispatch == weir.Inline {
		return cli.Misused(fs, stderr, errors.New("-api nethttp needs -dispatch pool: a net/http handler may block, and inline it would block an event loop"))
	}
	limits.MaxBody = int64(o.maxBody)
	limits.HeadTimeout = orNever(limits.HeadTimeout)
	limits.IdleTimeout = orNever(limits.IdleTimeout)

	h := web.Fast(fast)
	if o.api == apiNetHTTP {
		h = web.Handler(standard{})
	}
	h.Limits = limits
	srv.Handler = h
	if err := serve(ctx, srv, h, o, stdout); err != nil {
		return cli.Failed(fs, stderr, err)
	}
	return cli.OK
}

// orNever translates the 0 of a flag to the negative time that package web has for
// "never".
func orNever(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

func serve(ctx context.Context, srv *weir.Server, h *web.HTTP, o options, stdout io.Writer) error {
	if err := cli.CheckLimits(srv); err != nil {
		return err
	}
	ln, err := cli.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "http: listening on tcp %s, api %s, %s\n", ln.Addr(), o.api, cli.Describe(srv))
	stop, err := profile.Serve(o.pprof, "http", stdout)
	if err != nil {
		ln.Close()
		return err
	}
	defer stop()
	stopReport := cli.Report(stdout, o.stats, srv.Stats)
	err = cli.Serve(ctx, srv, ln, grace)
	stopReport()
	fmt.Fprintf(stdout, "http: served %s%s\n", cli.Summary(srv.Stats()), refusals(h.Stats()))
	return err
}

// refusals lists what the limits and the rules of HTTP have caught.
func refusals(s web.HTTPStats) string {
	return cli.Happened(
		cli.Counter{What: "refused: malformed", N: s.Malformed},
		cli.Counter{What: "refused: too large", N: s.TooLarge},
		cli.Counter{What: "refused: slow body", N: s.SlowBodies},
		cli.Counter{What: "closed: max-requests", N: s.LastOnes},
	)
}
