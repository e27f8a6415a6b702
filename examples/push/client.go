package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/protocol"
)

// clientFlags are those of the commands that are clients.
type clientFlags struct {
	server    string
	tokenFile string
	session   string
	qos       int
}

func (c *clientFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&c.server, "server", "tcp://127.0.0.1:8090", "`URL` of the server: tcp://host:port or ws://host:port/ws")
	fs.StringVar(&c.tokenFile, "token-file", "", "`file` with the token, looked at again when that has expired")
	fs.StringVar(&c.session, "session", "", "`name` by which the server knows what was received before, to go on there; empty: a new one")
	cli.Choice(fs, &c.qos, "qos", "0: at most once, 1: stored, and at least once", 0, 1)
}

// parse is cli.Parse for a command that has arguments behind the flags, as many as least
// to most.
func parse(fs *flag.FlagSet, args []string, least, most int, stdout, stderr io.Writer, about, examples string) (rest []string, code int, ok bool) {
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	flags := args
	if fs.Parse(args) == nil {
		rest = fs.Args()
		flags = args[:len(args)-len(rest)]
	}
	if code, ok := cli.Parse(fs, flags, stdout, stderr, about, examples); !ok {
		return nil, code, false
	}
	if len(rest) < least || len(rest) > most {
		return nil, cli.Misused(fs, stderr, fmt.Errorf("%d arguments, where there should be %d at least and %d at most", len(rest), least, most)), false
	}
	return rest, cli.OK, true
}

// open returns a client that has been started. What happens to its connection is told on
// stderr.
func (c *clientFlags) open(name string, stderr io.Writer, stopped func(error)) (*client.Client, error) {
	config := client.Config{URL: c.server, Session: c.session}
	if c.tokenFile != "" {
		config.Token = func(context.Context) (string, error) {
			b, err := os.ReadFile(c.tokenFile)
			return string(bytes.TrimSpace(b)), err
		}
	}
	config.OnState = func(s client.StateChange) {
		switch s.State {
		case client.Connected:
			fmt.Fprintf(stderr, "%s: connected to %s, session %s\n", name, c.server, s.Session)
		case client.Waiting:
			if s.Err != nil {
				fmt.Fprintf(stderr, "%s: no connection: %v; again in %v\n", name, s.Err, s.Retry.Round(time.Millisecond))
			}
		case client.Stopped:
			stopped(s.Err)
		}
	}
	config.OnError = func(err error) { fmt.Fprintf(stderr, "%s: %v\n", name, err) }
	cl, err := client.New(config)
	if err != nil {
		return nil, err
	}
	return cl, cl.Start()
}

// leave ends a client, which may take a moment to say what it has received.
func leave(cl *client.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	cl.Close(ctx)
}

const subAbout = `Push sub prints the messages of topics: the topic, a tab, and the data, on a line
each. What there is to say of the connection goes to standard error.

Usage:

	push sub [flags] filter ...
`

const subExamples = `All rooms, with what was said before; three messages; and going on where the last
time has ended:

	push sub -all 'chat/#'
	push sub -count 3 chat/room
	push sub -session logger 'chat/#'
`

// runSub is the command sub.
func runSub(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := clientFlags{qos: 1}
	all, count := false, 0
	fs := flag.NewFlagSet("push sub", flag.ContinueOnError)
	c.add(fs)
	fs.BoolVar(&all, "all", false, "begin with the oldest message that the server has")
	cli.Count(fs, &count, "count", "end after this `number` of messages; 0: never")
	filters, code, ok := parse(fs, args, 1, 1000, stdout, stderr, subAbout, subExamples)
	if !ok {
		return code
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cl, err := c.open(fs.Name(), stderr, func(err error) { cancel(err) })
	if err != nil {
		return cli.Failed(fs, stderr, err)
	}
	defer leave(cl)

	o := client.SubOptions{QoS: protocol.QoS(c.qos), ManualAck: true, OnError: func(err error) { cancel(err) }}
	o.OnGap = func(g client.Gap) { fmt.Fprintf(stderr, "%s: messages of %s are missing\n", fs.Name(), g.Filter) }
	if all {
		o.From = &protocol.Cursor{}
	}
	var mu sync.Mutex // a callback may come while another ends the program
	seen := 0
	show := func(m client.Message) {
		mu.Lock()
		defer mu.Unlock()
		if count > 0 && seen == count {
			return // and not acknowledged
		}
		fmt.Fprintf(stdout, "%s\t%s\n", m.Topic, m.Data)
		m.Ack()
		if seen++; seen == count {
			cancel(nil)
		}
	}
	for _, f := range filters {
		if _, err := cl.Subscribe(f, o, show); err != nil {
			return cli.Failed(fs, stderr, err)
		}
	}
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return cli.Failed(fs, stderr, err)
	}
	return cli.OK
}

const pubAbout = `Push pub publishes the lines of standard input, each as a message of its own.

Usage:

	push pub [flags] topic
`

const pubExamples = `One message, and whatever a command prints, as it comes:

	echo hello | push pub chat/room
	ping 127.0.0.1 | push pub -qos 0 feed/ping
`

// runPub is the command pub, which reads stdin.
func runPub(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := clientFlags{qos: 1}
	ttl := time.Duration(0)
	fs := flag.NewFlagSet("push pub", flag.ContinueOnError)
	c.add(fs)
	cli.Span(fs, &ttl, "ttl", "`time` after which a message need not be delivered any more; 0: as long as the server keeps it")
	topics, code, ok := parse(fs, args, 1, 1, stdout, stderr, pubAbout, pubExamples)
	if !ok {
		return code
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cl, err := c.open(fs.Name(), stderr, func(err error) { cancel(err) })
	if err != nil {
		return cli.Failed(fs, stderr, err)
	}
	defer leave(cl)
	if err := cl.Connected(ctx); err != nil {
		return cli.Failed(fs, stderr, err)
	}
	lines := bufio.NewScanner(stdin)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if _, err := cl.Publish(ctx, topics[0], lines.Bytes(), client.PubOptions{QoS: protocol.QoS(c.qos), TTL: ttl}); err != nil {
			return cli.Failed(fs, stderr, err)
		}
	}
	if err := lines.Err(); err != nil {
		return cli.Failed(fs, stderr, err)
	}
	return cli.OK
}
