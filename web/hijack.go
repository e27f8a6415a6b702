package web

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"

	"github.com/weir-go/weir"
)

var (
	errBegun = errors.New("web: the response has begun already, so the connection cannot change its protocol")
	errBody  = errors.New("web: the request has a body that is not read, so the connection cannot change its protocol")
)

// Hijack gives the connection to the handler, which has to close it: as a blocking
// net.Conn, a [*weir.Stream], that may be used within ServeHTTP or, after it, by
// another goroutine. The bufio.Reader begins with what has been received of the
// body and not read; what came after that is read from either.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	switch {
	case w.hijacked:
		return nil, nil, http.ErrHijacked
	case w.scratch == nil:
		return nil, nil, errFinished
	}
	w.expectNothing()
	if w.wroteHeader {
		if err := w.emit(nil, false); err != nil {
			return nil, nil, err
		}
	}
	s := w.blocking()
	if err := s.Detach(); err != nil {
		return nil, nil, err
	}
	w.hijacked = true
	w.h.counters.upgrades.Add(1)
	w.conn.LongRunning()
	if err := w.conn.Flush(); err != nil {
		s.Close()
		return nil, nil, err
	}
	return s, bufio.NewReadWriter(w.body.remaining(s), bufio.NewWriter(s)), nil
}

// remaining returns a reader of what is left of the body, as far as it came with
// the head, and of all that follows it.
func (b *body) remaining(s *weir.Stream) *bufio.Reader {
	b.closed.Store(true)
	b.mu.Lock()
	defer b.mu.Unlock()
	rest := slices.Concat(b.data, b.framing) // the frame is the turn's
	if len(rest) == 0 {
		return bufio.NewReader(s)
	}
	r := bufio.NewReaderSize(&prefixed{rest, s}, len(rest))
	_, _ = r.Peek(len(rest)) // so that it is Buffered
	return r
}

// prefixed reads some bytes before those of a Reader.
type prefixed struct {
	first []byte
	then  io.Reader
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.first) == 0 {
		return p.then.Read(b)
	}
	n := copy(b, p.first)
	p.first = p.first[n:]
	return n, nil
}

// switchProtocol is of upgrader.
func (w *response) switchProtocol(head []byte, p *weir.Protocol, start func(c *weir.Conn)) error {
	switch {
	case w.hijacked:
		return http.ErrHijacked
	case w.scratch == nil:
		return errFinished
	case w.wroteHeader:
		return errBegun
	case !w.body.atEnd():
		return errBody
	}
	if _, err := w.conn.Write(head); err != nil {
		return err
	}
	if err := w.conn.Switch(p); err != nil {
		return err
	}
	w.hijacked, w.start = true, start
	w.h.counters.upgrades.Add(1)
	return nil
}

// atEnd reports whether all of the body has been received.
func (b *body) atEnd() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stream == nil || b.err == io.EOF
}
