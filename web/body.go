package web

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/http1"
	"github.com/weir-go/weir/internal/buffer"
)

const (
	// drainMax is how many bytes of a body that the handler has not read are
	// taken in, so that the connection can go on; as in net/http.
	drainMax = 256 << 10
	// drainTime is how long that may take.
	drainTime = 5 * time.Second
	// drainPiece is how much of it is taken in at a time.
	drainPiece = 16 << 10
)

// body is Request.Body: what came with the head, or what is read from the Stream.
type body struct {
	w      *response
	stream *weir.Stream // nil: data is all there is
	expect bool         // Expect: 100-continue

	closed atomic.Bool // by the handler, or because it has returned
	ended  atomic.Bool // the handler has returned

	mu       sync.Mutex
	data     []byte         // came with the head, and not read yet
	left     int64          // with Content-Length: what is to come
	chunks   *http1.Chunked // without
	framing  []byte         // of a chunk, and not all there yet
	received int64          // of a body that is streamed
	waited   time.Duration  // time that reads have taken
	err      error          // of all further reads; io.EOF at the end

	deadlineMu sync.Mutex
	deadline   time.Time // SetReadDeadline
	armed      time.Time // what the Stream's deadline is set to
}

// open makes the body of a request, of which data came with the head.
func (b *body) open(w *response, req *http1.Request, data []byte) io.ReadCloser {
	b.w = w
	switch {
	case req.Chunked:
		b.chunks = &http1.Chunked{MaxTrailer: w.h.limits.MaxHead}
	case req.ContentLength <= 0:
		b.err = io.EOF
		return http.NoBody
	case int64(len(data)) == req.ContentLength:
		b.data = data
		return b
	default:
		b.left = req.ContentLength
	}
	b.stream = w.blocking()
	b.expect = req.Expect100
	w.expects = b.expect
	return b
}

// Read reads from the body. It waits for the client, but not for ever: see
// Limits.BodyRate and http.ResponseController.
func (b *body) Read(p []byte) (n int, err error) {
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed.Load(): // meanwhile
		return 0, http.ErrBodyReadAfterClose
	case b.err != nil:
		return 0, b.err
	case len(p) == 0:
		return 0, nil
	}
	if b.expect {
		if err := b.w.sendContinue(); err != nil {
			return 0, b.fail(err)
		}
	}
	return b.read(p)
}

// Close makes further reads fail. The handler may call it, but need not.
func (b *body) Close() error {
	b.closed.Store(true)
	return nil
}

// read is Read for those who have mu.
func (b *body) read(p []byte) (n int, err error) {
	switch {
	case b.stream == nil:
		n = copy(p, b.data)
		if b.data = b.data[n:]; len(b.data) == 0 {
			b.err = io.EOF
		}
		return n, b.err
	case b.chunks != nil:
		n, err = b.readChunked(p)
	default:
		n, err = b.receive(p[:min(int64(len(p)), b.left)], false)
		if b.left -= int64(n); b.left == 0 && err == nil {
			b.err = io.EOF
			return n, io.EOF
		}
	}
	b.received += int64(n)
	if limit := b.w.h.limits.MaxBody; limit >= 0 && b.received > limit {
		n -= int(b.received - limit)
		err = &http.MaxBytesError{Limit: limit}
		b.w.h.counters.tooLarge.Add(1)
	}
	if err != nil && !b.isDeadline(err) {
		b.fail(err)
	}
	return n, err
}

// readChunked reads data of chunks. It never reads beyond the end of the body,
// where the next request may begin.
func (b *body) readChunked(p []byte) (n int, err error) {
	for len(b.data) == 0 {
		data, framing := b.chunks.Need()
		if data > 0 {
			n, err = b.receive(p[:min(int64(len(p)), data)], false)
			if n > 0 {
				_, _, err = b.chunks.Next(p[:n])
			}
			return n, err
		}
		if err := b.readFraming(framing - len(b.framing)); err != nil {
			return 0, err
		}
	}
	n = copy(p, b.data)
	b.data = b.data[n:]
	return n, nil
}

// readFraming reads need bytes, and decodes what there is of framing. Small chunks may
// be in it, too, whose data it puts by. If nothing is needed, as far as can be told,
// there is the beginning of a line, which ends no later than the body does.
func (b *body) readFraming(need int) (err error) {
	var piece [256]byte
	var n int
	if need > 0 {
		n, err = b.receive(piece[:need], false)
	} else {
		n, err = b.receive(piece[:], true)
	}
	if err != nil {
		return err
	}
	b.framing = append(b.framing, piece[:n]...)
	for {
		data, n, err := b.chunks.Next(b.framing)
		switch {
		case err != nil:
			return err
		case b.chunks.Done():
			b.takeTrailer()
			return io.EOF
		case n == 0:
			return nil
		}
		b.data = append(b.data, data...)
		b.framing = b.framing[n:]
	}
}

