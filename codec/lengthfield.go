package codec

import (
	"encoding/binary"
	"math"
	"slices"
)

var _ Sizer = LengthField{}

// LengthField cuts frames whose header holds their length, in any of the ways
// that such headers are commonly built:
//
//	0        Offset   Offset+Width                     frame size
//	+----------+----------+----------+----------------------+
//	|  header  |  length  |  header  |       payload        |
//	+----------+----------+----------+----------------------+
//	|<------ Strip ------>|<---------- delivered ---------->|
//
//	frame size = Offset + Width + length + Adjust
//
// So Adjust is zero where the length counts all that follows it, minus
// (Offset+Width) where it counts the whole frame, and the size of the header
// behind it where it counts the payload alone. These are the parameters of
// Netty's LengthFieldBasedFrameDecoder: lengthFieldOffset, lengthFieldLength,
// lengthAdjustment and initialBytesToStrip.
//
// It has no useful zero value: Width must be set. LengthField{Width: 4, Strip:
// 4} is the common four bytes in network order before each payload.
type LengthField struct {
	// Offset is where the length begins, in bytes from the start of the frame.
	Offset int

	// Width is the size of the length in bytes: 1, 2, 3, 4 or 8. The length is
	// unsigned.
	Width int

	// Order is the byte order of the length, big or little endian; nil means
	// big.
	Order binary.ByteOrder

	// Adjust is added to the length to make it count the bytes that follow it.
	Adjust int

	// Strip is how many bytes at the start of a frame are not delivered.
	Strip int

	// Max is the largest frame in bytes, as it is on the wire with all of its
	// header, stripped or not; zero means DefaultMax.
	Max int
}

// Validate returns an ErrConfig if the fields contradict each other in a way
// that leaves no frame to decode, and otherwise nil:
//
//   - Width is not 1, 2, 3, 4 or 8
//   - Offset or Strip is negative
//   - Max has no room for the header, for what Adjust adds to it, or for Strip
//   - Adjust takes away more than a length can hold
func (l LengthField) Validate() error {
	if fault := l.fault(); fault != "" {
		return misconfigured("length-field", fault)
	}
	return nil
}

// fault is Validate for the hot path: a few comparisons. It also guarantees
// that Offset+Width+Adjust overflows neither int nor, negated, int.
func (l *LengthField) fault() string {
	max := limit(l.Max)
	switch l.Width {
	case 1, 2, 3, 4, 8:
	default:
		return "Width is not 1, 2, 3, 4 or 8"
	}
	switch {
	case l.Offset < 0:
		return "Offset is negative"
	case l.Offset > max-l.Width:
		return "Offset and Width exceed Max"
	case l.Adjust > max-l.Offset-l.Width:
		return "Offset, Width and Adjust exceed Max"
	case l.Adjust < 0 && uint64(-int64(l.Adjust)) > l.maxLength():
		return "Adjust takes away more than Width can hold"
	case l.Strip < 0:
		return "Strip is negative"
	case l.Strip > max:
		return "Strip exceeds Max"
	}
	return ""
}

// maxLength is the largest number that Width bytes hold.
func (l *LengthField) maxLength() uint64 {
	return math.MaxUint64 >> (64 - 8*l.Width)
}

// endianProbe tells the orders apart. Asking Order about two known bytes, and
// not about the frame, lets any ByteOrder serve three-byte lengths too and
// keeps the caller's buffer from escaping through an interface call.
var endianProbe = []byte{1, 0}

func (l *LengthField) littleEndian() bool {
	return l.Order != nil && l.Order.Uint16(endianProbe) == 1
}

// length reads the length from its Width bytes.
func (l *LengthField) length(field []byte) (length uint64) {
	if l.littleEndian() {
		for i, c := range field {
			length |= uint64(c) << (8 * i)
		}
		return length
	}
	for _, c := range field {
		length = length<<8 | uint64(c)
	}
	return length
}

