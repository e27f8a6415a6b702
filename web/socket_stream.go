package web

import (
	"context"
	"errors"
	"io"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec/websocket"
	"github.com/weir-go/weir/internal/buffer"
)

const (
	// fragmentSize is what a messageWriter collects before it sends a fragment.
	fragmentSize = 16 << 10
	// fragmentMax is the largest fragment, of a Write that is larger.
	fragmentMax = 64 << 10
)

// NextWriter returns a writer for a message that is too large to be had in memory at
// once. What is written to it is sent in fragments, and Close sends the last one. The
// message has to be closed: until it is, other messages wait behind it, see Write,
// and so do other calls of NextWriter. Pings, pongs and a close frame go between the
// fragments.
//
// The writer waits as long as the backlog of the connection is above the high
// watermark, as weir.Conn's WaitWritable does, and NextWriter waits for the writer
// before. So a callback in Inline mode must not use them; it can start a goroutine.
//
// An error of Write or Close is final: weir.ErrClosed if the socket is closing, or
// that which has ended the connection, or weir.ErrBudget. If a part of the message
// has been sent then, the socket is closed (websocket.InternalError, ErrUnfinished),
// since no peer could make sense of what follows. Whoever has begun a message and
// cannot go on with it has to close the socket, too.
//
// The writer belongs to one goroutine at a time.
func (s *Socket) NextWriter(op Opcode) (io.WriteCloser, error) {
	if op != Text && op != Binary {
		return nil, ErrOpcode
	}
	w := &messageWriter{s: s, op: op, done: make(chan struct{})}
	s.mu.Lock()
	for s.stream != nil {
		before := s.stream.done
		s.mu.Unlock()
		<-before
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	if s.has(stateCloseSent) {
		return nil, weir.ErrClosed
	}
	s.stream = w
	return w, nil
}

// messageWriter is what NextWriter returns.
type messageWriter struct {
	s        *Socket
	op       Opcode              // of the next fragment: Continuation, once the first is sent
	buf      *buffer.Buffer      // not sent yet, or nil
	deflater *websocket.Deflater // if the message is compressed, which its first fragment decides
	err      error               // why nothing more can be written

	// Under the socket's mu.
	queue  *buffer.Buffer // frames of the messages that wait, or nil
	queued uint64         // how many
	done   chan struct{}  // closed when the next may begin
}

// Write is part of io.WriteCloser. See NextWriter.
func (w *messageWriter) Write(p []byte) (n int, err error) {
	for n < len(p) && w.err == nil {
		rest := p[n:]
		if w.buf == nil && len(rest) >= fragmentSize {
			rest = rest[:min(len(rest), fragmentMax)]
			w.fragment(rest, false)
			if w.err == nil {
				n += len(rest)
			}
			continue
		}
		if w.buf == nil {
			w.buf = buffer.Get(fragmentSize)
		}
		m := min(len(rest), fragmentSize-len(w.buf.B))
		w.buf.B = append(w.buf.B, rest[:m]...)
		n += m
		if len(w.buf.B) == fragmentSize {
			w.fragment(w.buf.B, false)
			w.drop()
		}
	}
	return n, w.err
}

// Close is part of io.WriteCloser. See NextWriter.
func (w *messageWriter) Close() error {
	if w.err != nil {
		return w.err
	}
	var rest []byte
	if w.buf != nil {
		rest = w.buf.B
	}
	w.fragment(rest, true)
	w.drop()
	err := w.err
	if err == nil {
		w.err = ErrWriterClosed
	}
	return err
}

// drop gives the buffer back.
func (w *messageWriter) drop() {
	if w.buf != nil {
		buffer.Put(w.buf)
		w.buf = nil
	}
}

// fragment sends a part of the message, waiting until it may. With the last one go
// the messages that have queued up behind it.
func (w *messageWriter) fragment(part []byte, last bool) {
	s := w.s
	first := w.op != websocket.Continuation
	if first && s.has(stateDeflate) && (!last || len(part) >= s.ws.settings.threshold) {
		w.compress()
	}
	if w.deflater != nil {
		b := buffer.Get(len(part)/2 + 64)
		defer buffer.Put(b)
		b.B = w.deflater.AppendFragment(b.B[:0], part, last)
		part = b.B
	}
	for {
		err := s.conn.WaitWritable(context.Background())
		if err == nil {
			err = w.send(part, first && w.deflater != nil, last)
		}
		if errors.Is(err, weir.ErrBacklog) || errors.Is(err, weir.ErrDropped) {
			continue // others have been faster
		}
		if err != nil {
			w.fail(err)
			return
		}
		w.op = websocket.Continuation
		return
	}
}

// compress has the message compressed. With context takeover that is the socket's
// deflater, which nobody else uses while there is a stream.
func (w *messageWriter) compress() {
	s := w.s
	if !s.has(stateTakeover) {
		w.deflater = &websocket.Deflater{Level: s.ws.CompressionLevel}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.deflater = s.takeover()
}

// send sends a fragment.
func (w *messageWriter) send(part []byte, deflated, last bool) error {
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.has(stateCloseSent) {
		return weir.ErrClosed
	}
	if !last || w.queue == nil {
		if err := s.frame(w.op, last, deflated, part); err != nil || !last {
			return err
		}
	} else {
		// In one go, so that all of what was accepted is, or nothing.
		if err := s.conn.Append(func(dst []byte) []byte {
			dst = websocket.AppendFrame(dst, w.op, true, deflated, part)
			return append(dst, w.queue.B...)
		}); err != nil {
			return err
		}
	}
	s.ws.counters.of(s.conn).out.Add(1 + w.queued)
	w.finish()
	return nil
}

// fail ends a message that cannot be sent.
func (w *messageWriter) fail(err error) {
	w.err = err
	w.drop()
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.deflater != nil {
		w.deflater.Reset() // the peer does not know what it would refer to
	}
	if s.stream != w {
		return // the socket has ended
	}
	lost := w.op == websocket.Continuation
	if !lost && w.queue != nil && !s.has(stateCloseSent) {
		// Nothing of the message has been sent. Those behind it can be.
		_, err := s.conn.Write(w.queue.B)
		lost = err != nil
		if !lost {
			s.ws.counters.of(s.conn).out.Add(w.queued)
		}
	}
	if lost && !s.has(stateCloseSent) {
		s.sendClose(&CloseError{Code: websocket.InternalError, Err: ErrUnfinished}) // best effort
		s.conn.Close()
	}
	w.finish()
}

// What follows needs the socket's mu.

// enqueue has a message wait for the end of this one.
func (w *messageWriter) enqueue(op Opcode, deflated bool, payload []byte) error {
	return w.extend(len(payload)+10, 1, func(dst []byte) []byte {
		return websocket.AppendFrame(dst, op, true, deflated, payload)
	})
}

// extend has n messages wait, which f appends.
func (w *messageWriter) extend(size, n int, f func(dst []byte) []byte) error {
	if w.queue == nil {
		w.queue = buffer.Get(size)
	}
	if len(w.queue.B) >= w.s.ws.settings.maxQueued {
		w.s.ws.counters.queueFull.Add(1)
		return weir.ErrBacklog
	}
	w.queue.B = f(w.queue.B)
	w.queued += uint64(n)
	return nil
}

// finish lets the next begin.
func (w *messageWriter) finish() {
	if w.queue != nil {
		buffer.Put(w.queue)
		w.queue = nil
	}
	w.s.stream = nil
	close(w.done)
}
