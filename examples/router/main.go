// Router is a service of chi and middleware for net/http, on weir. See router -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/web"
)

const about = `Router is a small service as one writes it for net/http: a chi router, gzip and
ETag middleware, JSON, server-sent events, static files. It runs on weir, or on
net/http, without a difference in its code.

	GET    /             a page that shows all of this
	GET    /clock        server-sent events: the time, and how many are watching
	GET    /notes        JSON; POST adds a note
	GET    /notes/{id}   JSON; DELETE removes it

Usage:

	router [flags]
`

const examples = `Try it, with a browser or with curl:

	chromium http://127.0.0.1:8082/
	curl -N http://127.0.0.1:8082/clock
	curl -i http://127.0.0.1:8082/notes -d '{"text":"hello"}'
	curl -i --compressed http://127.0.0.1:8082/ -H 'If-None-Match: "the ETag of the last response"'

SIGINT and SIGTERM end it gracefully, a second one at once.
`

// grace is how long requests that are being served may take when the server shuts
// down.
const grace = 10 * time.Second

func main() { cli.Main(run) }

// run is main without the process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	srv := &weir.Server{}
	srv.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	addr, server, tick := "127.0.0.1:8082", "weir", time.Second

	fs := flag.NewFlagSet("router", flag.ContinueOnError)
	fs.StringVar(&addr, "addr", addr, "`address` to listen on, host:port")
	cli.Choice(fs, &server, "server", "what serves the connections: weir, or net/http's own server, to compare with", "weir", "net")
	cli.Span(fs, &tick, "tick", "`time` between two events of the clock")
	cli.Choice(fs, &srv.Poller, "poller", "how the loops wait for sockets", weir.PollerAuto, weir.PollerEpoll, weir.PollerSelect)
	cli.Count(fs, &srv.Loops, "loops", "`number` of event loops; 0: one per CPU")
	cli.Count(fs, &srv.Workers, "workers", "largest `number` of requests that are handled at a time, other than those that stream; 0: 256 per CPU")
	cli.Count(fs, &srv.MaxConns, "max-conns", "largest `number` of connections; 0: as many as there are file descriptors")
	if code, ok := cli.Parse(fs, args, stdout, stderr, about, examples); !ok {
		return code
	}
	if tick == 0 {
		return cli.Misused(fs, stderr, errors.New("-tick must not be 0"))
	}

	err := serve(ctx, srv, server, addr, newRouter(ctx, tick), stdout)
	if err != nil {
		return cli.Failed(fs, stderr, err)
	}
	return cli.OK
}

func serve(ctx context.Context, srv *weir.Server, server, addr string, h http.Handler, stdout io.Writer) error {
	if err := cli.CheckLimits(srv); err != nil {
		return err
	}
	ln, err := cli.Listen("tcp", addr)
	if err != nil {
		return err
	}
	if server == "net" {
		fmt.Fprintf(stdout, "router: listening on tcp %s, server net/http\n", ln.Addr())
		return serveNet(ctx, ln, h, srv.Logger)
	}
	fmt.Fprintf(stdout, "router: listening on tcp %s, server weir, %s\n", ln.Addr(), cli.Describe(srv))
	srv.Handler = web.Handler(h)
	err = cli.Serve(ctx, srv, ln, grace)
	fmt.Fprintf(stdout, "router: served %s\n", cli.Summary(srv.Stats()))
	return err
}

// serveNet is cli.Serve for net/http, with the timeouts that web.Limits has by
// default.
func serveNet(ctx context.Context, ln net.Listener, h http.Handler, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelError),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := srv.Shutdown(patience); err != nil {
		srv.Close()
		return fmt.Errorf("connections were closed, having not ended within %v", grace)
	}
	return nil
}
