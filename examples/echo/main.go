// Echo sends back what it receives, frame by frame. See echo -h.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/examples/internal/profile"
)

const about = `Echo sends back what it receives, frame by frame.

Usage:

	echo [flags]
`

const examples = `Try it, with netcat or socat:

	printf 'hello\n' | nc -N 127.0.0.1 9000                # -codec raw or line
	printf '\0\0\0\5hello' | nc -N 127.0.0.1 9000 | xxd    # -codec length
	socat - UNIX-CONNECT:/tmp/weir-echo.sock               # -net unix

SIGINT and SIGTERM end it gracefully, a second one at once.
`

// grace is how long connections may take to get the rest of their echo when the
// server shuts down.
const grace = 10 * time.Second

// handler is the server proper.
type handler struct {
	log *slog.Logger
}

func (h handler) OnOpen(*weir.Conn) {}

// OnFrame sends a frame back. A peer that sends and does not read is not read
// from any more when too much waits for it (weir.OverflowPause), so that a write
// is not refused for lack of room.
func (h handler) OnFrame(c *weir.Conn, frame []byte) {
	if err := c.WriteFrame(frame); err != nil {
		h.explain(c, err)
		c.Close()
	}
}

func (h handler) OnClose(c *weir.Conn, err error) { h.explain(c, err) }

// explain logs what a user may wonder about: that the bytes do not fit the codec.
// That peers come and go is nothing to tell.
func (h handler) explain(c *weir.Conn, err error) {
	var refused *codec.Error
	if errors.As(err, &refused) {
		h.log.Warn("connection closed: not what the codec expects", "remote", c.RemoteAddr(), "err", err)
	}
}

// options are the flags that are not the server's.
type options struct {
	network, addr string
	codec         string
	maxFrame      int
	stats         time.Duration
	pprof         string
}

// newCodec returns the codec of a name.
func newCodec(name string, maxFrame int) codec.Codec {
	switch name {
	case "line":
		return codec.Line{Max: maxFrame}
	case "length":
		return codec.LengthField{Width: 4, Strip: 4, Max: maxFrame}
	}
	return codec.Raw{Max: maxFrame}
}

func main() { cli.Main(run) }

// run is main without the process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	log := slog.New(slog.NewTextHandler(stderr, nil))
	srv := &weir.Server{Handler: handler{log}}
	srv.Logger = log
	o := options{network: "tcp", codec: "raw", maxFrame: codec.DefaultMax}

	fs := flag.NewFlagSet("echo", flag.ContinueOnError)
	fs.StringVar(&o.addr, "addr", "127.0.0.1:9000", "`address` to listen on: host:port, or a path with -net unix")
	cli.Choice(fs, &o.network, "net", "kind of network", "tcp", "unix")
	cli.Choice(fs, &o.codec, "codec", "what a frame is: whatever comes, a line, or what follows a length of 4 bytes in network order", "raw", "line", "length")
	cli.Count(fs, &o.maxFrame, "max-frame", "largest frame in `bytes`, with its length but without its line end; a larger one ends the connection; 0: 1 MiB")
	cli.ServerFlags(fs, srv)
	cli.Span(fs, &srv.IdleTimeout, "idle", "end connections on which nothing has come for this `time`; 0: never")
	cli.Span(fs, &o.stats, "stats", "print statistics at this `interval`, such as 1s; 0: never")
	fs.StringVar(&o.pprof, "pprof", "", "serve profiles over HTTP on this `address`, such as 127.0.0.1:6060")
	if code, ok := cli.Parse(fs, args, stdout, stderr, about, examples); !ok {
		return code
	}
	if o.network == "unix" && !given(fs, "addr") {
		o.addr = filepath.Join(os.TempDir(), "weir-echo.sock")
	}
	srv.Codec = newCodec(o.codec, o.maxFrame)

	if err := serve(ctx, srv, o, stdout); err != nil {
		return cli.Failed(fs, stderr, err)
	}
	return cli.OK
}

// given reports whether a flag was set.
func given(fs *flag.FlagSet, name string) (set bool) {
	fs.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

func serve(ctx context.Context, srv *weir.Server, o options, stdout io.Writer) error {
	if err := cli.CheckLimits(srv); err != nil {
		return err
	}
	ln, err := cli.Listen(o.network, o.addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "echo: listening on %s %s, codec %s, %s\n", o.network, ln.Addr(), o.codec, cli.Describe(srv))
	stop, err := profile.Serve(o.pprof, "echo", stdout)
	if err != nil {
		ln.Close()
		return err
	}
	defer stop()
	defer cli.Report(stdout, o.stats, srv.Stats)()
	return cli.Serve(ctx, srv, ln, grace)
}