// putLength writes the length to its Width bytes.
func (l *LengthField) putLength(field []byte, length uint64) {
	if l.littleEndian() {
		for i := range field {
			field[i] = byte(length >> (8 * i))
		}
		return
	}
	for i := range field {
		field[len(field)-1-i] = byte(length >> (8 * i))
	}
}

// size returns the size of the first frame of buf, or 0 when buf ends within
// its header.
func (l *LengthField) size(buf []byte) (int, error) {
	if fault := l.fault(); fault != "" {
		return 0, misconfigured("length-field", fault)
	}
	end := l.Offset + l.Width
	if len(buf) < end {
		return 0, nil
	}
	length := l.length(buf[l.Offset:end])

	// The length may be any 64-bit number, whatever an int is, so the sum is
	// made in uint64 and saturates at both ends.
	var total uint64
	if fixed := end + l.Adjust; fixed >= 0 {
		total = length + uint64(fixed)
		if total < length {
			total = math.MaxUint64
		}
	} else if less := uint64(-fixed); length > less {
		total = length - less
	}
	switch max := limit(l.Max); {
	case total < uint64(end):
		return 0, malformed("length-field", "frame ends before its length does")
	case total < uint64(l.Strip):
		return 0, malformed("length-field", "frame is shorter than its header")
	case total > uint64(max):
		return 0, tooLarge("length-field", total, max)
	}
	return int(total), nil
}

// Decode cuts the first frame. The error is ErrTooLarge, ErrMalformed for a
// length that makes the frame shorter than its header, or that of Validate. All
// of them come as soon as the length is complete.
//
// Strip may end within the length, as in Netty: the rest of it is delivered.
func (l LengthField) Decode(buf []byte) (frame []byte, n int, err error) {
	n, err = l.size(buf)
	if n == 0 || len(buf) < n {
		return nil, 0, err
	}
	return buf[l.Strip:n:n], n, nil
}

// FrameSize returns the size of the first frame, all of its header included, as
// soon as the length is complete.
func (l LengthField) FrameSize(buf []byte) int {
	n, _ := l.size(buf)
	return n
}

// Append appends the frame of which Decode delivers payload: Strip zero bytes
// and payload, with the length put in its place.
//
// Where the length is among the stripped bytes, the payload comes back as it
// was. Where it is not (Strip <= Offset), payload begins with the rest of the
// header, including Width bytes for the length that are overwritten in the
// copy, whatever they are.
//
// The error is ErrTooLarge for a frame that is larger than Max or whose size
// the length cannot express, ErrMalformed for a payload that is shorter than
// the header it has to contain, ErrConfig if Strip ends within the length,
// since payload would then hold a part of it, or that of Validate.
func (l LengthField) Append(dst, payload []byte) ([]byte, error) {
	if fault := l.fault(); fault != "" {
		return dst, misconfigured("length-field", fault)
	}
	end := l.Offset + l.Width
	if l.Offset < l.Strip && l.Strip < end {
		return dst, misconfigured("length-field", "Strip ends within the length")
	}
	max := limit(l.Max)
	if len(payload) > max-l.Strip {
		return dst, tooLarge("length-field", uint64(l.Strip)+uint64(len(payload)), max)
	}
	total, fixed := l.Strip+len(payload), end+l.Adjust
	if total < end || total < fixed {
		return dst, malformed("length-field", "payload is shorter than the header in it")
	}
	// In uint64 the difference is right for a negative fixed as well.
	length := uint64(total) - uint64(fixed)
	if length > l.maxLength() {
		return dst, tooLarge("length-field", uint64(total), int(int64(l.maxLength())+int64(fixed)))
	}
	out := slices.Grow(dst, total)[:len(dst)+total]
	frame := out[len(dst):]
	copy(frame[l.Strip:], payload)
	clear(frame[:l.Strip])
	l.putLength(frame[l.Offset:end], length)
	return out, nil
}
