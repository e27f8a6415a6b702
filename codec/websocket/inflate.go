package websocket

import (
	"compress/flate"
	"io"
	"math"
	"sync"

	"github.com/weir-go/weir/internal/buffer"
)

// windowSize is the LZ77 window of DEFLATE, 2^15 bytes, which is also the only one
// that compress/flate knows.
const (
	maxWindowBits = 15
	windowSize    = 1 << maxWindowBits
)

// Inflater inflates the messages of one connection (RFC 7692, section 7.2.2). The
// zero value is one without context takeover: it has no state, and may serve any
// number of connections and goroutines at once.
//
// With Takeover it remembers the window, the last 32 KiB that it has inflated
// (less with WindowBits, or as long as less has come), and belongs to one
// connection. The decompressor itself, of 40 KB, is lent for the time that
// inflating takes.
type Inflater struct {
	// Takeover says that the peer's messages refer to those before
	// (DeflateParams.PeerTakeover).
	Takeover bool

	// WindowBits is the logarithm of the window that the peer has agreed to
	// keep to, 8 to 15; anything else means 15.
	WindowBits int

	window []byte
}

// Append appends the message that payload, the joined payload of its frames,
// inflates to, and returns the extended slice. The error is an [*Error]:
// InvalidPayload for data that are corrupt, TooBig for a message larger than limit
// bytes, of which no more than limit+1 are inflated. Then dst is returned as it was,
// and the Inflater is of no use.
//
// payload is only read, and not retained.
func (f *Inflater) Append(dst, payload []byte, limit int) ([]byte, error) {
	j := joined{op: Binary}
	err := f.inflate(&j, payload, limit)
	if err == nil {
		dst = append(dst, j.buf.B...)
	}
	buffer.Put(j.buf)
	return dst, err
}

// Reset forgets the window. What the peer sends next must not refer to it, so this
// is for the end of a connection.
func (f *Inflater) Reset() {
	if f.window != nil { // not written without need: others may use it too
		f.window = nil
	}
}

// inflate puts what payload inflates to into j.buf, which is lent here, also on an
// error. Text is checked as it appears.
func (f *Inflater) inflate(j *joined, payload []byte, limit int) error {
	// One byte more tells a message that is too large from one that just fits.
	room := min(max(limit, 0), math.MaxInt-1) + 1
	j.buf = buffer.Get(min(3*len(payload)+1, room))
	z := decompressors.Get().(*decompressor)
	defer z.release()
	z.in.set(payload)
	z.reset(f.window)
	for finals := 0; ; {
		n, err := z.r.Read(j.buf.B[len(j.buf.B):min(cap(j.buf.B), room)])
		j.buf.B = j.buf.B[:len(j.buf.B)+n]
		if size := len(j.buf.B); size == room {
			return tooBig(messageTooBig, uint64(size), room-1)
		}
		if j.op == Text && n > 0 {
			if err := j.check(); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF && z.in.done():
			if j.op == Text && j.checked < len(j.buf.B) {
				return invalidPayload(notUTF8)
			}
			f.remember(j.buf.B)
			return nil
		case err == io.EOF && z.in.more():
			// RFC 7692, section 7.2.3.4: a block with BFINAL set ends the
			// DEFLATE stream, but not the message. Each such end costs a
			// copy of the window, so a flood of them is refused: one for
			// 128 bytes is far more than a peer has a reason to send.
			if finals++; finals > 8+len(payload)/128 {
				return invalidPayload("too many final blocks in compressed data")
			}
			z.continued(f.window, j.buf.B)
		case err != nil:
			return invalidPayload("compressed data are corrupt")
		}
		j.buf = grow(j.buf, len(j.buf.B)+1, room)
	}
}

// size returns the size of the window.
func (f *Inflater) size() int {
	if 8 <= f.WindowBits && f.WindowBits < maxWindowBits {
		return 1 << f.WindowBits
	}
	return windowSize
}

// remember keeps the end of what was inflated as the window of the next message.
func (f *Inflater) remember(out []byte) {
	if f.Takeover {
		f.window = slide(f.window, out, f.size())
	}
}

// slide returns window with out behind it, less what is before the last size
// bytes. Its capacity is doubled as need be, and is never larger than size.
func slide(window, out []byte, size int) []byte {
	if len(out) >= size {
		window, out = window[:0], out[len(out)-size:]
	} else if keep := size - len(out); len(window) > keep {
		window = window[:copy(window, window[len(window)-keep:])]
	}
	if need := len(window) + len(out); need > cap(window) {
		larger := make([]byte, len(window), min(max(2*cap(window), (need+511)&^511), max(size, need)))
		copy(larger, window)
		window = larger
	}
	return append(window, out...)
}

// decompressor is a flate reader with the source that it reads from.
type decompressor struct {
	in source
	r  io.ReadCloser
}

var decompressors = sync.Pool{New: func() any {
	z := new(decompressor)
	z.r = flate.NewReader(&z.in)
	return z
}}

// reset begins a DEFLATE stream at what is left of the source.
func (z *decompressor) reset(window []byte) {
	z.r.(flate.Resetter).Reset(&z.in, window) // never fails
}

// continued is reset within a message, of which out has been inflated.
func (z *decompressor) continued(window, out []byte) {
	if len(out) >= windowSize || len(window) == 0 {
		z.reset(out)
		return
	}
	b := buffer.Get(len(window) + len(out))
	b.B = append(append(b.B[:0], window...), out...)
	z.reset(b.B)
	buffer.Put(b)
}

func (z *decompressor) release() {
	z.in = source{}
	decompressors.Put(z)
}

// tail ends a message: the four bytes that its sender has removed (RFC 7692,
// section 7.2.2), and an empty final block, at which compress/flate reports the
// end.
const tail = "\x00\x00\xff\xff" + "\x01\x00\x00\xff\xff"

// source is a payload with tail behind it. It is an io.ByteReader, so compress/flate
// takes no byte that it does not need.
type source struct {
	payload []byte
	off     int // in the payload, and then in the tail
}

func (s *source) set(payload []byte) { *s = source{payload: payload} }

func (s *source) ReadByte() (byte, error) {
	i := s.off
	if i < len(s.payload) {
		s.off++
		return s.payload[i], nil
	}
	if i -= len(s.payload); i < len(tail) {
		s.off++
		return tail[i], nil
	}
	return 0, io.EOF
}

func (s *source) Read(p []byte) (n int, err error) {
	if s.off < len(s.payload) {
		n = copy(p, s.payload[s.off:])
	} else if n = copy(p, tail[s.off-len(s.payload):]); n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	s.off += n
	return n, nil
}

// more reports whether a final block was met before the end of the payload.
func (s *source) more() bool { return s.off < len(s.payload) }

// done reports whether the final block that was met may be the end of the message:
// it is the tail's, or the payload's last one, be it that the four bytes removed
// were its own. Otherwise the payload ends within a block.
func (s *source) done() bool {
	switch s.off - len(s.payload) {
	case 0, 4, len(tail):
		return true
	}
	return false
}
