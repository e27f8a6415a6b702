// Package codec cuts a byte stream into frames.
//
// A [Codec] is a pure function over a []byte: it knows no connection, starts no
// goroutine and keeps no state between calls, so that one value serves every
// connection of a server at once. A protocol that does need state of its own
// keeps it in the connection, not in the codec.
//
// The framers here are the classic ones: [Raw], [Line], [Delimiter], [Fixed],
// [LengthField], [Varint], and [Split] for any bufio.SplitFunc. Their zero
// values are useful where the format leaves no choice open; where it does, a
// Validate method says at start-up what Decode and Append would say later. Each
// has a maximum frame size, [DefaultMax] unless it is told another.
//
// The frames they deliver have no spare capacity, so that appending to one
// copies it and never writes over the bytes that follow it in the buffer.
package codec

// DefaultMax is the largest frame, in bytes, that a codec of this package
// accepts or produces when its Max field is zero: 1 MiB.
const DefaultMax = 1 << 20

// limit is the maximum in force for a Max field: a negative one is no request
// to accept nothing, so it means the default as zero does.
func limit(max int) int {
	if max <= 0 {
		return DefaultMax
	}
	return max
}

// A Codec cuts frames out of a byte stream and puts payloads into frames.
//
// Implementations must be safe for concurrent use; the ones in this package are
// values without state. A Codec must not retain buf, dst or payload.
type Codec interface {
	// Decode looks at buf, the bytes received and not yet consumed, and cuts
	// the first frame from it.
	//
	// n is the number of bytes of buf that the frame occupies, framing
	// included. n == 0 with a nil error means that buf holds no complete
	// frame yet: call again when more bytes have come. frame is a sub-slice
	// of buf and lives as long as buf does. An empty frame is a non-nil slice
	// of length zero; n > 0 with a nil frame means that n bytes are to be
	// skipped and no frame delivered.
	//
	// A non-nil error, an [*Error] in this package, says that the stream
	// cannot be a valid sequence of frames; nothing after it can be decoded.
	// "Incomplete" is never an error, and "invalid" never looks incomplete.
	Decode(buf []byte) (frame []byte, n int, err error)

	// Append appends payload as one frame to dst and returns the extended
	// slice. On an error dst is returned as it was.
	Append(dst, payload []byte) ([]byte, error)
}

// A Resumer is a [Codec] that searches for the end of a frame. DecodeFrom is
// Decode with a hint that spares it the part it has searched already, so that
// the cost stays linear when bytes arrive one at a time.
type Resumer interface {
	Codec

	// DecodeFrom is Decode(buf), where an earlier call on the first seen
	// bytes of buf, with the same codec, has answered "incomplete".
	// 0 <= seen <= len(buf).
	DecodeFrom(buf []byte, seen int) (frame []byte, n int, err error)
}

// A Sizer is a [Codec] that can tell from the head of a frame how long it is
// going to be, so that a buffer for it is allocated once.
type Sizer interface {
	Codec

	// FrameSize returns the number of bytes that the first frame of buf
	// occupies, framing included, or 0 when buf does not tell yet. It is
	// asked only after Decode has answered "incomplete" for buf.
	FrameSize(buf []byte) int
}

// A Finisher is a [Codec] for which the end of the stream can complete a frame,
// such as a last line without its line end.
type Finisher interface {
	Codec

	// Finish is Decode for a buf after which nothing follows. It is called
	// after Decode has answered "incomplete" for the same bytes, and again
	// for the rest as long as it returns n > 0.
	Finish(buf []byte) (frame []byte, n int, err error)
}
