// Push delivers messages by topic to browsers and other clients. See push -h.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/push/msglog"
)

const about = `Push delivers messages by topic to very many clients: browsers, by WebSocket, and
programs, by WebSocket or raw TCP. On its HTTP address:

	/           a page to look at it, to publish and to subscribe
	/push.js    the SDK for browsers, an ES module
	/ws         WebSockets
	/api/...    publish, history, presence, and an operator's requests
	/health     whether it works
	/metrics    figures for Prometheus

Usage:

	push [flags]                     serve
	push token [flags]               print a token, see push token -h
	push sub [flags] filter ...      print messages, see push sub -h
	push pub [flags] topic           publish lines of standard input, see push pub -h
`

const examples = `Try it, with a browser in two tabs, and from a terminal:

	chromium http://127.0.0.1:8080/
	go run ./examples/push sub 'chat/#'
	echo hello | go run ./examples/push pub chat/room
	curl -H 'Content-Type: application/json' http://127.0.0.1:8080/api/publish -d '{"topic":"chat/room","data":"hello","qos":1}'

Keep the messages of QoS 1 over restarts, kill -9 included:

	push -data /var/lib/push

Serve others than this machine, who need a token then:

	head -c 32 /dev/urandom | base64 > secret
	push -addr :8080 -tcp :8090 -secret-file secret
	push token -secret-file secret -user ann -subscribe 'chat/#' -publish chat/room -ttl 1h

SIGINT and SIGTERM end it gracefully: clients are told, some at a time, when to come
back. A second one ends it at once.
`

// options are the flags.
type options struct {
	addr, tcp string
	insecure  bool
	keys      keyFlags

	data      string
	retention msglog.Retention

	ping       time.Duration
	maxMessage int
	policies   policies
	acceptRate int
	resumeRate int
	grace      time.Duration
	server     weir.Config // of both listeners
	maxConns   int
	perIP      int

	format, level string
	traces        string
	stats         time.Duration
	pprof         string
}

func main() { cli.Main(run) }

// commands are the words that the first argument can be.
var commands = map[string]cli.Run{
	"token": runToken,
	"sub":   runSub,
	"pub": func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
		return runPub(ctx, args, os.Stdin, stdout, stderr)
	},
}

// run is main without the process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		if command, ok := commands[args[0]]; ok {
			return command(ctx, args[1:], stdout, stderr)
		}
	}
	o := options{addr: "127.0.0.1:8080", tcp: "127.0.0.1:8090", format: "text", level: "info"}
	o.ping, o.grace, o.maxMessage, o.acceptRate = 30*time.Second, 10*time.Second, 64<<10, 5000
	o.resumeRate = 200_000
	bytes := 0

	fs := flag.NewFlagSet("push", flag.ContinueOnError)
	fs.StringVar(&o.addr, "addr", o.addr, "`address` to serve HTTP and WebSockets on, host:port")
	fs.StringVar(&o.tcp, "tcp", o.tcp, "`address` to serve raw TCP on, host:port; empty: none")
	o.keys.add(fs)
	fs.BoolVar(&o.insecure, "insecure", false, "serve without a key whoever can reach the addresses, under any name")
	fs.StringVar(&o.data, "data", "", "`directory` to keep the messages of QoS 1 and the clients' cursors in; empty: in memory, until the end")
	cli.Count(fs, &o.retention.Count, "retain-count", "`number` of messages of QoS 1 kept of a topic; 0: the log's default")
	cli.Span(fs, &o.retention.Age, "retain-age", "`time` that they are kept; 0: the log's default")
	cli.Count(fs, &bytes, "retain-bytes", "`bytes` of data kept of a topic; 0: the log's default")
	cli.Span(fs, &o.ping, "ping", "`time` of silence after which one side pings; a client that is silent for 1.5 times as long is disconnected")
	cli.Count(fs, &o.maxMessage, "max-message", "largest data of a message in `bytes`; larger ones are refused")
	fs.Var(&o.policies, "policy", "what becomes of messages of QoS 0 that a client is too slow for: oldest, latest or disconnect; or, for topics that match, `[filter=]policy`, such as price/#=latest; may be repeated")
	cli.Count(fs, &o.acceptRate, "accept-rate", "`number` of clients admitted per second, the others wait, or are told to come later; 0: no limit")
	cli.Count(fs, &o.resumeRate, "resume-rate", "`number` of messages per second read from the disk for those who catch up; 0: no limit")
	cli.Choice(fs, &o.server.Poller, "poller", "how the loops wait for sockets", weir.PollerAuto, weir.PollerEpoll, weir.PollerSelect)
	cli.Count(fs, &o.server.Loops, "loops", "`number` of event loops of each listener; 0: one per CPU")
	cli.Count(fs, &o.server.Workers, "workers", "largest `number` of workers of each listener; 0: 256 per CPU")
	cli.Count(fs, &o.maxConns, "max-conns", "largest `number` of connections of each listener; 0: as many as there are file descriptors")
	cli.Count(fs, &o.perIP, "max-conns-per-ip", "the same for each address of clients; 0: no limit")
	cli.Span(fs, &o.grace, "grace", "`time` over which clients are sent away at the end, and may take to go")
	cli.Choice(fs, &o.format, "log", "how to log", "text", "json")
	cli.Choice(fs, &o.level, "log-level", "from which level on to log; debug has every message", "debug", "info", "warn", "error")
	fs.StringVar(&o.traces, "traces", "", "write OpenTelemetry spans as JSON to this `file`, or to stdout; empty: none")
	cli.Span(fs, &o.stats, "stats", "print statistics at this `interval`, such as 1s; 0: at the end only")
	fs.StringVar(&o.pprof, "pprof", "", "serve profiles over HTTP on this `address`, such as 127.0.0.1:6060")
	if code, ok := cli.Parse(fs, args, stdout, stderr, about, examples); !ok {
		return code
	}
	o.retention.Bytes = int64(bytes)
	if err := o.check(); err != nil {
		return cli.Misused(fs, stderr, err)
	}
	o.server.Logger = newLogger(stderr, o.format, o.level)
	if err := serve(ctx, &o, stdout); err != nil {
		return cli.Failed(fs, stderr, err)
	}
	return cli.OK
}

// check finds flags that cannot be followed.
func (o *options) check() error {
	switch {
	case o.ping == 0:
		return errors.New("-ping must not be 0: nobody would find out that a connection is dead")
	case o.maxMessage == 0:
		return errors.New("-max-message must not be 0")
	}
	if err := o.keys.check(); err != nil {
		return err
	}
	if err := checkExposure("addr", o.addr, o.keys.given(), o.insecure); err != nil {
		return err
	}
	return checkExposure("tcp", o.tcp, o.keys.given(), o.insecure)
}

// newLogger returns a logger of the words of flags.
func newLogger(w io.Writer, format, level string) *slog.Logger {
	var l slog.Level
	l.UnmarshalText([]byte(level)) // the flag has checked it
	o := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// orNone translates the 0 of a flag to the negative number that push has for "no
// limit".
func orNone(n int) float64 {
	if n == 0 {
		return -1
	}
	return float64(n)
}
