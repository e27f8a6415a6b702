package weir

import (
	"runtime/debug"
	"sync"
	"time"

	"github.com/weir-go/weir/internal/buffer"
	"github.com/weir-go/weir/internal/socket"
)

// outbound is the bytes that a connection has accepted and not sent, in order.
// Guarded by Conn.mu. It exists during a turn that writes, and while the socket
// is full.
type outbound struct {
	segments []segment
	first    int // segments[:first] are sent
	off      int // so are the first off bytes of segments[first]
	size     int // bytes not sent
	scratch  []byte
	progress time.Duration // when the socket last took something, on the loop's clock
	loop     *loop         // charged for charged bytes
	charged  int64
	vector   [][]byte // for writev
}

// segment is a piece of the queue: bytes of the queue's own, in scratch or in a
// buffer, or bytes shared with others, a message or the caller's memory.
type segment struct {
	data    []byte
	kind    segmentKind
	buf     *buffer.Buffer // segmentBuffer
	message *Message       // segmentMessage
	done    func()         // segmentOwned
}

type segmentKind uint8

const (
	segmentScratch segmentKind = iota
	segmentBuffer
	segmentMessage
	segmentOwned
)

const (
	// scratchSize is the capacity of the buffer that an outbound has of its
	// own, for replies of one turn.
	scratchSize = 4 << 10
	// coalesceMax is the number of bytes that the writes of a turn collect
	// before they are sent; a larger write is not copied at all.
	coalesceMax = 64 << 10
	// appendRoom is the least room, in bytes, that append offers.
	appendRoom = 1 << 10
	// vectorMax is the number of pieces sent by one system call.
	vectorMax = 64
)

var outbounds = sync.Pool{New: func() any {
	return &outbound{scratch: make([]byte, 0, scratchSize)}
}}

func newOutbound(l *loop) *outbound {
	o := outbounds.Get().(*outbound)
	o.loop = l
	return o
}

// release lets go of everything, sent or not.
func (o *outbound) release() {
	for i := o.first; i < len(o.segments); i++ {
		o.drop(&o.segments[i])
	}
	clear(o.segments)
	o.segments = o.segments[:0]
	if cap(o.segments) > 64 {
		o.segments = nil
	}
	buffer.Scrub(o.scratch)
	o.first, o.off, o.size = 0, 0, 0
	o.scratch = o.scratch[:0]
	if o.charged != 0 {
		o.loop.buffered.Add(-o.charged)
		o.charged = 0
	}
	o.loop = nil
	outbounds.Put(o)
}

// drop releases a segment. A release function of the user's that panics must not
// take the connection's state with it.
func (o *outbound) drop(s *segment) {
	if s.kind == segmentOwned {
		defer func() {
			if v := recover(); v != nil {
				o.loop.logPanic(nil, &PanicError{Value: v, Stack: debug.Stack()})
			}
		}()
	}
	s.release()
}

func (s *segment) release() {
	switch s.kind {
	case segmentBuffer:
		buffer.Put(s.buf)
	case segmentMessage:
		s.message.Release()
	case segmentOwned:
		if s.done != nil {
			s.done()
		}
	}
}

// copy appends a copy of p.
func (o *outbound) copy(p []byte) {
	o.size += len(p)
	if o.first == len(o.segments) && len(p) <= cap(o.scratch) {
		o.scratch = append(o.scratch[:0], p...)
		o.segments = append(o.segments, segment{data: o.scratch, kind: segmentScratch})
		return
	}
	for len(p) > 0 {
		s := o.room(len(p))
		n := min(len(p), cap(s.data)-len(s.data))
		s.data = append(s.data, p[:n]...)
		p = p[n:]
	}
}

// append has f append to the queue: to the last segment if it has room, or else to a
// new one. What is there already is not moved. Nothing is changed before f returns,
// so that it may panic.
func (o *outbound) append(f func(dst []byte) []byte) {
	fresh := segment{data: o.scratch[:0], kind: segmentScratch}
	s := &fresh
	if i := len(o.segments) - 1; i >= o.first {
		s = &o.segments[i]
		if s.kind > segmentBuffer || cap(s.data)-len(s.data) < appendRoom {
			b := buffer.Get(min(max(scratchSize, o.size), buffer.MaxPooled))
			fresh = segment{data: b.B, kind: segmentBuffer, buf: b}
			s = &fresh
		}
	}
	room := s.data[len(s.data):cap(s.data)]
	got := f(room[:0])
	o.size += len(got)
	switch {
	case len(got) > len(room): // it is in memory of its own
		o.segments = append(o.segments, segment{data: got, kind: segmentOwned})
	case len(got) > 0:
		copy(room, got) // onto itself, unless f has strange ideas
		s.data = s.data[:len(s.data)+len(got)]
		if s == &fresh {
			o.segments = append(o.segments, fresh)
		}
		return
	}
	if fresh.kind == segmentBuffer {
		buffer.Put(fresh.buf)
	}
}

// room returns the last segment if it has room, or else a new one.
func (o *outbound) room(n int) *segment {
	if i := len(o.segments) - 1; i >= o.first {
		s := &o.segments[i]
		if s.kind <= segmentBuffer && len(s.data) < cap(s.data) {
			return s
		}
	}
	// Doubling, but never beyond what the pool takes back.
	b := buffer.Get(min(max(n, o.size), buffer.MaxPooled))
	o.segments = append(o.segments, segment{data: b.B, kind: segmentBuffer, buf: b})
	return &o.segments[len(o.segments)-1]
}

// share appends bytes that are not copied.
func (o *outbound) share(s segment) {
	o.size += len(s.data)
	o.segments = append(o.segments, s)
}

// send writes as much as the socket takes in one system call, after which more
// follows if more is given. It returns the number of bytes written of the queue
// and of more together.
func (o *outbound) send(fd int, more []byte) (int, error) {
	rest := o.segments[o.first:]
	if len(rest) == 1 && more == nil {
		return socket.Write(fd, rest[0].data[o.off:])
	}
	v := o.vector[:0]
	for i := range rest {
		if i == vectorMax {
			more = nil
			break
		}
		v = append(v, rest[i].data)
	}
	if len(rest) > 0 {
		v[0] = v[0][o.off:]
	}
	if more != nil {
		v = append(v, more)
	}
	n, err := socket.Writev(fd, v)
	clear(v)
	o.vector = v[:0]
	return n, err
}

// sent removes the first n bytes.
func (o *outbound) sent(n int) {
	o.size -= n
	for n > 0 {
		s := &o.segments[o.first]
		left := len(s.data) - o.off
		if n < left {
			o.off += n
			return
		}
		n -= left
		o.drop(s)
		*s = segment{}
		o.first++
		o.off = 0
	}
	if o.first == len(o.segments) {
		o.segments, o.first = o.segments[:0], 0
	} else if o.first >= 64 && o.first*2 >= len(o.segments) {
		k := copy(o.segments, o.segments[o.first:])
		clear(o.segments[k:])
		o.segments, o.first = o.segments[:k], 0
	}
}

// charge counts the queue against the server's budget. It is called when the
// queue outlives the call that has filled it.
func (o *outbound) charge() {
	if d := int64(o.size) - o.charged; d != 0 {
		o.loop.buffered.Add(d)
		o.charged += d
	}
}
