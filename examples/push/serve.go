package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/examples/internal/cli"
	"github.com/weir-go/weir/examples/internal/profile"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/gateway"
	"github.com/weir-go/weir/web"
)

// program is what serves.
type program struct {
	push *push.Server
	web  *weir.Server
	tcp  *weir.Server // nil: there is none
}

// serve serves until ctx ends, and sends the clients away then.
func serve(ctx context.Context, o *options, stdout io.Writer) error {
	ln, err := cli.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	defer ln.Close()
	var tcp net.Listener
	if o.tcp != "" {
		if tcp, err = cli.Listen("tcp", o.tcp); err != nil {
			return fmt.Errorf("-tcp: %w", err)
		}
		defer tcp.Close()
	}
	tracer, stopTraces, err := openTraces(o.traces, stdout)
	if err != nil {
		return err
	}
	p, err := newProgram(o, tracer)
	if err != nil {
		return errors.Join(err, stopTraces())
	}
	defer p.push.Close()
	stopProfiles, err := profile.Serve(o.pprof, "push", stdout)
	if err != nil {
		return errors.Join(err, stopTraces())
	}
	defer stopProfiles()

	if o.insecure && !o.keys.given() {
		o.server.Logger.Warn("whoever reaches this server may do everything: there is no key (-insecure)")
	}
	fmt.Fprint(stdout, p.banner(o, ln, tcp))
	stopReport := p.report(stdout, o.stats)
	err = p.run(ctx, ln, tcp, o.grace)
	stopReport()
	fmt.Fprintf(stdout, "push: %s\n", summary(p.push.Stats()))
	return errors.Join(err, stopTraces())
}

// newProgram makes the servers.
func newProgram(o *options, tracer tracer) (*program, error) {
	tokens, err := o.keys.authenticator(o.server.Logger)
	if err != nil {
		return nil, err
	}
	p := &program{web: o.listener()}
	if err := cli.CheckLimits(p.web); err != nil {
		return nil, err
	}
	log, err := o.openLog()
	if err != nil {
		return nil, err
	}
	c := push.Config{
		Log: log, Logger: o.server.Logger, Tracer: tracer,
		Ping: o.ping, MaxMessage: o.maxMessage, Policy: o.policies.of,
		AcceptRate: orNone(o.acceptRate), ResumeRate: orNone(o.resumeRate),
	}
	if tokens != nil {
		c.Auth = tokens
	}
	if p.push, err = push.New(c); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	g := gateway.Options{Ping: o.ping, MaxFrame: max(512<<10, 6*o.maxMessage+8<<10)}
	transports := map[string]func() weir.Stats{"web": p.web.Stats}
	if o.tcp != "" {
		p.tcp = o.listener()
		p.tcp.Handler = gateway.TCP(p.push, g)
		transports["tcp"] = p.tcp.Stats
	}
	p.web.Handler = web.Handler(o.routes(p.push, tokens, gateway.WebSocket(p.push, g), transports, tracer))
	p.push.SetGauges(p.gauges)
	return p, nil
}

// listener returns a server of the flags, without a handler.
func (o *options) listener() *weir.Server {
	c := o.server
	c.MaxOutbound = max(1<<20, 4*o.maxMessage)
	return &weir.Server{Config: gateway.Config(c), MaxConns: o.maxConns, MaxConnsPerIP: o.perIP}
}

func (p *program) gauges() push.Gauges {
	g := push.Gauges{LoopLag: p.web.Stats().Lag}
	if p.tcp != nil {
		g.LoopLag = max(g.LoopLag, p.tcp.Stats().Lag)
	}
	return g
}

// banner tells where what is. The address is one that a browser on this machine takes.
func (p *program) banner(o *options, ln, tcp net.Listener) string {
	host := ln.Addr().String()
	if a := ln.Addr().(*net.TCPAddr); a.IP.IsUnspecified() {
		host = fmt.Sprintf("localhost:%d", a.Port)
	}
	s := fmt.Sprintf("push: listening on tcp %s, %s, %s, %s\n", ln.Addr(), o.storage(), o.keys.describe(), cli.Describe(p.web))
	s += fmt.Sprintf("push: page http://%s/\n", host)
	s += fmt.Sprintf("push: WebSockets ws://%s/ws\n", host)
	if tcp != nil {
		s += fmt.Sprintf("push: raw TCP tcp://%s\n", tcp.Addr())
	}
	return s
}

// run serves until ctx ends, or a listener fails. Then clients are told to come back, a
// slice after the other within grace, and what has been accepted is stored; the rest of
// the connections has as long again.
func (p *program) run(ctx context.Context, ln, tcp net.Listener, grace time.Duration) error {
	failed := make(chan error, 2)
	go func() { failed <- p.web.Serve(ln) }()
	servers := []*weir.Server{p.web}
	if p.tcp != nil {
		servers = append(servers, p.tcp)
		go func() { failed <- p.tcp.Serve(tcp) }()
	}
	var first error // what has gone wrong; the rest mostly follows from it
	note := func(err error) {
		if first == nil && !errors.Is(err, weir.ErrServerClosed) {
			first = err
		}
	}
	left := len(servers)
	select {
	case err := <-failed:
		note(err)
		left--
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := p.push.Shutdown(patience); !errors.Is(err, context.DeadlineExceeded) {
		note(err) // late or not, all have been sent away
	}
	patience, cancel = context.WithTimeout(context.Background(), max(grace, time.Second))
	defer cancel()
	for _, s := range servers {
		err := s.Shutdown(patience)
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("connections were aborted, having not ended within %v", max(grace, time.Second))
		}
		note(err)
	}
	for range left {
		note(<-failed)
	}
	return first
}
