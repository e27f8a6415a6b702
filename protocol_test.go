package weir_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// picky is a Handler that brings a codec and accepts no small MaxPending.
type picky struct {
	hooks
	codec codec.Codec
}

var errPicky = errors.New("MaxPending is too small for me")

func (p picky) Codec() codec.Codec { return p.codec }
func (p picky) CheckConfig(c weir.Config) error {
	if c.MaxPending < 1<<10 {
		return errPicky
	}
	return nil
}

func (p picky) OnFrame(c *weir.Conn, frame []byte) { fmt.Fprintf(c, "<%s>", frame) }

// A handler's codec is used when none is given, by a Server, a Client, NewProtocol
// and SetProtocol; nil means Raw.
func TestCodecHandler(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		for _, test := range []struct {
			given, own codec.Codec
			want       string
		}{
			{nil, codec.Line{}, "<a><b>"},
			{codec.Fixed{Size: 4}, codec.Line{}, "<a\nb\n>"},
			{nil, nil, "<a\nb\n>"},
		} {
			h := picky{codec: test.own}
			p, err := weir.NewProtocol(test.given, h)
			if err != nil {
				t.Fatal(err)
			}
			for name, s := range map[string]*weir.Server{
				"Server": {Codec: test.given, Handler: h},
				"Switch": {Handler: hooks{open: func(c *weir.Conn) { c.Switch(p) }}},
				"SetProtocol": {Handler: hooks{open: func(c *weir.Conn) {
					if err := c.SetProtocol(test.given, h); err != nil {
						t.Error(err)
					}
				}}},
			} {
				nc := dial(t, serve(t, m, s))
				io.WriteString(nc, "a\nb\n")
				nc.CloseWrite()
				if got, err := io.ReadAll(nc); string(got) != test.want || err != nil {
					t.Errorf("%s: got %q, %v, want %q", name, got, err, test.want)
				}
			}
		}
	})
}

// A handler may refuse a configuration, which it sees with the defaults filled in.
func TestConfigHandler(t *testing.T) {
	small := weir.Config{MaxPending: 1}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s := &weir.Server{Handler: picky{}, Config: small}
	if err := s.Serve(ln); !errors.Is(err, errPicky) {
		t.Errorf("Serve: %v", err)
	}
	c := &weir.Client{Handler: picky{}, Config: small}
	defer c.Close()
	if _, err := c.Dial(context.Background(), "tcp", "127.0.0.1:1"); !errors.Is(err, errPicky) {
		t.Errorf("Dial: %v", err)
	}
	for _, m := range modes() {
		served := &weir.Server{Handler: echo, Config: small}
		addr := serve(t, m, served)
		eventually(t, "it serves", func() bool { return len(served.Addrs()) == 1 })
		c := &weir.Client{Handler: picky{}, Server: served}
		if _, err := c.Dial(context.Background(), "tcp", addr); !errors.Is(err, errPicky) {
			t.Errorf("Dial on the loops of a Server: %v", err)
		}
		serve(t, m, &weir.Server{Handler: picky{}}) // or the cleanup reports the error
	}
}

// needy cannot be used as it is.
type needy struct{ codec.Raw }

var errNeedy = errors.New("more is needed")

func (needy) Validate() error { return errNeedy }

