package weir_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
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

func ExampleConn_Stream() {
	// A line "put 5" is followed by 5 bytes of any kind. They are read as they come,
	// so they may be many; the next line is the codec's again.
	s := &weir.Server{Codec: codec.Line{}, Handler: weir.HandlerFunc(func(c *weir.Conn, line []byte) {
		var size int64
		if _, err := fmt.Sscanf(string(line), "put %d", &size); err != nil {
			c.WriteFrame([]byte("what?"))
			return
		}
		body := c.Stream()
		body.SetReadDeadline(time.Now().Add(time.Minute))
		sum := crc32.NewIEEE()
		if _, err := io.CopyN(sum, body, size); err != nil {
			c.Close()
			return
		}
		c.WriteFrame(fmt.Appendf(nil, "%d bytes, sum %08x", size, sum.Sum32()))
	})}
	addr := start(s)
	defer s.Close()

	conn, err := net.Dial("tcp", addr)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "put 11\nhello\nworldput 1\nxget\n")
	conn.(*net.TCPConn).CloseWrite()
	answers, _ := io.ReadAll(conn)
	fmt.Print(string(answers))
	// Output:
	// 11 bytes, sum ab7d37d5
	// 1 bytes, sum 8cdc1683
	// what?
}

// patient pings a peer that is silent, and then waits for the answer.
type patient struct {
	weir.HandlerFunc
	waits *weir.Protocol
}

func (p patient) OnIdle(c *weir.Conn) {
	c.WriteFrame([]byte("are you there?"))
	c.Switch(p.waits)
}

// waiting is what comes then: with an idle timeout of its own, which ends the
// connection because there is no OnIdle.
type waiting struct{ weir.HandlerFunc }

func (waiting) Timeouts() weir.Timeouts { return weir.Timeouts{Idle: 20 * time.Millisecond} }

func ExampleConn_Switch() {
	// A Protocol is made once, for any number of connections.
	var talks *weir.Protocol
	waits, err := weir.NewProtocol(codec.Line{}, waiting{func(c *weir.Conn, _ []byte) { c.Switch(talks) }})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := patient{func(c *weir.Conn, line []byte) { c.WriteFrame(line) }, waits}
	if talks, err = weir.NewProtocol(codec.Line{}, h); err != nil {
		fmt.Println(err)
		return
	}
	s := &weir.Server{Handler: h, Codec: codec.Line{}}
	s.IdleTimeout = 10 * time.Millisecond
	addr := start(s)
	defer s.Close()

	conn, err := net.Dial("tcp", addr)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	questions, _ := io.ReadAll(conn) // and no answer
	fmt.Print(string(questions), "the end")
	// Output:
	// are you there?
	// the end
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
