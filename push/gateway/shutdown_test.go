package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push/gateway"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/web"
)

// At the end every client is told to come back, whatever it is doing, and one that comes
// too late is told so as well.
func TestShutdown(t *testing.T) {
	eachTransport(t, func(t *testing.T, tr transport) {
		v := serve(t, setting{})
		c, fresh := v.join(t, tr, protocol.Hello{}), v.dial(t, tr)
		c.subscribe("own/x", protocol.AtLeastOnce)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- v.Server.Shutdown(ctx) }()
		expect[*protocol.GoAway](c)
		c.ended(4000 + int(protocol.CodeGoingAway))
		if err := receive(t, ended); err != nil {
			t.Fatal(err)
		}
		if tr.socket { // on TCP it was there already, and has been sent away
			fresh.send(protocol.Hello{Version: protocol.Version})
		}
		expect[*protocol.GoAway](fresh)
		fresh.ended(4000 + int(protocol.CodeGoingAway))
	})
}

// Formats are few: a server that is given to the gateway again and again is not served.
func TestTooManyFormats(t *testing.T) {
	v := serve(t, setting{}) // has three
	gateway.TCP(v.Server, gateway.Options{})
	srv := &weir.Server{Handler: gateway.TCP(v.Server, gateway.Options{}), Config: gateway.Config(weir.Config{})}
	if err := srv.ListenAndServe("tcp", "127.0.0.1:0"); err == nil || errors.Is(err, weir.ErrServerClosed) {
		t.Errorf("TCP: %v", err)
	}
	at := start(t, &weir.Server{Handler: web.Handler(gateway.WebSocket(v.Server, gateway.Options{})), Config: gateway.Config(weir.Config{})})
	r, err := http.NewRequest("GET", "http://"+at+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport, Timeout: patience}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusInternalServerError {
		t.Errorf("WebSocket: %s", res.Status)
	}
}
