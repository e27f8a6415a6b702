// Websocket sends messages back on WebSockets. See websocket -h.
package main

import (
	"context"
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

const about = `Websocket sends messages back on WebSockets, whatever the path, and shows a
browser a page to try that with.

Usage:

	websocket [flags]
`

const examples = `Try it, with a browser, or with npm's wscat:

	chromium http://127.0.0.1:8081/
	npx wscat -c ws://127.0.0.1:8081/

Pages of other origins are refused, as web.WebSocket does by default.

SIGINT and SIGTERM end it gracefully: clients are told that the server goes away.
A second one ends it at once.
`

// grace is how long clients may take to close their side when the server shuts
// down.
const grace = 10 * time.Second

// options are the flags that are not the server's.
type options struct {
	addr     string
	compress string
	stats    time.Duration
	pprof    string
}

// compressions are the words for -compress.
var compressions = map[string]web.Compression{
	"off":         web.CompressionOff,
	"no-takeover": web.CompressionNoTakeover,
	"takeover":    web.CompressionTakeover,
}

func main() { cli.Main(run) }

// run is main without the process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	srv := &weir.Server{}
	srv.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	e := newEndpoint(srv.Logger)
	o := options{compress: "off"}

	fs := flag.NewFlagSet("websocket", flag.ContinueOnError)
	fs.StringVar(&o.addr, "addr", "127.0.0.1:8081", "`address` to listen on, host:port")
	cli.Choice(fs, &o.compress, "compress", "whether to compress messages if the client offers it (permessage-deflate): each on its own, or with reference to those before", "off", "no-takeover", "takeover")
	cli.ServerFlags(fs, srv)
	cli.Count(fs, &e.ws.MaxMessage, "max-message", "largest message in `bytes`, inflated; a larger one ends the connection with 1009; 0: 1 MiB")
	cli.Span(fs, &e.ws.PingInterval, "ping", "ping clients that have been silent for this `time`, and end those that do not answer within 10s; 0: never")
	cli.Span(fs, &o.stats, "stats", "print statistics at this `interval`, such as 1s; 0: at the end only")
	fs.StringVar(&o.pprof, "pprof", "", "serve profiles over HTTP on this `address`, such as 127.0.0.1:6060")
	if code, ok := cli.Parse(fs, args, stdout, stderr, about, examples); !ok {
		return code
	}
	e.ws.Compression = compressions[o.compress]
	if e.ws.PingInterval == 0 {
		e.ws.PingInterval = -1
	}
	srv.Handler = web.Fast(e.serve)
	if err := serve(ctx, srv, e.ws, o, stdout); err != nil {
		return cli.Failed(fs, stderr, err)
	}
	return cli.OK
}

func serve(ctx context.Context, srv *weir.Server, ws *web.WebSocket, o options, stdout io.Writer) error {
	if err := cli.CheckLimits(srv); err != nil {
		return err
	}
	ln, err := cli.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "websocket: listening on tcp %s, compress %s, %s\n", ln.Addr(), o.compress, cli.Describe(srv))
	stop, err := profile.Serve(o.pprof, "websocket", stdout)
	if err != nil {
		ln.Close()
		return err
	}
	defer stop()
	stopReport := cli.Report(stdout, o.stats, srv.Stats)
	err = cli.Serve(ctx, srv, ln, grace)
	stopReport()
	fmt.Fprintf(stdout, "websocket: served %s; %s\n", cli.Summary(srv.Stats()), summary(ws.Stats()))
	return err
}

// summary is cli.Summary for what a WebSocket counts.
func summary(s web.WebSocketStats) string {
	return fmt.Sprintf("%d sockets, messages: %d in, %d out", s.Opened, s.MessagesIn, s.MessagesOut) + cli.Happened(
		cli.Counter{What: "refused: origin", N: s.RefusedOrigin},
		cli.Counter{What: "refused: no handshake", N: s.RefusedRequest},
		cli.Counter{What: "ended: protocol error", N: s.ProtocolErrors},
		cli.Counter{What: "ended: too large", N: s.TooLarge},
		cli.Counter{What: "ended: no pong", N: s.PongTimeouts},
		cli.Counter{What: "ended: no close frame", N: s.CloseTimeouts},
	)
}
