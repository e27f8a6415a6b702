package gateway_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/internal/testutil"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/gateway"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/web"
)

func TestMain(m *testing.M) { os.Exit(testutil.Main(m)) }

// patience bounds every wait. It is never meant to be used up.
const patience = 20 * time.Second

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("timed out waiting until %s", what)
		}
	}
}

// transport is how a client connects.
type transport struct {
	name     string
	encoding protocol.Encoding
	socket   bool // a WebSocket, or else TCP
}

var transports = []transport{
	{"ws json", protocol.JSON, true},
	{"ws binary", protocol.Binary, true},
	{"tcp", protocol.Binary, false},
}

// eachTransport runs a test with clients of each kind.
func eachTransport(t *testing.T, f func(t *testing.T, tr transport)) {
	for _, tr := range transports {
		t.Run(tr.name, func(t *testing.T) { f(t, tr) })
	}
}

// setting is what a test serves with. Zero fields are defaults.
type setting struct {
	push    push.Config
	options gateway.Options
	config  weir.Config
}

// served is a push.Server with both transports, on free ports.
type served struct {
	*push.Server
	web, tcp     *weir.Server
	sockets      *web.WebSocket
	webAt, tcpAt string
}

// serve serves until the test ends.
func serve(t testing.TB, s setting) *served {
	t.Helper()
	if s.push.Logger == nil {
		s.push.Logger = slog.New(slog.DiscardHandler)
	}
	s.push.Ping, s.push.HelloTimeout = s.options.Ping, s.options.HelloTimeout
	p, err := push.New(s.push)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	v := &served{Server: p, sockets: gateway.WebSocket(p, s.options)}
	v.sockets.FrameTimeout = s.config.FrameTimeout
	c := gateway.Config(s.config)
	c.Logger = s.push.Logger
	c.Loops = 1
	v.web = &weir.Server{Handler: web.Handler(v.sockets), Config: c}
	v.tcp = &weir.Server{Handler: gateway.TCP(p, s.options), Config: c}
	v.webAt, v.tcpAt = start(t, v.web), start(t, v.tcp)
	return v
}

