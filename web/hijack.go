package web

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"time"

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
	rest := w.body.detach()
	if err := s.SetDeadline(time.Time{}); err != nil {
		return nil, nil, err
	}
	return s, bufio.NewReadWriter(readerFrom(rest, s), bufio.NewWriter(s)), nil
}

// detach ends the body for the sake of those who read the Stream now, and returns
// what it has and they have not.
func (b *body) detach() (rest []byte) {
	b.ended.Store(true)
	b.closed.Store(true)
	if b.stream != nil {
		b.interrupt()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream = nil
	return slices.Concat(b.data, b.framing) // data may be the frame, which is the turn's
}

// readerFrom returns a reader of rest, which is Buffered, and what follows it.
func readerFrom(rest []byte, s *weir.Stream) *bufio.Reader {
	if len(rest) == 0 {
		return bufio.NewReader(s)
	}
	r := bufio.NewReaderSize(&prefixed{rest, s}, len(rest))
	_, _ = r.Peek(len(rest)) // it is there
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
