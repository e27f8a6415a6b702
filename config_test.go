package weir_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// What cannot be meant is refused at the start, with the name of the field, by a
// server and, where it has the field, by a client.
func TestConfigErrors(t *testing.T) {
	for _, test := range []struct {
		field string
		set   func(s *weir.Server)
		cause error
	}{
		{field: "Handler", set: func(s *weir.Server) { s.Handler = nil }},
		{field: "Handler", set: func(s *weir.Server) { s.Handler = weir.HandlerFunc(nil) }},
		{field: "Codec", set: func(s *weir.Server) { s.Codec = codec.Fixed{} }, cause: codec.ErrConfig},
		{field: "Codec", set: func(s *weir.Server) { s.Codec = codec.LengthField{Width: 5} }, cause: codec.ErrConfig},
		{field: "Codec", set: func(s *weir.Server) { s.Codec = codec.Delimiter{} }, cause: codec.ErrConfig},
		{field: "Codec", set: func(s *weir.Server) { s.Codec = codec.Split{} }, cause: codec.ErrConfig},
		{field: "Dispatch", set: func(s *weir.Server) { s.Dispatch = 7 }},
		{field: "Dispatch", set: func(s *weir.Server) { s.Dispatch = -1 }},
		{field: "Poller", set: func(s *weir.Server) { s.Poller = 7 }},
		{field: "Poller", set: func(s *weir.Server) { s.Poller = -1 }},
		{field: "Overflow", set: func(s *weir.Server) { s.Overflow = 7 }},
		{field: "Overflow", set: func(s *weir.Server) { s.Overflow = -1 }},
		{field: "Loops", set: func(s *weir.Server) { s.Loops = -1 }},
		{field: "Loops", set: func(s *weir.Server) { s.Loops = 257 }},
		{field: "Workers", set: func(s *weir.Server) { s.Workers = -1 }},
		{field: "MaxTasks", set: func(s *weir.Server) { s.MaxTasks = -1 }},
		{field: "ReadBuffer", set: func(s *weir.Server) { s.ReadBuffer = math.MinInt }},
		{field: "MaxFrame", set: func(s *weir.Server) { s.MaxFrame = -1 }},
		{field: "MaxPending", set: func(s *weir.Server) { s.MaxPending = -1 }},
		{field: "HighWatermark", set: func(s *weir.Server) { s.HighWatermark = -1 }},
		{field: "LowWatermark", set: func(s *weir.Server) { s.LowWatermark = -1 }},
		{field: "LowWatermark", set: func(s *weir.Server) { s.HighWatermark, s.LowWatermark = 10, 11 }},
		{field: "MaxOutbound", set: func(s *weir.Server) { s.MaxOutbound = 1000 }},
		{field: "MaxOutbound", set: func(s *weir.Server) { s.MaxOutbound = -1 }},
		{field: "MaxBuffered", set: func(s *weir.Server) { s.MaxBuffered = -1 }},
		{field: "HandshakeTimeout", set: func(s *weir.Server) { s.HandshakeTimeout = -time.Second }},
		{field: "IdleTimeout", set: func(s *weir.Server) { s.IdleTimeout = -time.Second }},
		{field: "Linger", set: func(s *weir.Server) { s.Linger = -time.Second }},
		{field: "MaxConns", set: func(s *weir.Server) { s.MaxConns = -1 }},
		{field: "MaxConnsPerIP", set: func(s *weir.Server) { s.MaxConnsPerIP = -1 }},
		{field: "AcceptRate", set: func(s *weir.Server) { s.AcceptRate = -1 }},
	} {
		t.Run(test.field, func(t *testing.T) {
			check := func(err error) {
				t.Helper()
				var config *weir.ConfigError
				if !errors.As(err, &config) || config.Field != test.field || config.Problem == "" {
					t.Fatalf("%v", err)
				}
				if test.cause != nil && !errors.Is(err, test.cause) {
					t.Errorf("%v is not %v", err, test.cause)
				}
			}
			s := &weir.Server{Handler: echo}
			test.set(s)
			check(s.ListenAndServe("tcp", "127.0.0.1:0"))
			switch test.field {
			case "MaxConns", "MaxConnsPerIP", "AcceptRate":
				return // a server's only
			}
			_, err := (&weir.Client{Handler: s.Handler, Codec: s.Codec, Config: s.Config}).Dial(t.Context(), "tcp", "127.0.0.1:1")
			check(err)
		})
	}
}

// An unknown network is refused, with what net would say behind it.
func TestUnknownNetwork(t *testing.T) {
	for _, network := range []string{"", "udp", "TCP", "unixgram", "carrier pigeon"} {
		err := (&weir.Server{Handler: echo}).ListenAndServe(network, "127.0.0.1:0")
		var config *weir.ConfigError
		if !errors.As(err, &config) || config.Field != "network" || config.Err.Error() != "unknown network "+network {
			t.Errorf("%q: %v", network, err)
		}
	}
}

// A SetProtocol that cannot be is refused and changes nothing.
func TestSetProtocolErrors(t *testing.T) {
	eachMode(t, func(t *testing.T, m mode) {
		addr := serve(t, m, &weir.Server{Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			var config *weir.ConfigError
			if err := c.SetProtocol(nil, nil); !errors.As(err, &config) || config.Field != "Handler" {
				t.Errorf("without a handler: %v", err)
			}
			if err := c.SetProtocol(codec.Fixed{}, echo); !errors.As(err, &config) || config.Field != "Codec" {
				t.Errorf("with a codec that cannot be used: %v", err)
			}
			c.Write(frame)
		})})
		ping(t, addr)
	})
}

// The names that logs show.
func TestEnumNames(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{weir.Pool.String(), "pool"}, {weir.Inline.String(), "inline"}, {weir.Dispatch(9).String(), "Dispatch(9)"},
		{weir.OverflowPause.String(), "pause"}, {weir.OverflowDrop.String(), "drop"}, {weir.OverflowClose.String(), "close"}, {weir.OverflowNotify.String(), "notify"}, {weir.Overflow(9).String(), "Overflow(9)"},
		{weir.PollerAuto.String(), "auto"}, {weir.PollerEpoll.String(), "epoll"}, {weir.PollerSelect.String(), "select"}, {weir.PollerKind(9).String(), "PollerKind(9)"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
