package websocket

import (
	"math"

	"github.com/weir-go/weir/codec"
)

var (
	_ codec.Resumer = Codec{}
	_ codec.Sizer   = Codec{}
)

// Codec cuts the frames of RFC 6455 out of a stream. What it delivers is the
// whole frame as it came, header and masked payload, for [Reader] or [Parse] to
// take apart. The zero value is a server's, without compression.
//
// It has no state, so one value serves any number of connections. What depends on
// the frames before, such as a continuation where nothing is to be continued, is
// checked by Reader.
//
// A header is checked as its bytes come: reserved bits and opcodes at the first
// byte, masking at the second, the size as soon as the length is complete. Text
// that is not UTF-8 is refused within a frame too, without waiting for its end.
// A frame that is there as a whole when Decode sees it is not searched for that;
// Reader does it then. So who uses both sees the same error however the bytes
// come, unless a frame has two things wrong with it.
type Codec struct {
	// MaxFrame is the largest payload of a data frame in bytes, as it is on the
	// wire; zero means codec.DefaultMax. Control frames have 125 at the most.
	MaxFrame int

	// Client makes it the client's side: frames must come unmasked, and Append
	// masks.
	Client bool

	// Deflate says that permessage-deflate has been negotiated, so that RSV1 is
	// permitted on the first frame of a message.
	Deflate bool

	// Text says that an uncompressed text message is under way (Reader.Text):
	// the frames that continue it are checked for UTF-8 while they come, and a
	// frame that begins another message is refused at its first byte. A
	// connection swaps two codecs that differ in this, or does without, and
	// learns of invalid text at the end of a fragment instead.
	Text bool
}

// limit leaves room in an int for the header before the payload.
func (c Codec) limit() int {
	if c.MaxFrame <= 0 {
		return codec.DefaultMax
	}
	return min(c.MaxFrame, math.MaxInt-maxHeader)
}

// Decode cuts the first frame. The error is an [*Error].
func (c Codec) Decode(buf []byte) (frame []byte, n int, err error) {
	return c.DecodeFrom(buf, 0)
}

// DecodeFrom is Decode that checks text from seen on only, so that each byte is
// looked at once.
func (c Codec) DecodeFrom(buf []byte, seen int) (frame []byte, n int, err error) {
	head, total, err := c.header(buf)
	if head == 0 {
		return nil, 0, err
	}
	if len(buf) < total {
		return nil, 0, c.partial(buf, head, seen)
	}
	return buf[:total:total], total, nil
}

// FrameSize returns the size of the first frame, header included, as soon as its
// header is complete.
func (c Codec) FrameSize(buf []byte) int {
	_, total, _ := c.header(buf)
	return total
}

// partial looks whether what is there of an unfinished frame can be UTF-8, if it
// has to be. seen bytes of buf have been found in order.
func (c Codec) partial(buf []byte, head, seen int) error {
	op, payload := Opcode(buf[0]&0x0f), buf[head:]
	switch {
	case op == Text && buf[0]&bitRSV1 == 0:
	case op == Continuation && c.Text:
	default:
		return nil
	}
	var mask *[4]byte
	if !c.Client {
		mask = (*[4]byte)(buf[head-4:])
	}
	if !validPart(payload, mask, max(seen-head, 0), op == Continuation) {
		return invalidPayload(notUTF8)
	}
	return nil
}

// Append appends payload as one binary frame, masked if Client is set. The error
// is an *Error with TooBig, for a payload larger than MaxFrame.
func (c Codec) Append(dst, payload []byte) ([]byte, error) {
	if limit := c.limit(); len(payload) > limit {
		return dst, tooBig("frame is too large", uint64(len(payload)), limit)
	}
	if c.Client {
		return AppendMasked(dst, Binary, true, false, payload), nil
	}
	return AppendFrame(dst, Binary, true, false, payload), nil
}
