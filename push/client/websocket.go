package client

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/push/protocol"
)

// Subprotocol is what is offered on WebSockets. A server need not choose it.
const Subprotocol = "weir.push.v1"

// closeBase is what the code of an ERR is added to for the code of a close frame.
const closeBase = 4000

// upgrade sends the request of the WebSocket handshake (RFC 6455, section 4.1). c.mu is
// held.
func (c *Client) upgrade(conn *weir.Conn) error {
	if err := conn.Switch(c.group.upgrading); err != nil {
		return err
	}
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	c.key = base64.StdEncoding.EncodeToString(nonce[:])
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
		c.to.target, c.to.host, c.key, Subprotocol)
	return err
}

// upgraded takes the head of the response, without the empty line. The turn's.
func (c *Client) upgraded(conn *weir.Conn, head []byte) {
	c.mu.Lock()
	defer c.unlock()
	if c.conn != conn {
		return
	}
	err := checkResponse(head, c.key)
	if err == nil {
		var p *protocols
		if p, err = c.group.protocolsFor(protocolKey{ws: true}); err == nil {
			if err = conn.Switch(p.alive); err == nil {
				c.key = ""
				err = c.hello()
			}
		}
	}
	if err != nil {
		if c.err == nil {
			c.err = err
		}
		if e, ok := err.(*HandshakeError); ok {
			c.retry = e.RetryAfter
		}
		_ = conn.Close()
	}
}

// checkResponse checks what section 4.1 asks a client to. The error is a
// *HandshakeError.
func checkResponse(head []byte, key string) error {
	whole := append(slices.Clip(head), "\r\n\r\n"...)
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(whole)), &http.Request{Method: http.MethodGet})
	if err != nil {
		return &HandshakeError{Problem: "no HTTP response: " + err.Error()}
	}
	_ = r.Body.Close()
	e := &HandshakeError{Status: r.StatusCode}
	switch {
	case r.StatusCode != http.StatusSwitchingProtocols:
		e.Problem = "the answer is " + r.Status
		if s, err := strconv.ParseUint(r.Header.Get("Retry-After"), 10, 31); err == nil {
			e.RetryAfter = time.Duration(s) * time.Second
		}
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		e.Problem = "the answer does not upgrade to WebSocket"
	case !hasToken(r.Header.Values("Connection"), "upgrade"):
		e.Problem = "the answer does not upgrade the connection"
	case r.Header.Get("Sec-WebSocket-Accept") != websocket.AcceptKey(key):
		e.Problem = "the answer is to another request"
	case len(r.Header.Values("Sec-WebSocket-Extensions")) > 0:
		e.Problem = "the answer has an extension that was not offered"
	case r.Header.Get("Sec-WebSocket-Protocol") != "" && r.Header.Get("Sec-WebSocket-Protocol") != Subprotocol:
		e.Problem = "the answer has a subprotocol that was not offered"
	default:
		return nil
	}
	return e
}

// hasToken reports whether a comma-separated field has a token, in any case.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for t := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// websocketFrame takes a WebSocket frame. The turn's.
func (c *Client) websocketFrame(conn *weir.Conn, frame []byte) {
	op, message, err := c.reader.Next(frame)
	if err != nil {
		c.malformed(conn, err)
		return
	}
	defer c.reader.Release()
	switch op {
	case websocket.Text:
		c.frame(conn, protocol.JSON, message)
	case websocket.Binary:
		c.frame(conn, protocol.Binary, message)
	case websocket.Ping:
		_, _ = conn.Write(websocket.AppendMasked(nil, websocket.Pong, true, false, message)) // its end will be told
	case websocket.Close:
		c.closeReceived(conn, message)
	}
}

// closeReceived takes the server's close frame, and answers it. The code is that of an
// ERR, unless there was one.
func (c *Client) closeReceived(conn *weir.Conn, payload []byte) {
	code, reason, _ := websocket.ParseClose(payload) // checked by Reader
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != conn {
		return
	}
	if c.err == nil {
		c.err = fmt.Errorf("%w: closed by the server: %d %s", ErrNotConnected, code, reason)
		if code > closeBase && code < closeBase+1000 {
			c.err = &Error{Code: protocol.Code(code - closeBase), Message: reason}
		}
	}
	c.sendClose(conn, code)
	_ = conn.Close()
}

// sendClose sends a close frame. code may be one that cannot be sent: then none is.
func (c *Client) sendClose(conn *weir.Conn, code int) {
	payload := websocket.AppendClosePayload(nil, code, "")
	_, _ = conn.Write(websocket.AppendMasked(nil, websocket.Close, true, false, payload)) // its end will be told
}
