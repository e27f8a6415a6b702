package client_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/client"
	"github.com/weir-go/weir/push/gateway"
	"github.com/weir-go/weir/push/protocol"
)

// exampleServer serves on a free port.
func exampleServer() (addr string, stop func()) {
	p, err := push.New(push.Config{})
	if err != nil {
		log.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	s := &weir.Server{Handler: gateway.TCP(p, gateway.Options{}), Config: gateway.Config(weir.Config{})}
	ended := make(chan error)
	go func() { ended <- s.Serve(ln) }()
	return ln.Addr().String(), func() {
		s.Close()
		<-ended
		p.Close()
	}
}

func ExampleClient() {
	addr, stop := exampleServer()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	c, err := client.New(client.Config{
		URL: "tcp://" + addr,
		OnState: func(s client.StateChange) {
			if s.Err != nil {
				log.Println(s.State, s.Err, "next attempt in", s.Retry)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	got := make(chan struct{})
	sub, err := c.Subscribe("greetings/+", client.SubOptions{QoS: protocol.AtLeastOnce}, func(m client.Message) {
		fmt.Printf("%s: %s\n", m.Topic, m.Data)
		close(got)
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := c.Start(); err != nil {
		log.Fatal(err)
	}
	if err := sub.Ready(ctx); err != nil {
		log.Fatal(err)
	}
	receipt, err := c.Publish(ctx, "greetings/world", []byte("hello"), client.PubOptions{QoS: protocol.AtLeastOnce})
	if err != nil {
		log.Fatal(err)
	}
	<-got
	fmt.Println("stored with offset", receipt.Offset)
	if err := c.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// greetings/world: hello
	// stored with offset 1
}

func ExampleGroup() {
	addr, stop := exampleServer()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	g, err := client.NewGroup(client.GroupConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	for range 100 {
		c, err := client.New(client.Config{URL: "tcp://" + addr, Group: g, InitialJitter: 10 * time.Millisecond})
		if err != nil {
			log.Fatal(err)
		}
		if err := c.Start(); err != nil {
			log.Fatal(err)
		}
		if err := c.Connected(ctx); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(g.Stats().Connected, "clients")
	// Output:
	// 100 clients
}

func ExampleSubscription_Cursor() {
	addr, stop := exampleServer()
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	c, err := client.Dial(ctx, client.Config{URL: "tcp://" + addr})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	for _, text := range []string{"one", "two", "three"} {
		if _, err := c.Publish(ctx, "t", []byte(text), client.PubOptions{QoS: protocol.AtLeastOnce}); err != nil {
			log.Fatal(err)
		}
	}
	// From the beginning, up to the second message.
	two := make(chan protocol.Cursor)
	first, err := c.Subscribe("t", client.SubOptions{From: &protocol.Cursor{}}, func(m client.Message) {
		if cursor, ok := m.Cursor(); ok && string(m.Data) == "two" {
			two <- cursor
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	cursor := <-two // to be kept somewhere
	first.Unsubscribe()

	// Later, in another process perhaps.
	rest := make(chan string, 1)
	if _, err := c.Subscribe("t", client.SubOptions{From: &cursor}, func(m client.Message) { rest <- string(m.Data) }); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-rest)
	// Output:
	// three
}