// What cannot work is refused by NewProtocol, SetProtocol and Switch.
func TestProtocolErrors(t *testing.T) {
	conns := make(chan *weir.Conn, 1)
	dial(t, serve(t, modes()[0], &weir.Server{Handler: hooks{open: func(c *weir.Conn) { conns <- c }}}))
	c := receive(t, conns, "OnOpen")
	for name, test := range map[string]struct {
		codec   codec.Codec
		handler weir.Handler
		field   string
		behind  error
	}{
		"no handler":      {codec.Raw{}, nil, "Handler", nil},
		"nil HandlerFunc": {nil, weir.HandlerFunc(nil), "Handler", nil},
		"codec":           {needy{}, echo, "Codec", errNeedy},
		"handler's codec": {nil, picky{codec: needy{}}, "Codec", errNeedy},
	} {
		p, err := weir.NewProtocol(test.codec, test.handler)
		for _, err := range []error{err, c.SetProtocol(test.codec, test.handler)} {
			var config *weir.ConfigError
			if !errors.As(err, &config) || config.Field != test.field || !errors.Is(config.Unwrap(), test.behind) || p != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	var config *weir.ConfigError
	if err := c.Switch(nil); !errors.As(err, &config) {
		t.Errorf("Switch(nil): %v", err)
	}
}

// Switch with bytes buffered: the new protocol gets them, wherever it is called, and
// though nothing more comes.
func TestSwitchAnywhere(t *testing.T) {
	after, err := weir.NewProtocol(codec.Fixed{Size: 3}, hooks{
		frame: func(c *weir.Conn, frame []byte) { fmt.Fprintf(c, "<%s>", frame) },
	})
	if err != nil {
		t.Fatal(err)
	}
	up := func(c *weir.Conn) {
		if err := c.Switch(after); err != nil {
			panic(err)
		}
	}
	const sent, want = "abcdef", "<abc><def>"
	for _, test := range []struct {
		name string
		h    weir.Handler
		then func(c *weir.Conn) // when the bytes are there
	}{
		{name: "outside", then: up},
		{name: "Do", then: func(c *weir.Conn) { c.Do(up) }},
		{name: "AfterFunc", then: func(c *weir.Conn) { c.AfterFunc(0, up) }},
		{name: "OnIdle", h: idleHooks{idle: up}, then: func(c *weir.Conn) { c.SetIdleTimeout(short) }},
		{name: "OnFrame", h: hooks{frame: func(c *weir.Conn, _ []byte) { up(c) }}},
		{name: "OnOpen", h: hooks{open: up}},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachMode(t, func(t *testing.T, m mode) {
				h := test.h
				if h == nil {
					h = hooks{}
				}
				s := &weir.Server{Codec: codec.Line{}, Handler: h}
				nc := dial(t, serve(t, m, s))
				line := ""
				if test.name == "OnFrame" {
					line = "line\n"
				}
				io.WriteString(nc, line+sent)
				eventually(t, "the bytes are there", func() bool { return s.Stats().BytesIn == uint64(len(line+sent)) })
				if test.then != nil {
					s.Each(test.then)
				}
				got := make([]byte, len(want))
				if _, err := io.ReadFull(nc, got); err != nil || string(got) != want {
					t.Errorf("got %q, %v", got, err)
				}
				if n := s.Stats().Conns; n != 1 {
					t.Errorf("%d connections are left", n)
				}
			})
		})
	}
}

// Where nothing is left to decode, Switch costs no turn: neither in a callback, after
// which the connection is at rest, nor outside of one.
func TestSwitchCostsNoTurn(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		conns := make(chan *weir.Conn, 1)
		var next [2]*weir.Protocol
		for i := range next {
			next[i], _ = weir.NewProtocol(codec.Line{}, hooks{frame: func(c *weir.Conn, frame []byte) {
				c.Switch(next[1-i])
				c.WriteFrame(frame)
			}})
		}
		s := &weir.Server{Handler: hooks{open: func(c *weir.Conn) { c.Switch(next[0]); conns <- c }}}
		nc := dial(t, serve(t, m, s))
		c := receive(t, conns, "OnOpen")
		ping := func() {
			io.WriteString(nc, "ping\n")
			if _, err := io.ReadFull(nc, make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
		}
		ping()
		atRest := func() bool { return weir.TurnsDue(c) == 0 }
		eventually(t, "the connection is at rest", atRest)
		for i := range less(100) {
			if err := c.Switch(next[i%2]); err != nil {
				t.Fatal(err)
			}
			if !atRest() {
				t.Fatal("Switch with nothing to decode has scheduled a turn")
			}
		}
		ping()
	})
}
