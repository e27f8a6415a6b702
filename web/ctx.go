package web

import (
	"net/http"
	"strings"
	"sync"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/http1"
)

// Ctx is a request and its response, of a function that Fast serves. It and every
// slice that it returns are valid only until the function returns. It must not be
// used by other goroutines.
//
// The response is sent when the function returns, with status 200 and an empty
// body if it does not say otherwise. Date and Content-Length are put in, and
// Connection where it is needed; for a HEAD request the body is left out.
type Ctx struct {
	// Request is the head of the request: method, target, headers.
	http1.Request

	http *HTTP
	conn *weir.Conn
	body []byte // of the request

	status      int
	contentType string
	headers     []byte // header lines of the response, other than those that weir puts in
	out         []byte // what Write has collected
	reply       []byte // the response's body: out, or what SetBody has given
	given       bool   // by SetBody
	dated       bool   // headers has a Date
	sent        bool
	start       func(c *weir.Conn) // of the protocol that follows
}

var contexts = sync.Pool{New: func() any { return new(Ctx) }}

// keepOut is the capacity of the largest buffer that a Ctx keeps when it is put by.
const keepOut = 16 << 10

func (x *Ctx) release() {
	if cap(x.out) > keepOut {
		x.out = nil
	}
	if cap(x.headers) > keepOut {
		x.headers = nil
	}
	*x = Ctx{Request: http1.Request{Headers: x.Request.Headers[:0]}, out: x.out[:0], headers: x.headers[:0]}
	contexts.Put(x)
}

// Body returns the body of the request, whole; it has a length of 0 if there is none.
func (x *Ctx) Body() []byte { return x.body }

// Conn returns the connection that the request has come on. To write to it would
// upset the order of the responses.
func (x *Ctx) Conn() *weir.Conn { return x.conn }

// SetStatus sets the status of the response. Without it, it is 200. 1xx is for
// upgrades and not for this: it becomes 500.
func (x *Ctx) SetStatus(status int) {
	if status < 200 || status > 999 {
		status = http.StatusInternalServerError
	}
	x.status = status
}

// SetContentType sets the Content-Type of the response.
func (x *Ctx) SetContentType(mediaType string) { x.contentType = mediaType }

// AddHeader adds a header line to the response. Characters that would end the line
// are made spaces; a name that is not a token (RFC 9110, 5.6.2) is ignored.
// Content-Length, Transfer-Encoding, Connection and Trailer are weir's to set, and
// ignored, too, but for Connection: close.
func (x *Ctx) AddHeader(name, value string) {
	switch len(name) {
	case len("Date"):
		x.dated = x.dated || strings.EqualFold(name, "Date")
	case len("Trailer"):
		if strings.EqualFold(name, "Trailer") {
			return
		}
	case len("Connection"):
		if strings.EqualFold(name, "Connection") {
			if strings.EqualFold(value, "close") {
				x.CloseConn()
			}
			return
		}
	case len("Content-Type"):
		if strings.EqualFold(name, "Content-Type") {
			x.contentType = value
			return
		}
	case len("Content-Length"):
		if strings.EqualFold(name, "Content-Length") {
			return
		}
	case len("Transfer-Encoding"):
		if strings.EqualFold(name, "Transfer-Encoding") {
			return
		}
	}
	if isFieldName(name) {
		x.headers = http1.AppendHeader(x.headers, name, value)
	}
}

// SetBody makes body the body of the response, without a copy: it must not change
// until the function returns. It replaces what was written before.
func (x *Ctx) SetBody(body []byte) { x.reply, x.given = body, true }

// Write appends to the body of the response. It never fails.
func (x *Ctx) Write(p []byte) (int, error) {
	x.own()
	x.out = append(x.out, p...)
	x.reply = x.out
	return len(p), nil
}

// WriteString is Write for a string.
func (x *Ctx) WriteString(s string) (int, error) {
	x.own()
	x.out = append(x.out, s...)
	x.reply = x.out
	return len(s), nil
}

// own has the body in out, also if it came by SetBody.
func (x *Ctx) own() {
	if x.given {
		x.out, x.given = append(x.out[:0], x.reply...), false
	}
}

// Error makes the response one with a status and a line of text.
func (x *Ctx) Error(status int, text string) {
	x.SetStatus(status)
	x.contentType = "text/plain; charset=utf-8"
	x.out = append(append(x.out[:0], text...), '\n')
	x.reply, x.given = x.out, false
}

// CloseConn closes the connection after the response.
func (x *Ctx) CloseConn() { x.Request.Close = true }

// switchProtocol is of upgrader.
func (x *Ctx) switchProtocol(response []byte, p *weir.Protocol, start func(c *weir.Conn)) error {
	if _, err := x.conn.Write(response); err != nil {
		return err
	}
	x.sent = true
	if err := x.conn.Switch(p); err != nil {
		return err // it has ended since, so p will not be told of its end
	}
	x.start = start
	x.http.counters.upgrades.Add(1)
	return nil
}

// serve calls the function and sends its response.
func (x *Ctx) serve() {
	defer x.rescue()
	x.http.fast(x)
	if x.sent {
		if x.start != nil {
			x.start(x.conn)
		}
		return
	}
	x.send()
}

// rescue answers with 500 when the function has panicked, and passes the panic on
// to weir, which logs it and closes the connection.
func (x *Ctx) rescue() {
	v := recover()
	if v == nil {
		return
	}
	x.http.counters.panics.Add(1)
	if !x.sent {
		x.headers, x.dated = x.headers[:0], false
		x.Error(http.StatusInternalServerError, http.StatusText(http.StatusInternalServerError))
		x.Request.Close = true
		x.send()
	}
	panic(v)
}

// copyMax is the size of the largest body that is copied behind its head, rather
// than written by itself.
const copyMax = 16 << 10

func (x *Ctx) send() {
	x.sent = true
	if x.status == 0 {
		x.status = http.StatusOK
	}
	err := x.conn.Append(x.append)
	if body := x.content(); err == nil && len(body) > copyMax {
		_, err = x.conn.Write(body)
	}
	if err != nil || x.Request.Close {
		x.conn.Close() // without its response the connection is of no use
	}
}

// content returns what follows the head of the response.
func (x *Ctx) content() []byte {
	if !bodyAllowed(x.status) || string(x.Method) == http.MethodHead {
		return nil
	}
	return x.reply
}

// append appends the response, with the body if it is not too large to be copied.
func (x *Ctx) append(dst []byte) []byte {
	dst = http1.AppendStatus(dst, x.status)
	if !x.dated {
		dst = http1.AppendDate(dst)
	}
	if x.contentType != "" {
		dst = http1.AppendHeader(dst, "Content-Type", x.contentType)
	}
	if bodyAllowed(x.status) {
		dst = http1.AppendContentLength(dst, int64(len(x.reply)))
	}
	switch {
	case x.Request.Close:
		dst = append(dst, "Connection: close\r\n"...)
	case x.Request.KeepAlive:
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	dst = append(dst, x.headers...)
	dst = append(dst, "\r\n"...)
	if body := x.content(); len(body) <= copyMax {
		dst = append(dst, body...)
	}
	return dst
}
