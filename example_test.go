package weir_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
)

// shout answers each line in capitals.
type shout struct{}

func (shout) OnOpen(c *weir.Conn)                { c.WriteFrame([]byte("welcome")) }
func (shout) OnFrame(c *weir.Conn, frame []byte) { c.WriteFrame(bytes.ToUpper(frame)) }
func (shout) OnClose(c *weir.Conn, err error)    { fmt.Println("closed:", err) }

func ExampleServer() {
	s := &weir.Server{Handler: shout{}, Codec: codec.Line{}}
	s.IdleTimeout = time.Minute // every field of Config has a useful zero value

	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	go func() { served <- s.Serve(ln) }() // or s.ListenAndServe("tcp", ":7000")

	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(conn, "hello")
	replies := bufio.NewScanner(conn)
	for range 2 {
		replies.Scan()
		fmt.Println(replies.Text())
	}
	conn.(*net.TCPConn).CloseWrite()
	replies.Scan() // the server's end

	conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		fmt.Println(err)
	}
	fmt.Println(errors.Is(<-served, weir.ErrServerClosed))
	// Output:
	// welcome
	// HELLO
	// closed: EOF
	// true
}

func ExampleHandlerFunc() {
	s := &weir.Server{
		Codec: codec.Varint{},
		Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
			c.WriteFrame(append([]byte("you said "), frame...))
		}),
	}
	addr := start(s)
	defer s.Close()

	conn, err := net.Dial("tcp", addr)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	conn.Write([]byte("\x02hi"))
	reply := make([]byte, 12)
	n, _ := bufio.NewReader(conn).Read(reply)
	fmt.Printf("%q\n", reply[:n])
	// Output:
	// "\vyou said hi"
}

func ExampleClient() {
	s := &weir.Server{Codec: codec.Line{}, Handler: weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
		c.WriteFrame(bytes.ToUpper(frame))
	})}
	addr := start(s)
	defer s.Close()

	lines := make(chan string)
	c := &weir.Client{Codec: codec.Line{}, Handler: weir.HandlerFunc(func(_ *weir.Conn, frame []byte) {
		lines <- string(frame) // frame is not ours any more when we return
	})}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := c.Dial(ctx, "tcp", addr)
	if err != nil {
		fmt.Println(err)
		return
	}
	conn.WriteFrame([]byte("as many connections as you like"))
	fmt.Println(<-lines)
	fmt.Println(c.Shutdown(ctx))
	// Output:
	// AS MANY CONNECTIONS AS YOU LIKE
	// <nil>
}

func ExampleConn_SetProtocol() {
	// Packets have their length in front. A line "upgrade" leads to them.
	packets := codec.LengthField{Width: 2, Strip: 2}
	talkPackets := weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
		c.WriteFrame([]byte("packet " + string(frame)))
	})
	talkLines := weir.HandlerFunc(func(c *weir.Conn, frame []byte) {
		c.WriteFrame([]byte("line " + string(frame)))
		if string(frame) == "upgrade" {
			c.SetProtocol(packets, talkPackets) // from the next byte on
		}
	})
	s := &weir.Server{Handler: talkLines, Codec: codec.Line{}}
	addr := start(s)
	defer s.Close()

	conn, err := net.Dial("tcp", addr)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "hello\nupgrade\n\x00\x03abc")
	conn.(*net.TCPConn).CloseWrite()
	var got strings.Builder
	bufio.NewReader(conn).WriteTo(&got)
	fmt.Printf("%q\n", got.String())
	// Output:
	// "line hello\nline upgrade\n\x00\npacket abc"
}

func ExampleServer_Broadcast() {
	s := &weir.Server{Handler: weir.HandlerFunc(func(*weir.Conn, []byte) {}), Codec: codec.Line{}}
	addr := start(s)
	defer s.Close()

	var subscribers []*bufio.Scanner
	for range 3 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer conn.Close()
		subscribers = append(subscribers, bufio.NewScanner(conn))
	}
	for s.Stats().Conns < len(subscribers) {
		time.Sleep(time.Millisecond) // until the server has accepted them
	}

	news, err := weir.NewMessage(codec.Line{}, []byte("encoded once"))
	if err != nil {
		fmt.Println(err)
		return
	}
	s.Broadcast(news)
	news.Release()
	for _, sub := range subscribers {
		sub.Scan()
		fmt.Println(sub.Text())
	}
	// Output:
	// encoded once
	// encoded once
	// encoded once
}

func ExampleBroadcast() {
	room := map[*weir.Conn]bool{} // of the connections that have joined
	joined := make(chan *weir.Conn)
	s := &weir.Server{Codec: codec.Line{}, Handler: weir.HandlerFunc(func(c *weir.Conn, _ []byte) { joined <- c })}
	addr := start(s)
	defer s.Close()

	var members []*bufio.Scanner
	for range 2 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer conn.Close()
		fmt.Fprintln(conn, "join")
		room[<-joined] = true
		members = append(members, bufio.NewScanner(conn))
	}

	m, err := weir.NewMessage(codec.Line{}, []byte("to the room"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Release()
	fmt.Println(weir.Broadcast(maps.Keys(room), m))
	for _, member := range members {
		member.Scan()
		fmt.Println(member.Text())
	}
	// Output:
	// 2
	// to the room
	// to the room
}

// start serves on a free port of this machine and returns the address.
func start(s *weir.Server) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go s.Serve(ln)
	return ln.Addr().String()
}
