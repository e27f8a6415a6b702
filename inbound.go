package weir

import (
	"sync"

	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/internal/buffer"
)

// inbound holds bytes that were received and not decoded: the unfinished tail of
// a frame, frames that wait for a worker, frames held back by PauseRead.
//
// Who holds the turn owns it: a turn marks Conn.in as its own, under Conn.mu, and
// takes that back at its end. What the loop receives meanwhile it puts into
// another inbound, under Conn.mu, and the turn joins the two at its end.
type inbound struct {
	owned bool     // by the turn under way; under Conn.mu, as more is
	more  *inbound // received while owned
	next  int      // while owned: buf.B[:next] is decoded, or taken by a Stream

	buf   *buffer.Buffer
	since uint32    // when the unfinished frame began, in ticks
	off   int       // buf.B[:off] has been decoded
	seen  int       // the first seen bytes of the rest were found incomplete
	by    *Protocol // by this protocol
	want  int       // the size that the unfinished frame announces; 0: none
	loop  *loop     // charged for the capacity of buf
	cost  int64
}

var inbounds = sync.Pool{New: func() any { return new(inbound) }}

func newInbound(l *loop, size int) *inbound {
	in := inbounds.Get().(*inbound)
	in.buf, in.loop = buffer.Get(size), l
	in.charge()
	return in
}

// inbox returns where the loop puts what it receives, made if need be. It needs
// Conn.mu.
func (c *Conn) inbox(size int) *inbound {
	p := &c.in
	if c.in != nil && c.in.owned {
		p = &c.in.more
	}
	if *p == nil {
		*p = newInbound(c.loop, size)
		(*p).since = c.loop.ticks()
	}
	return *p
}

func (in *inbound) release() {
	buffer.Put(in.buf)
	in.loop.buffered.Add(-in.cost)
	*in = inbound{}
	inbounds.Put(in)
}

func (in *inbound) charge() {
	if now := int64(cap(in.buf.B)); now != in.cost {
		in.loop.buffered.Add(now - in.cost)
		in.cost = now
	}
}

func (in *inbound) rest() []byte { return in.buf.B[in.off:] }

func (in *inbound) len() int { return len(in.buf.B) - in.off }

// trusted returns how many bytes of the rest need not be searched again by p.
func (in *inbound) trusted(p *Protocol) int {
	if in.by != p {
		return 0
	}
	return in.seen
}

// firstGrant is what an unfinished frame gets on its own word. Beyond it, the
// buffer grows to the size that the frame announces only once half as much of it
// has come, so that a header alone cannot claim the memory of a frame.
const firstGrant = 64 << 10

// append adds data. A codec that can tell the size of a frame spares the buffer
// all growing but one. It is not asked here: it may be the user's, and panic,
// and this is called with Conn.mu held.
func (in *inbound) append(data []byte) {
	if need := in.len() + len(data); in.off+need > cap(in.buf.B) {
		in.grow(need)
	}
	in.buf.B = append(in.buf.B, data...)
	in.charge()
}

// grow moves the rest to the front, of a larger buffer if need be.
func (in *inbound) grow(need int) {
	if need > cap(in.buf.B) {
		size := max(need, 2*cap(in.buf.B))
		if in.want > 0 {
			size = max(need, in.want)
			if in.want > firstGrant && in.len() < firstGrant/2 {
				size = max(need, firstGrant)
			}
		}
		b := buffer.Get(size)
		b.B = append(b.B[:0], in.rest()...)
		buffer.Put(in.buf)
		in.buf = b
	} else {
		n := copy(in.buf.B, in.rest())
		in.buf.B = in.buf.B[:n]
	}
	in.off = 0
}

// decode cuts the first frame from b, of which the first seen bytes are known to
// hold no whole frame.
func (p *Protocol) decode(b []byte, seen int) (frame []byte, n int, err error) {
	if seen > 0 && p.resumer != nil {
		frame, n, err = p.resumer.DecodeFrom(b, seen)
	} else {
		frame, n, err = p.codec.Decode(b)
	}
	if err == nil && (n < 0 || n > len(b)) {
		err = &codec.Error{Codec: "user-defined", Err: codec.ErrMalformed, Detail: "Decode consumed more bytes than there are"}
	}
	return frame, n, err
}

// frameSize returns the size that the unfinished frame which b begins with
// announces, or 0. It is called after decode has found b incomplete.
func (p *Protocol) frameSize(b []byte) int {
	if p.sizer == nil || len(b) == 0 {
		return 0
	}
	return p.sizer.FrameSize(b)
}
