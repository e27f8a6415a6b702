package websocket

import (
	"encoding/binary"

	"github.com/gobwas/ws"
)

// The bits of the first two bytes of a frame (RFC 6455, section 5.2):
//
//	 0 1 2 3 4 5 6 7   0 1 2 3 4 5 6 7
//	+-+-+-+-+-------+ +-+-------------+-----------------+-----------+
//	|F|R|R|R| opcode| |M|  length     | 2 or 8 bytes of | 4 bytes   |
//	|I|S|S|S|       | |A|  0..125,    | length, for 126 | of mask,  |
//	|N|V|V|V|       | |S|  126, 127   | or 127          | if MASK   |
//	| |1|2|3|       | |K|             |                 |           |
//	+-+-+-+-+-------+ +-+-------------+-----------------+-----------+
const (
	bitFin  = 0x80
	bitRSV1 = 0x40
	bitsRSV = 0x30 // RSV2 and RSV3: no extension that weir knows uses them
	bitMask = 0x80

	length16 = 126
	length64 = 127

	maxControl = ws.MaxControlFramePayloadSize
	maxHeader  = ws.MaxHeaderSize
)

// Header is what the header of a frame says.
type Header struct {
	Op     Opcode
	Fin    bool // the last frame of a message, or the only one
	RSV1   bool // with permessage-deflate: the message is compressed
	Masked bool
}

// Parse takes a frame that [Codec] has delivered apart. The payload is a part of
// frame, without spare capacity; it lives as long as frame does. If it is masked,
// it is unmasked where it is, so Parse must not be called twice for the same
// bytes.
//
// For bytes that are no whole frame it returns a Header without meaning and a nil
// payload. The payload of a frame is never nil.
func Parse(frame []byte) (Header, []byte) {
	if len(frame) < 2 {
		return Header{}, nil
	}
	h := Header{
		Op:     Opcode(frame[0] & 0x0f),
		Fin:    frame[0]&bitFin != 0,
		RSV1:   frame[0]&bitRSV1 != 0,
		Masked: frame[1]&bitMask != 0,
	}
	head := headerSize(frame[1])
	if len(frame) < head {
		return h, nil
	}
	payload := frame[head:len(frame):len(frame)]
	if h.Masked {
		ws.Cipher(payload, [4]byte(frame[head-4:]), 0)
	}
	return h, payload
}

// headerSize returns the size of a header of which second is the second byte.
func headerSize(second byte) int {
	size := 2
	switch second & 0x7f {
	case length16:
		size += 2
	case length64:
		size += 8
	}
	if second&bitMask != 0 {
		size += 4
	}
	return size
}

// fault is what is wrong with a header, or "".
type fault = string

// firstByte says what is wrong with the first byte of a frame by itself.
func (c Codec) firstByte(b byte) fault {
	op := Opcode(b & 0x0f)
	switch {
	case b&bitsRSV != 0, b&bitRSV1 != 0 && !c.Deflate:
		// Section 5.2: "MUST be 0 unless an extension is negotiated that
		// defines meanings for non-zero values."
		return fault(ws.ErrProtocolNonZeroRsv)
	case !op.defined():
		// Section 5.2: "If an unknown opcode is received, the receiving
		// endpoint MUST _Fail the WebSocket Connection_."
		return fault(ws.ErrProtocolOpCodeReserved)
	case b&bitRSV1 != 0 && op != Text && op != Binary:
		// RFC 7692, section 6: "An endpoint MUST NOT set the "Per-Message
		// Compressed" bit of control frames and non-first fragments".
		return "compression bit on a control or continuation frame"
	case op.Control() && b&bitFin == 0:
		// Section 5.5: control frames "MUST NOT be fragmented."
		return fault(ws.ErrProtocolControlNotFinal)
	case c.Text && !op.Control() && op != Continuation:
		// Section 5.4: fragments of one message "MUST NOT be interleaved".
		return fault(ws.ErrProtocolContinuationExpected)
	}
	return ""
}

// secondByte says what is wrong with the second byte of a frame.
func (c Codec) secondByte(op Opcode, b byte) fault {
	switch masked := b&bitMask != 0; {
	case !c.Client && !masked:
		// Section 5.1: "The server MUST close the connection upon receiving
		// a frame that is not masked."
		return fault(ws.ErrProtocolMaskRequired)
	case c.Client && masked:
		// Section 5.1: "A client MUST close a connection if it detects a
		// masked frame."
		return fault(ws.ErrProtocolMaskUnexpected)
	case op.Control() && b&0x7f > maxControl:
		// Section 5.5: control frames "MUST have a payload length of 125
		// bytes or less".
		return fault(ws.ErrProtocolControlPayloadOverflow)
	}
	return ""
}

// header checks as much as there is of the header that buf begins with. head is
// its size and total that of the frame, or both are 0 when buf ends within it.
func (c Codec) header(buf []byte) (head, total int, err error) {
	if len(buf) == 0 {
		return 0, 0, nil
	}
	if f := c.firstByte(buf[0]); f != "" {
		return 0, 0, protocolError(f)
	}
	if len(buf) == 1 {
		return 0, 0, nil
	}
	op, second := Opcode(buf[0]&0x0f), buf[1]
	if f := c.secondByte(op, second); f != "" {
		return 0, 0, protocolError(f)
	}
	head = headerSize(second)
	length := uint64(second & 0x7f)
	switch length {
	case length16:
		if len(buf) < 4 {
			return 0, 0, nil
		}
		length = uint64(binary.BigEndian.Uint16(buf[2:]))
		if length < length16 {
			return 0, 0, protocolError(notMinimal)
		}
	case length64:
		// Section 5.2: "the most significant bit MUST be 0".
		if len(buf) > 2 && buf[2]&0x80 != 0 {
			return 0, 0, protocolError("most significant bit of the length is set")
		}
		if len(buf) < 10 {
			return 0, 0, nil
		}
		length = binary.BigEndian.Uint64(buf[2:])
		if length <= 0xffff {
			return 0, 0, protocolError(notMinimal)
		}
	}
	if limit := c.limit(); length > uint64(limit) && !op.Control() {
		return 0, 0, tooBig("frame is too large", length, limit)
	}
	if len(buf) < head {
		return 0, 0, nil
	}
	return head, head + int(length), nil
}

// Section 5.2: "the minimal number of bytes MUST be used to encode the length".
const notMinimal = "length is not encoded in as few bytes as possible"
