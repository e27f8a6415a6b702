package websocket

import (
	"sync"
	"unicode/utf8"

	"github.com/gobwas/ws"

	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/internal/buffer"
)

// DefaultMaxFragments is how many frames a message may come in when
// Reader.MaxFragments is zero.
const DefaultMaxFragments = 1 << 16

// Reader makes messages of the frames of one connection: it unmasks, joins
// fragments, inflates, and checks what the frames before have to do with it. The
// zero value is ready to use, without compression.
//
// An idle Reader is these 32 bytes and nothing else; buffers are lent to it while
// fragments have to be joined or a compressed message is in the caller's hands.
// One that is dropped while it has such a buffer leaves it to the garbage
// collector; [Reader.Release] before is better.
//
// It must not be used by several goroutines at once, nor be copied once it has
// seen a frame.
type Reader struct {
	// MaxMessage is the largest message in bytes: what its frames hold
	// together, and what that inflates to. Zero means codec.DefaultMax.
	MaxMessage int

	// MaxFragments is how many frames a message may come in, empty ones
	// included; zero means DefaultMaxFragments.
	MaxFragments int

	// Inflater inflates compressed messages. Nil: permessage-deflate has not
	// been negotiated, and a compressed message is refused.
	Inflater *Inflater

	joined *joined // a message under way, or one that the caller has; else nil
}

// joined is a message that needs a buffer.
type joined struct {
	op         Opcode
	compressed bool
	whole      bool // the caller has it
	frames     int
	checked    int            // of text: so many bytes are known to be UTF-8
	buf        *buffer.Buffer // as it came; when it is whole, inflated
}

var joinedPool = sync.Pool{New: func() any { return new(joined) }}

// Next takes the next frame, as [Codec] has delivered it, and unmasks it where it
// is. op says what has come of it:
//
//   - Text or Binary: a whole message; text is UTF-8
//   - Close, Ping or Pong: a control frame, with its payload; that of Close has
//     been checked and is for ParseClose
//   - Continuation: nothing yet, further fragments have to come
//
// A message that came in one frame and uncompressed, and the payload of a control
// frame, are a part of frame and live as long as that does. One that was joined or
// inflated lives until the next call of Next or Release. None has spare capacity;
// all may be changed. A whole message is never nil.
//
// The error is an [*Error], after which the Reader is of no use:
//
//   - ProtocolError: a continuation without a beginning, or a beginning within
//     another message; compression that was not negotiated; a close frame
//     without meaning
//   - InvalidPayload: text or the reason of a close frame is not UTF-8, which is
//     noticed at the first fragment that cannot be; data that do not inflate
//   - TooBig: MaxMessage or MaxFragments
//
// What follows a close frame is to be ignored (RFC 6455, section 5.5.1); Next does
// not do that.
func (r *Reader) Next(frame []byte) (op Opcode, message []byte, err error) {
	if r.joined != nil && r.joined.whole {
		r.Release()
	}
	h, payload := Parse(frame)
	if payload == nil {
		return r.fail(protocolError("not a frame"))
	}
	if h.Op.Control() {
		if h.Op == Close {
			if err := checkClose(payload); err != nil {
				return r.fail(err)
			}
		}
		return h.Op, payload, nil
	}
	j := r.joined
	switch {
	case j == nil && h.Op == Continuation:
		return r.fail(protocolError(fault(ws.ErrProtocolContinuationUnexpected)))
	case j != nil && h.Op != Continuation:
		return r.fail(protocolError(fault(ws.ErrProtocolContinuationExpected)))
	case h.RSV1 && (r.Inflater == nil || h.Op == Continuation):
		return r.fail(protocolError(fault(ws.ErrProtocolNonZeroRsv)))
	}
	if j == nil && h.Fin {
		if limit := r.limit(); len(payload) > limit {
			return r.fail(tooBig(messageTooBig, uint64(len(payload)), limit))
		}
		if !h.RSV1 {
			if h.Op == Text && !utf8.Valid(payload) {
				return r.fail(invalidPayload(notUTF8))
			}
			return h.Op, payload, nil
		}
		return r.inflate(r.begin(h), payload)
	}
	if j == nil {
		j = r.begin(h)
	}
	if err := r.join(j, payload); err != nil {
		return r.fail(err)
	}
	if !h.Fin {
		return Continuation, nil, nil
	}
	if j.compressed {
		return r.inflate(j, j.buf.B)
	}
	if j.op == Text && j.checked < len(j.buf.B) {
		return r.fail(invalidPayload(notUTF8)) // it ends within a rune
	}
	j.whole = true
	return j.op, j.message(), nil
}

