package gateway_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/gateway"
)

// A server that push could not work with does not start, and says why.
func TestTCPRefusesConfig(t *testing.T) {
	p, err := push.New(push.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for field, srv := range map[string]*weir.Server{
		"Dispatch": {Handler: gateway.TCP(p, gateway.Options{}), Config: gateway.Config(weir.Config{Dispatch: weir.Inline})},
		"Overflow": {Handler: gateway.TCP(p, gateway.Options{})},
		"MaxFrame": {Handler: gateway.TCP(p, gateway.Options{MaxFrame: -1}), Config: gateway.Config(weir.Config{})},
		"Ping":     {Handler: gateway.TCP(p, gateway.Options{Ping: -time.Second}), Config: gateway.Config(weir.Config{})},
	} {
		err := srv.ListenAndServe("tcp", "127.0.0.1:0")
		var e *weir.ConfigError
		if !errors.As(err, &e) || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestConfig(t *testing.T) {
	c := gateway.Config(weir.Config{Overflow: weir.OverflowDrop})
	if c.Overflow != weir.OverflowNotify || c.HighWatermark != 64<<10 || c.MaxOutbound != 1<<20 || c.FrameTimeout != 10*time.Second || c.FrameRate != 1024 || c.Socket.KeepAlive >= 0 {
		t.Errorf("the defaults are %+v", c)
	}
	c = gateway.Config(weir.Config{HighWatermark: 5, FrameTimeout: time.Minute, Socket: weir.SocketOptions{KeepAlive: time.Hour}, MaxFrame: 7})
	if c.HighWatermark != 5 || c.FrameTimeout != time.Minute || c.FrameRate != 0 || c.Socket.KeepAlive != time.Hour || c.MaxFrame != 7 {
		t.Errorf("what was set becomes %+v", c)
	}
}
