package gateway

import (
	"net/netip"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/web"
)

// The sinks are a pointer each, so that a push.Sink holds the pointer itself and no
// connection pays for the interface.
var (
	_ push.Sink = textSink{}
	_ push.Sink = binarySink{}
	_ push.Sink = connSink{}
)

// textSink and binarySink are a WebSocket that speaks JSON, or the binary encoding.
type (
	textSink   struct{ socketSink }
	binarySink struct{ socketSink }
)

func (k textSink) Write(frame []byte) error   { return k.s.Write(web.Text, frame) }
func (k binarySink) Write(frame []byte) error { return k.s.Write(web.Binary, frame) }

// socketSink is what they have in common.
type socketSink struct{ s *web.Socket }

// Send sends a *web.Prepared, of newSocketFormat.
func (k socketSink) Send(wire any) error { return k.s.WritePrepared(wire.(*web.Prepared)) }

func (k socketSink) Writable() bool             { return k.s.Conn().Writable() }
func (k socketSink) Buffered() int              { return k.s.Conn().Buffered() }
func (k socketSink) Do(f func()) error          { return do(k.s.Conn(), f) }
func (k socketSink) Pause()                     { k.s.Conn().PauseRead() }
func (k socketSink) Resume()                    { k.s.Conn().ResumeRead() }
func (k socketSink) SetPing(d time.Duration)    { setPing(k.s.Conn(), d) }
func (k socketSink) RemoteAddr() netip.AddrPort { return k.s.Conn().RemoteAddrPort() }
func (k socketSink) Close(code protocol.Code)   { k.s.Close(closeCode(code), code.String()) }

// closeCode is how a WebSocket is closed because of a code: with one of those that are
// for private use (RFC 6455, 7.4.2).
func closeCode(code protocol.Code) int {
	if c := code.CloseCode(); websocket.ValidCode(c) {
		return c
	}
	return websocket.InternalError
}

// connSink is a TCP connection.
type connSink struct{ c *weir.Conn }

// Send sends a []byte, of newStreamFormat.
func (k connSink) Send(wire any) error { return k.c.WriteOwned(wire.([]byte), nil) }

// Write sends a frame by the codec of the connection, which puts the length before it.
func (k connSink) Write(frame []byte) error { return k.c.WriteFrame(frame) }

func (k connSink) Writable() bool             { return k.c.Writable() }
func (k connSink) Buffered() int              { return k.c.Buffered() }
func (k connSink) Do(f func()) error          { return do(k.c, f) }
func (k connSink) Pause()                     { k.c.PauseRead() }
func (k connSink) Resume()                    { k.c.ResumeRead() }
func (k connSink) SetPing(d time.Duration)    { setPing(k.c, d) }
func (k connSink) RemoteAddr() netip.AddrPort { return k.c.RemoteAddrPort() }
func (k connSink) Close(protocol.Code)        { k.c.Close() }

func do(c *weir.Conn, f func()) error { return c.Do(func(*weir.Conn) { f() }) }

// setPing gives a connection an interval of its own. It pings when its idle timeout has
// passed once, and ends when it has passed again: after 1.5 intervals in all, as with
// the default interval, where one phase has the interval and the other half of it.
func setPing(c *weir.Conn, interval time.Duration) { c.SetIdleTimeout(interval * 3 / 4) }
