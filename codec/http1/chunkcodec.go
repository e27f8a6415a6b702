package http1

import (
	"math"

	"github.com/weir-go/weir/codec"
)

var (
	_ codec.Resumer = ChunkCodec{}
	_ codec.Sizer   = ChunkCodec{}
)

// ChunkCodec cuts a body in chunked transfer coding into its chunks (RFC 9112,
// 7.1). The zero value is ready to use.
//
// A frame is one whole chunk with all of its framing, for [Chunk] to take apart;
// the last one includes the trailer section, for [AppendTrailer]. What follows
// the last one is not part of the body: who uses the codec puts another in its
// place then. What is refused is the same as with [Chunked], but for a flood of
// chunk extensions: without state, they are limited only for each chunk, to 1
// KiB.
type ChunkCodec struct {
	// MaxChunk is the largest chunk in bytes of data. Zero or less means
	// codec.DefaultMax. The status is 413.
	MaxChunk int

	// MaxTrailer is the longest trailer section in bytes, with the empty line
	// at its end. Zero or less means 4 KiB. The status is 431. The number of
	// fields is limited to DefaultMaxHeaders.
	MaxTrailer int
}

func (c ChunkCodec) maxChunk() int {
	if c.MaxChunk <= 0 {
		return codec.DefaultMax
	}
	return min(c.MaxChunk, math.MaxInt-maxChunkLine-len("\r\n"))
}

// Decode cuts the first chunk. The error is an [*Error].
func (c ChunkCodec) Decode(buf []byte) (frame []byte, n int, err error) {
	return c.DecodeFrom(buf, 0)
}

// DecodeFrom is Decode for a buf whose first seen bytes hold no whole chunk.
func (c ChunkCodec) DecodeFrom(buf []byte, seen int) (frame []byte, n int, err error) {
	size, head, err := parseChunkLine(buf)
	if head == 0 || err != nil {
		return nil, 0, err
	}
	if size == 0 {
		n, err = c.trailerSize(buf[head:], seen-head)
		if n == 0 || err != nil {
			return nil, 0, err
		}
		n += head
		return buf[:n:n], n, nil
	}
	if size > int64(c.maxChunk()) {
		return nil, 0, errChunkLong
	}
	end := head + int(size)
	if end < len(buf) && buf[end] != '\r' || end+1 < len(buf) && buf[end+1] != '\n' {
		return nil, 0, errChunkEnd
	}
	if n = end + 2; n > len(buf) {
		return nil, 0, nil
	}
	return buf[:n:n], n, nil
}

// trailerSize returns the length of the trailer section at the start of b, or 0
// while it is not complete.
func (c ChunkCodec) trailerSize(b []byte, seen int) (int, error) {
	if len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
		return 2, nil
	}
	var fields [DefaultMaxHeaders]Header // on the stack, for nobody keeps them
	n, _, err := parseTrailer(b, max(seen, 0), fields[:0], maxTrailer(c.MaxTrailer))
	return n, err
}

// FrameSize returns the size of the first chunk with its framing, as soon as its
// size is known, and 0 for the last one.
func (c ChunkCodec) FrameSize(buf []byte) int {
	size, head, err := parseChunkLine(buf)
	if size == 0 || head == 0 || err != nil || size > int64(c.maxChunk()) {
		return 0
	}
	return head + int(size) + len("\r\n")
}

// Append appends payload as one chunk, and no payload as the last one without a
// trailer section. The error, 413, is for a payload larger than MaxChunk.
func (c ChunkCodec) Append(dst, payload []byte) ([]byte, error) {
	if len(payload) > c.maxChunk() {
		return dst, errChunkLong
	}
	if len(payload) == 0 {
		return AppendLastChunk(dst), nil
	}
	return AppendChunk(dst, payload), nil
}

// Chunk takes a frame of [ChunkCodec] apart. data is a view of frame; last says
// that it is the last one, which has no data.
func Chunk(frame []byte) (data []byte, last bool) {
	size, head, err := parseChunkLine(frame)
	if err != nil || head == 0 || size > int64(len(frame)-head) {
		return nil, false // not a frame of ChunkCodec
	}
	end := head + int(size)
	return frame[head:end:end], size == 0
}

// AppendTrailer appends the fields of the trailer section in frame, the last one
// of [ChunkCodec], to dst. They are views of frame.
func AppendTrailer(dst []Header, frame []byte) []Header {
	size, head, err := parseChunkLine(frame)
	if err != nil || head == 0 || size > 0 {
		return dst
	}
	_, dst, _ = parseTrailer(frame[head:], 0, dst, len(frame)+1)
	return dst
}
