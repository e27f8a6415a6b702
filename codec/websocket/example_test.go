package websocket_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weir-go/weir/codec/websocket"
)

// What a server does with the bytes that it has received.
func Example() {
	var stream []byte // as a client sends it
	stream = websocket.AppendMasked(stream, websocket.Text, false, false, []byte("Hello, "))
	stream = websocket.AppendMasked(stream, websocket.Ping, true, false, []byte("are you there?"))
	stream = websocket.AppendMasked(stream, websocket.Continuation, true, false, []byte("world"))

	var (
		codec  websocket.Codec
		reader websocket.Reader
		out    []byte // what the server answers
	)
	for len(stream) > 0 {
		frame, n, err := codec.Decode(stream)
		if n == 0 || err != nil {
			break // more bytes are needed, or the connection has to be failed
		}
		stream = stream[n:]
		op, message, err := reader.Next(frame)
		if err != nil {
			break
		}
		switch op {
		case websocket.Text, websocket.Binary:
			fmt.Printf("%v: %s\n", op, message)
			out = websocket.AppendFrame(out, op, true, false, message)
			reader.Release()
		case websocket.Ping:
			fmt.Printf("%v: %s\n", op, message)
			out = websocket.AppendFrame(out, websocket.Pong, true, false, message)
		}
	}
	fmt.Printf("%q\n", out)
	// Output:
	// ping: are you there?
	// text: Hello, world
	// "\x8a\x0eare you there?\x81\fHello, world"
}

// A frame is refused at its first byte, and the error has what to tell the client.
func ExampleError() {
	_, _, err := websocket.Codec{}.Decode([]byte{0x83})
	var refused *websocket.Error
	if errors.As(err, &refused) {
		fmt.Println(err)
		fmt.Printf("%q\n", websocket.AppendClose(nil, refused.Code, refused.Detail))
	}
	// Output:
	// websocket: use of reserved op code (1002)
	// "\x88\x19\x03\xeause of reserved op code"
}

func ExampleHandshake() {
	handshake := websocket.Handshake{ // of an http.Request, for example
		Method: "GET", Major: 1, Minor: 1,
		Connection: []string{"keep-alive, Upgrade"},
		Upgrade:    []string{"websocket"},
		Version:    []string{"13"},
		Key:        []string{"dGhlIHNhbXBsZSBub25jZQ=="},
	}
	key, err := handshake.Check()
	if err != nil {
		fmt.Println(err)
		return
	}
	protocol := websocket.SelectProtocol([]string{"chat.v2", "chat.v1"}, []string{"chat.v1, other"})
	deflate, _ := websocket.DeflateOptions{}.Negotiate([]string{"permessage-deflate; client_max_window_bits"})
	head := websocket.AppendResponse(nil, key, protocol, deflate.Response())
	fmt.Println(strings.ReplaceAll(string(head), "\r\n", "\n"))
	// Output:
	// HTTP/1.1 101 Switching Protocols
	// Upgrade: websocket
	// Connection: Upgrade
	// Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
	// Sec-WebSocket-Protocol: chat.v1
	// Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover
}

// With context takeover, what has been sent before need not be sent again.
func ExampleDeflater() {
	d := websocket.Deflater{Takeover: true}
	f := websocket.Inflater{Takeover: true}
	for i := range 3 {
		message := fmt.Appendf(nil, `{"symbol":"EURUSD","bid":1.0812%d}`, i)
		compressed := d.Append(nil, message)
		frame := websocket.AppendFrame(nil, websocket.Text, true, true, compressed)
		back, err := f.Append(nil, compressed, 1<<20)
		fmt.Printf("%s, error %v: frame is shorter: %v\n", back, err, len(frame) < len(message))
	}
	// Output:
	// {"symbol":"EURUSD","bid":1.08120}, error <nil>: frame is shorter: false
	// {"symbol":"EURUSD","bid":1.08121}, error <nil>: frame is shorter: true
	// {"symbol":"EURUSD","bid":1.08122}, error <nil>: frame is shorter: true
}

func ExampleReader_Next() {
	reader := websocket.Reader{Inflater: new(websocket.Inflater)}
	frame := websocket.AppendMasked(nil, websocket.Text, true, true, new(websocket.Deflater).Append(nil, []byte("Hello")))
	op, message, err := reader.Next(frame)
	fmt.Printf("%v: %s, error %v\n", op, message, err)
	reader.Release() // the message was inflated into a buffer that is lent
	// Output:
	// text: Hello, error <nil>
}

func ExampleParseClose() {
	frame := websocket.AppendClose(nil, websocket.GoingAway, "maintenance")
	_, payload := websocket.Parse(frame)
	fmt.Println(websocket.ParseClose(payload))
	// Output:
	// 1001 maintenance <nil>
}
