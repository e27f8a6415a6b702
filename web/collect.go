package web

import (
	"slices"
	"time"

	"github.com/weir-go/weir"
	"github.com/weir-go/weir/codec"
	"github.com/weir-go/weir/codec/http1"
)

// collector is the protocol of a connection while Fast waits for a body that its
// codec does not cut together with the head: one in chunks, or one that the client
// sends only when it is told to (RFC 9110, 10.1.1). It belongs to one connection.
type collector struct {
	*HTTP
	head    []byte // a copy
	last    bool   // the request is the last one of its connection
	chunked bool
	body    []byte
	begun   time.Time
}

// collect switches to a collector.
func (h *HTTP) collect(c *weir.Conn, x *Ctx, frame []byte) {
	b := &collector{HTTP: h, head: slices.Clone(frame[:len(frame)-len(x.body)]), last: x.Request.Close, chunked: x.Chunked, begun: time.Now()}
	cd := codec.Codec(http1.ChunkCodec{MaxChunk: int(h.limits.MaxBody), MaxTrailer: h.limits.MaxHead})
	if !x.Chunked {
		// What has come of it, if anything, is of the codec's making: a head
		// with Expect is delivered without.
		cd = codec.Fixed{Size: int(x.ContentLength)}
	}
	if x.Expect100 {
		// Should the connection have ended, Switch says so.
		_, _ = c.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
	}
	if err := c.SetProtocol(cd, b); err != nil {
		c.Close() // ended, or a body that is no frame for the codec
	}
}

// OnFrame takes a chunk, or the whole of a body with a known length. The head is
// parsed again behind the last one, and not for each: chunks may be tiny, and heads
// large.
func (b *collector) OnFrame(c *weir.Conn, frame []byte) {
	last := true
	if b.chunked {
		frame, last = http1.Chunk(frame)
	}
	if int64(len(b.body)+len(frame)) > b.limits.MaxBody {
		b.refuse(c, errBodyTooLarge)
		return
	}
	b.body = append(b.body, frame...)
	if !last {
		if allowed := b.limits.bodyAllowance(int64(len(b.body))); allowed > 0 && time.Since(b.begun) > allowed {
			b.refuse(c, errCollectedTooSlowly)
		}
		return
	}
	x := contexts.Get().(*Ctx)
	defer x.release()
	if _, err := x.Request.Parse(b.head, 0, b.codec.Limits); err != nil {
		b.refuse(c, err) // not to be: it has been parsed before
		return
	}
	p, err := b.protocol()
	if err == nil {
		err = c.Switch(p)
	}
	if err != nil {
		return // the connection has ended
	}
	x.http, x.conn, x.body, x.Request.Close = b.HTTP, c, b.body, b.last
	x.serve()
}
