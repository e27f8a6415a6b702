package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/internal/buffer"
)

// response is one request being served: the http.ResponseWriter, and all else that
// belongs to the request, in one allocation. It is fresh for each request, because
// handlers may keep it; its buffers are not, so they are taken from it in the end.
//
// As in net/http the methods are for one goroutine at a time, but the body may be
// read by another.
type response struct {
	h      *HTTP
	conn   *weir.Conn
	stream *weir.Stream // made when first needed
	req    *http.Request
	url    url.URL // of most requests
	ctx    requestContext
	body   body

	// Of the request. The handler may change req.
	minor     int  // HTTP/1.minor
	head      bool // HEAD
	lastOne   bool // no request may follow
	keepAlive bool // HTTP/1.0 with Connection: keep-alive

	scratch     *scratch // nil when the handler has returned
	header      http.Header
	status      int
	length      int64 // the Content-Length that the handler has set, or -1
	written     int64 // bytes of the body
	trailers    []string
	fields      fieldInfo
	wroteHeader bool // status and header are settled
	sent        bool // and on their way
	chunked     bool
	closing     bool // the connection ends after this response
	fullDuplex  bool
	flushed     bool

	writeDeadline bool  // the Stream has one, and with it a timer
	err           error // of a write

	hijacked bool
	start    func(*weir.Conn) // switchProtocol: for the end of the turn

	expectMu sync.Mutex
	expects  bool // 100 Continue has to be sent before the body is read
}

// bodyBuffer is how much of a body is collected before the header is sent, in
// bytes: responses up to this size get their Content-Length computed, and larger
// ones leave in pieces of at least this size.
const bodyBuffer = 4 << 10

const (
	chunkHead = 20 // room for the CRLF of the chunk before, 16 digits, CRLF
	chunkTail = 2 + 5
)

// scratch is what a response needs while it is being served.
type scratch struct {
	text  []byte  // what strings are made of; from WriteHeader on, the encoded header
	pairs []field // sorts the header
	out   []byte  // chunkHead bytes of room, and the buffered part of the body
	owed  bool    // the CRLF after the last chunk is not sent yet
}

var scratches = sync.Pool{New: func() any {
	return &scratch{
		text: make([]byte, 0, 1<<10),
		out:  make([]byte, chunkHead, chunkHead+bodyBuffer+chunkTail),
	}
}}

func (s *scratch) release() {
	buffer.Scrub(s.text)
	buffer.Scrub(s.out)
	if cap(s.text) > buffer.MaxPooled {
		s.text = nil
	}
	if cap(s.out) > buffer.MaxPooled { // large trailers
		s.out = make([]byte, 0, chunkHead+bodyBuffer+chunkTail)
	}
	clear(s.pairs[:cap(s.pairs)])
	s.text, s.out, s.pairs, s.owed = s.text[:0], s.out[:chunkHead], s.pairs[:0], false
	scratches.Put(s)
}

func (s *scratch) buffered() []byte { return s.out[chunkHead:] }

// room is how much more can be buffered.
func (s *scratch) room() int { return chunkHead + bodyBuffer - len(s.out) }

var errFinished = errors.New("web: the handler of this response has returned")

// Header returns the header, to be changed before WriteHeader or the first Write.
func (w *response) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header)
	}
	return w.header
}

// WriteHeader settles status and header. Informational ones (1xx but 101) are
// sent at once, and another WriteHeader follows.
func (w *response) WriteHeader(code int) {
	switch {
	case w.hijacked:
		w.misuse("WriteHeader on a hijacked connection")
		return
	case w.wroteHeader || w.scratch == nil:
		w.misuse("superfluous WriteHeader")
		return
	case code < 100 || code > 999:
		panic(fmt.Sprintf("invalid WriteHeader code %v", code)) // as net/http does
	}
	if code < 101 || code > 199 {
		w.expectNothing()
	}
	if code <= 199 && code != http.StatusSwitchingProtocols {
		w.inform(code)
		return
	}
	w.settle(code)
}

// settle is WriteHeader for a final status.
func (w *response) settle(code int) {
	w.wroteHeader = true
	w.status = code
	w.encodeFields()
}

// Write writes a part of the body. It blocks while the peer does not read and the
// backlog is above the high watermark.
func (w *response) Write(p []byte) (int, error) { return write(w, p) }

// WriteString is Write without a copy of s.
func (w *response) WriteString(s string) (int, error) { return write(w, s) }

func write[T []byte | string](w *response, p T) (int, error) {
	switch {
	case w.hijacked:
		if len(p) > 0 {
			w.misuse("Write on a hijacked connection")
		}
		return 0, http.ErrHijacked
	case w.scratch == nil:
		return 0, errFinished
	}
	if !w.wroteHeader {
		w.expectNothing()
		w.settle(http.StatusOK)
	}
	switch {
	case len(p) == 0:
		return 0, nil
	case !bodyAllowed(w.status):
		return 0, http.ErrBodyNotAllowed
	}
	w.written += int64(len(p))
	if w.length >= 0 && w.written > w.length {
		return 0, http.ErrContentLength
	}
	if w.err != nil {
		return 0, w.err
	}
	s := w.scratch
	n := min(len(p), s.room())
	s.out = append(s.out, p[:n]...)
	if n == len(p) {
		return n, nil
	}
	if err := w.emit([]byte(p[n:]), false); err != nil {
		return n, err
	}
	return len(p), nil
}