// takeTrailer hands over the fields that have followed the body.
func (b *body) takeTrailer() {
	for _, f := range b.chunks.Trailer() {
		if b.w.req.Trailer == nil {
			b.w.req.Trailer = make(http.Header)
		}
		name := http.CanonicalHeaderKey(string(f.Name))
		b.w.req.Trailer[name] = append(b.w.req.Trailer[name], string(f.Value))
	}
}

// receive reads from the Stream, within the deadlines; with line, nothing behind the
// end of the line.
func (b *body) receive(p []byte, line bool) (n int, err error) {
	for {
		if err := b.arm(); err != nil {
			return 0, err
		}
		begun := time.Now()
		if line {
			n, err = b.stream.ReadThrough(p, '\n')
		} else {
			n, err = b.stream.Read(p)
		}
		b.waited += time.Since(begun)
		switch {
		case n > 0:
			return n, nil
		case err == io.EOF:
			return 0, io.ErrUnexpectedEOF
		case b.ended.Load():
			return 0, http.ErrBodyReadAfterClose
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		}
		// A deadline has passed: arm tells which, or sets the next.
	}
}

// arm sets the Stream's deadline to the one that comes first, the handler's or that
// of BodyRate. One that would come too early is left as it is, because to set it
// costs more than to wake up for it: it is looked at again then.
func (b *body) arm() error {
	b.deadlineMu.Lock()
	defer b.deadlineMu.Unlock()
	if b.ended.Load() {
		return http.ErrBodyReadAfterClose // lest interrupt be undone
	}
	now := time.Now()
	first := b.deadline
	if !first.IsZero() && !first.After(now) {
		return os.ErrDeadlineExceeded
	}
	if allowed := b.w.h.limits.bodyAllowance(b.received); allowed > 0 {
		at := now.Add(allowed - b.waited)
		if !at.After(now) {
			b.w.h.counters.slowBodies.Add(1)
			return ErrSlowBody
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if b.armed.After(now) && (first.IsZero() || !first.Before(b.armed)) {
		return nil
	}
	if b.armed.IsZero() && first.IsZero() {
		return nil
	}
	b.armed = first
	return b.stream.SetReadDeadline(first)
}

// setDeadline sets the handler's deadline, also for a Read that waits.
func (b *body) setDeadline(t time.Time) error {
	b.deadlineMu.Lock()
	defer b.deadlineMu.Unlock()
	b.deadline = t
	if b.stream == nil || t.IsZero() || !b.armed.IsZero() && b.armed.Before(t) {
		return nil
	}
	b.armed = t
	return b.stream.SetReadDeadline(t)
}

// drain takes in what the handler has left of the body, if that is not much and
// comes soon. It reports whether the next request can be told from it.
func (b *body) drain() bool {
	if b.stream == nil {
		return true
	}
	if !b.mu.TryLock() {
		return false // a goroutine of the handler's still reads
	}
	defer b.mu.Unlock()
	switch {
	case b.err == io.EOF:
		return true
	case b.err != nil, b.expect, b.left > drainMax:
		return false
	}
	b.closed.Store(true)
	if b.setDeadline(time.Now().Add(drainTime)) != nil {
		return false
	}
	piece := buffer.Get(drainPiece)
	defer buffer.Put(piece)
	for total := 0; total <= drainMax; {
		n, err := b.read(piece.B[:drainPiece])
		total += n
		if err != nil {
			return err == io.EOF
		}
	}
	return false
}

// end makes sure that nobody reads any more: the request's frame, and the Stream,
// are not the handler's any longer. It reports what drain does, unless the
// connection is closing anyway.
func (b *body) end(closing bool) (ok bool) {
	ok = closing || b.drain()
	b.ended.Store(true)
	b.closed.Store(true)
	if b.stream != nil {
		b.interrupt()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data = nil
	return ok
}

// interrupt wakes up a Read that waits, and lets go of the Stream's timer.
func (b *body) interrupt() {
	b.deadlineMu.Lock()
	defer b.deadlineMu.Unlock()
	if b.mu.TryLock() {
		b.mu.Unlock()
		if b.armed.IsZero() {
			return
		}
	}
	b.stream.SetReadDeadline(longAgo) // never fails
}

var longAgo = time.Unix(1, 0)

// fail ends the body before its end.
func (b *body) fail(err error) error {
	b.err = err
	return err
}

// isDeadline: a deadline of the handler's, that may be moved.
func (b *body) isDeadline(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, ErrSlowBody)
}
