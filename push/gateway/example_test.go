package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/gateway"
	"github.com/weir-go/weir/web"
)

// WebSockets beside other things that are served by HTTP, and raw TCP, until the server
// is told to end: its clients come back somewhere else then, a few at a time.
func Example() {
	p, err := push.New(push.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/ws", gateway.WebSocket(p, gateway.Options{}))
	config := gateway.Config(weir.Config{})
	servers := []*weir.Server{
		{Handler: web.Handler(mux), Config: config},
		{Handler: gateway.TCP(p, gateway.Options{}), Config: config},
	}
	ended := make(chan error)
	for _, s := range servers {
		go func() { ended <- s.ListenAndServe("tcp", "127.0.0.1:0") }()
	}

	time.AfterFunc(10*time.Millisecond, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		p.Shutdown(ctx)
		for _, s := range servers {
			s.Shutdown(ctx)
		}
	})
	fmt.Println(<-ended)
	fmt.Println(<-ended)
	// Output:
	// weir: server closed
	// weir: server closed
}