// ReadFrom writes what it reads from src, as io.Copy does.
func (w *response) ReadFrom(src io.Reader) (n int64, err error) {
	const size = 32 << 10
	b := buffer.Get(size)
	defer buffer.Put(b)
	piece := b.B[:size]
	for {
		k, err := src.Read(piece)
		if k > 0 {
			k, err := w.Write(piece[:k])
			n += int64(k)
			if err != nil {
				return n, err
			}
		}
		switch {
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, err
		}
	}
}

// Flush is FlushError for http.Flusher.
func (w *response) Flush() { _ = w.FlushError() } // the next Write returns the error, too

// FlushError sends what has been written so far.
func (w *response) FlushError() error {
	switch {
	case w.hijacked:
		return http.ErrHijacked
	case w.scratch == nil:
		return errFinished
	}
	if !w.wroteHeader {
		w.expectNothing()
		w.settle(http.StatusOK)
	}
	if err := w.emit(nil, false); err != nil {
		return err
	}
	if !w.flushed {
		// Who flushes is going to take its time (server-sent events, long
		// polls), and others should not have to wait for the worker.
		w.flushed = true
		w.conn.LongRunning()
	}
	if err := w.conn.Flush(); err != nil {
		w.err = err
	}
	return w.err
}

// emit sends the header, unless it is sent, and of the body what is buffered and
// then more. last says that this is all.
func (w *response) emit(more []byte, last bool) error {
	if w.err != nil {
		return w.err
	}
	s := w.scratch
	data := s.buffered()
	first := !w.sent
	if first {
		w.sent = true
		w.prepare(data, last)
	}
	if w.head || !bodyAllowed(w.status) {
		data, more = nil, nil
		s.out = s.out[:chunkHead]
	}
	start, end := chunkHead, s.out
	if w.chunked {
		start, end = w.frameChunk(len(more), last)
	}
	if first {
		// In one piece with the header, straight into the queue.
		w.err = w.conn.Append(func(dst []byte) []byte {
			return append(w.appendHead(dst), end[start:]...)
		})
	} else if len(end) > start {
		_, w.err = w.blocking().Write(end[start:])
	}
	if w.err == nil && len(more) > 0 {
		_, w.err = w.blocking().Write(more)
	}
	s.out = end[:chunkHead]
	return w.err
}

// frameChunk makes a chunk of what is buffered and of more bytes that follow it. It
// returns the buffer and where in it the chunk begins.
func (w *response) frameChunk(more int, last bool) (start int, out []byte) {
	s := w.scratch
	start, out = chunkHead, s.out
	size := len(out) - chunkHead + more
	var prefix [chunkHead]byte
	b := prefix[:0]
	if s.owed {
		b = append(b, "\r\n"...)
	}
	s.owed = more > 0
	if size > 0 {
		b = strconv.AppendInt(b, int64(size), 16)
		b = append(b, "\r\n"...)
		if more == 0 {
			out = append(out, "\r\n"...)
		}
	}
	start -= copy(out[chunkHead-len(b):], b)
	if last {
		out = w.appendLastChunk(out)
	}
	return start, out
}

// blocking returns the Stream, whose Write waits for the peer.
func (w *response) blocking() *weir.Stream {
	if w.stream == nil {
		w.stream = w.conn.Stream()
	}
	return w.stream
}

// inform sends an informational response. HTTP/1.0 has none (RFC 9110, 15.2).
func (w *response) inform(code int) {
	if w.minor == 0 || w.err != nil {
		return
	}
	w.err = w.conn.Append(func(dst []byte) []byte { return w.appendInformation(dst, code) })
	if w.err == nil {
		w.err = w.conn.Flush()
	}
}

// SetReadDeadline has reads of the body fail with os.ErrDeadlineExceeded from t on.
// The zero time means none.
func (w *response) SetReadDeadline(t time.Time) error {
	return w.body.setDeadline(t)
}

// SetWriteDeadline has writes that wait for the peer fail with
// os.ErrDeadlineExceeded from t on, and all after that. The zero time means none.
func (w *response) SetWriteDeadline(t time.Time) error {
	w.writeDeadline = !t.IsZero()
	return w.blocking().SetWriteDeadline(t)
}

// EnableFullDuplex lets the handler read the body after it has begun to write.
func (w *response) EnableFullDuplex() error {
	w.fullDuplex = true
	return nil
}

// CloseNotify is what Request.Context is for. It is deprecated in net/http, but
// routers of today still ask for it.
func (w *response) CloseNotify() <-chan bool {
	gone := make(chan bool, 1)
	w.ctx.AfterFunc(func() { gone <- true })
	return gone
}

// expectNothing: a final response without a 100 Continue says that the body is not
// wanted.
func (w *response) expectNothing() {
	if w.body.expect {
		w.expectMu.Lock()
		defer w.expectMu.Unlock()
		w.expects = false
	}
}

// sendContinue tells the peer to go ahead with the body, once. It is called by
// whoever reads the body.
func (w *response) sendContinue() error {
	w.expectMu.Lock()
	defer w.expectMu.Unlock()
	if !w.expects {
		return nil
	}
	w.expects = false
	return w.conn.Append(func(dst []byte) []byte { return append(dst, "HTTP/1.1 100 Continue\r\n\r\n"...) })
}

// bodyAllowed reports whether a response with this status has a body (RFC 9110,
// 6.4.1).
func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}