// start starts a server on a free port and returns its address.
func start(t testing.TB, s *weir.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ended; !errors.Is(err, weir.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return ln.Addr().String()
}

// peer is a client's connection.
type peer struct {
	t testing.TB
	transport
	conn   net.Conn
	in     *bufio.Reader
	codec  websocket.Codec
	reader websocket.Reader
	buf    []byte // of WebSocket frames that were read
	mute   bool   // pings are not answered
	other  bool   // but with another frame
	pings  atomic.Int32
}

// dial connects, without HELLO.
func (v *served) dial(t testing.TB, tr transport) *peer {
	t.Helper()
	addr := v.tcpAt
	if tr.socket {
		addr = v.webAt
	}
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	c := &peer{t: t, transport: tr, conn: conn, in: bufio.NewReaderSize(conn, 64<<10), codec: websocket.Codec{Client: true, MaxFrame: 64 << 20}}
	c.reader.MaxMessage = 64 << 20
	if tr.socket {
		c.upgrade()
	}
	return c
}

func (c *peer) upgrade() {
	c.t.Helper()
	c.write([]byte("GET /ws HTTP/1.1\r\nHost: weir.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
		"Sec-WebSocket-Protocol: " + gateway.Subprotocol + "\r\n\r\n"))
	r, err := http.ReadResponse(c.in, &http.Request{Method: http.MethodGet})
	if err != nil {
		c.t.Fatal(err)
	}
	if got := r.Header.Get("Sec-WebSocket-Protocol"); r.StatusCode != http.StatusSwitchingProtocols || got != gateway.Subprotocol {
		c.t.Fatalf("the handshake is answered with %s, subprotocol %q", r.Status, got)
	}
}

// join is dial with HELLO.
func (v *served) join(t testing.TB, tr transport, h protocol.Hello) *peer {
	t.Helper()
	c := v.dial(t, tr)
	c.hello(h)
	return c
}

func (c *peer) hello(h protocol.Hello) *protocol.Welcome {
	c.t.Helper()
	h.Version = protocol.Version
	c.send(h)
	return expect[*protocol.Welcome](c)
}

// write sends bytes as they are.
func (c *peer) write(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// send sends a frame.
func (c *peer) send(f protocol.Frame) {
	c.t.Helper()
	b, err := protocol.Append(nil, c.encoding, f)
	if err != nil {
		c.t.Fatal(err)
	}
	c.raw(b)
}

// raw sends a frame that is encoded, or is nothing of the kind.
func (c *peer) raw(b []byte) {
	c.t.Helper()
	c.write(c.wrap(b))
}

// wrap is a frame as the transport has it.
func (c *peer) wrap(b []byte) []byte {
	switch {
	case !c.socket:
		return append(binary.AppendUvarint(nil, uint64(len(b))), b...)
	case c.encoding == protocol.JSON:
		return websocket.AppendMasked(nil, websocket.Text, true, false, b)
	}
	return websocket.AppendMasked(nil, websocket.Binary, true, false, b)
}

// closedError is the end of a connection: for WebSockets with the close code.
type closedError struct {
	code int
	err  error
}

func (e *closedError) Error() string { return fmt.Sprintf("closed with %d: %v", e.code, e.err) }

// next returns the next frame that is no PING. After an error this side is closed too.
func (c *peer) next() (protocol.Frame, error) {
	for {
		b, err := c.nextRaw()
		if err != nil {
			c.conn.Close()
			return nil, err
		}
		f, err := protocol.Decode(c.encoding, b)
		if _, ok := f.(*protocol.Ping); !ok {
			return f, err
		}
		c.pinged(func() []byte { return c.wrap(must(protocol.Append(nil, c.encoding, protocol.Pong{}))) })
	}
}

func (c *peer) nextRaw() ([]byte, error) {
	if !c.socket {
		n, err := binary.ReadUvarint(c.in)
		if err != nil {
			return nil, &closedError{err: err}
		}
		b := make([]byte, n)
		_, err = io.ReadFull(c.in, b)
		return b, err
	}
	for {
		frame, n, err := c.codec.Decode(c.buf)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			chunk := make([]byte, 64<<10)
			n, err := c.in.Read(chunk)
			if err != nil {
				return nil, &closedError{err: err}
			}
			c.buf = append(c.buf, chunk[:n]...)
			continue
		}
		c.buf = c.buf[n:]
		op, data, err := c.reader.Next(frame)
		if err != nil {
			return nil, err
		}
		switch op {
		case websocket.Ping:
			c.pinged(func() []byte { return websocket.AppendMasked(nil, websocket.Pong, true, false, data) })
		case websocket.Close:
			code, _, _ := websocket.ParseClose(data)
			c.conn.Write(websocket.AppendMasked(nil, websocket.Close, true, false, data))
			return nil, &closedError{code: code, err: io.EOF}
		default:
			return data, nil
		}
	}
}

// pinged answers a ping, or not.
func (c *peer) pinged(pong func() []byte) {
	c.pings.Add(1)
	switch {
	case c.other:
		c.conn.Write(c.wrap(must(protocol.Append(nil, c.encoding, protocol.Unsub{Filter: "x"}))))
	case !c.mute:
		c.conn.Write(pong())
	}
}

// drain reads until the end, in a goroutine of its own.
func (c *peer) drain() (ended <-chan error) {
	ch := make(chan error, 1)
	go func() {
		for {
			if _, err := c.next(); err != nil {
				ch <- err
				return
			}
		}
	}()
	return ch
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// expect waits for a frame of a kind. PONG is skipped.
func expect[F protocol.Frame](c *peer) F {
	c.t.Helper()
	for {
		f, err := c.next()
		var want F
		if err != nil {
			c.t.Fatalf("want %T: %v", want, err)
		}
		switch got := f.(type) {
		case F:
			return got
		case *protocol.Pong:
		default:
			c.t.Fatalf("got %T %+v, want %T", f, reflect.Indirect(reflect.ValueOf(f)), want)
		}
	}
}

// refused waits for an ERR that ends the connection, and the end.
func (c *peer) refused(code protocol.Code) {
	c.t.Helper()
	if e := expect[*protocol.Err](c); e.ID != 0 || e.Code != code {
		c.t.Fatalf("got %+v, want code %d", e, code)
	}
	c.ended(4000 + int(code))
}

// ended waits for the end, whatever comes before. A WebSocket is closed with a code,
// 0 being any, TCP without a reset.
func (c *peer) ended(code int) {
	c.t.Helper()
	for {
		f, err := c.next()
		var end *closedError
		switch {
		case err == nil:
			if _, ok := f.(*protocol.Err); ok {
				c.t.Fatalf("got %+v, want the end", f)
			}
		case !errors.As(err, &end):
			c.t.Fatal(err)
		case !errors.Is(end.err, io.EOF), c.socket && code != 0 && end.code != code:
			c.t.Fatalf("%v, want %d", end, code)
		default:
			return
		}
	}
}

// subscribe waits for SUBOK.
func (c *peer) subscribe(filter string, qos protocol.QoS) *protocol.SubOK {
	c.t.Helper()
	c.send(protocol.Sub{ID: 1, Subscription: protocol.Subscription{Filter: filter, QoS: qos}})
	return expect[*protocol.SubOK](c)
}

// converse checks that a client is served as if nothing were happening to others.
func (c *peer) converse() {
	c.t.Helper()
	topic := "own/" + strings.ReplaceAll(c.conn.LocalAddr().String(), ":", "/")
	c.subscribe(topic, protocol.AtLeastOnce)
	c.send(protocol.Pub{ID: 7, Topic: topic, QoS: protocol.AtLeastOnce, Data: []byte("hello")})
	for acked, got := false, false; !acked || !got; {
		f, err := c.next()
		if err != nil {
			c.t.Fatal(err)
		}
		switch f := f.(type) {
		case *protocol.PubAck:
			acked = f.ID == 7
		case *protocol.Msg:
			got = string(f.Data) == "hello" && f.Topic == topic
		}
	}
	c.send(protocol.Unsub{Filter: topic})
}