const messageTooBig = "message is too large"

// Text reports whether a text message is under way of which a fragment has come
// and whose last one has not, and which is not compressed. Then the next frame is
// best cut by a [Codec] with Text set.
func (r *Reader) Text() bool {
	return r.Joining() && r.joined.op == Text && !r.joined.compressed
}

// Joining reports whether a message is under way of which a fragment has come and
// whose last one has not.
func (r *Reader) Joining() bool { return r.joined != nil && !r.joined.whole }

// Release gives back what the message that Next has returned last was joined or
// inflated in; the message must not be used any more. It changes nothing about a
// message that is under way. To call it when a message has been handled, and at
// the end of the connection, keeps idle connections free of buffers.
func (r *Reader) Release() {
	if r.joined != nil && r.joined.whole {
		r.drop()
	}
}

// Reset gives back everything, a message under way and the window of the Inflater
// included. It is for the end of a connection.
func (r *Reader) Reset() {
	r.drop()
	if r.Inflater != nil {
		r.Inflater.Reset()
	}
}

func (r *Reader) drop() {
	j := r.joined
	if r.joined = nil; j == nil {
		return
	}
	if j.buf != nil {
		buffer.Put(j.buf)
	}
	*j = joined{}
	joinedPool.Put(j)
}

func (r *Reader) fail(err error) (Opcode, []byte, error) {
	r.drop()
	return Continuation, nil, err
}

func (r *Reader) limit() int {
	if r.MaxMessage <= 0 {
		return codec.DefaultMax
	}
	return r.MaxMessage
}

func (r *Reader) maxFragments() int {
	if r.MaxFragments <= 0 {
		return DefaultMaxFragments
	}
	return r.MaxFragments
}

func (r *Reader) begin(h Header) *joined {
	j := joinedPool.Get().(*joined)
	j.op, j.compressed = h.Op, h.RSV1
	r.joined = j
	return j
}

// join adds the payload of a fragment.
func (r *Reader) join(j *joined, payload []byte) error {
	if j.frames++; j.frames > r.maxFragments() {
		return tooBig("message has too many fragments", 0, 0)
	}
	if j.buf == nil {
		j.buf = buffer.Get(len(payload))
	}
	total := uint64(len(j.buf.B)) + uint64(len(payload))
	limit := r.limit()
	if total > uint64(limit) {
		return tooBig(messageTooBig, total, limit)
	}
	j.buf = grow(j.buf, int(total), limit)
	j.buf.B = append(j.buf.B, payload...)
	if j.op == Text && !j.compressed {
		return j.check()
	}
	return nil
}

// check looks whether what has come since the last call can be UTF-8.
func (j *joined) check() error {
	n, ok := validPrefix(j.buf.B[j.checked:])
	if !ok {
		return invalidPayload(notUTF8)
	}
	j.checked += n
	return nil
}

func (j *joined) message() []byte { return j.buf.B[:len(j.buf.B):len(j.buf.B)] }

// inflate makes the message of its compressed form, which may be in j.buf.
func (r *Reader) inflate(j *joined, payload []byte) (Opcode, []byte, error) {
	from := j.buf
	j.buf, j.checked = nil, 0
	err := r.Inflater.inflate(j, payload, r.limit())
	if from != nil {
		buffer.Put(from)
	}
	if err != nil {
		return r.fail(err)
	}
	j.whole = true
	return j.op, j.message(), nil
}

// grow makes room in b for size bytes in all, doubling its capacity so that bytes
// are copied twice at the most, but to no more than limit, which size is within.
func grow(b *buffer.Buffer, size, limit int) *buffer.Buffer {
	if size <= cap(b.B) {
		return b
	}
	larger := buffer.Get(max(size, min(2*cap(b.B), limit)))
	larger.B = append(larger.B[:0], b.B...)
	buffer.Put(b)
	return larger
}
