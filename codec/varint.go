package codec

import (
	"encoding/binary"
	"math"
)

var _ Sizer = Varint{}

// Varint cuts frames that begin with the length of their payload as an unsigned
// LEB128 varint, as delimited protocol buffer messages do, and delivers the
// payload without it. The zero value is ready to use.
//
// A length may be padded with zero groups, as protocol buffers permit, to ten
// bytes at the most.
type Varint struct {
	// Max is the largest payload in bytes, the length not counted; zero means
	// DefaultMax.
	Max int
}

// max leaves room in an int for the length before the payload.
func (v Varint) max() int {
	return min(limit(v.Max), math.MaxInt-binary.MaxVarintLen64)
}

// size returns how many bytes of buf are the length and how many the whole
// frame has, or zeros when buf ends within the length.
func (v Varint) size(buf []byte) (head, total int, err error) {
	var length uint64
	for i, c := range buf {
		// The tenth byte holds one bit. More, or another byte after it, does
		// not fit 64 bits, and is known to be wrong before that byte comes.
		if i == binary.MaxVarintLen64-1 && c > 1 {
			return 0, 0, malformed("varint", "length overflows 64 bits")
		}
		length |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if max := v.max(); length > uint64(max) {
				return 0, 0, tooLarge("varint", length, max)
			}
			return i + 1, i + 1 + int(length), nil
		}
	}
	return 0, 0, nil
}

// Decode cuts the first frame. The error is ErrTooLarge, or ErrMalformed for a
// length that does not fit 64 bits or ten bytes.
func (v Varint) Decode(buf []byte) (frame []byte, n int, err error) {
	head, n, err := v.size(buf)
	if err != nil || head == 0 || len(buf) < n {
		return nil, 0, err
	}
	return buf[head:n:n], n, nil
}

// FrameSize returns the size of the length and the payload together, as soon as
// the length is complete.
func (v Varint) FrameSize(buf []byte) int {
	_, n, _ := v.size(buf)
	return n
}

// Append appends the length of payload, in as few bytes as it takes, and
// payload. The error is ErrTooLarge.
func (v Varint) Append(dst, payload []byte) ([]byte, error) {
	if max := v.max(); len(payload) > max {
		return dst, tooLarge("varint", uint64(len(payload)), max)
	}
	return append(binary.AppendUvarint(dst, uint64(len(payload))), payload...), nil
}
