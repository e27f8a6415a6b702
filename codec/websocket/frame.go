package websocket

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/gobwas/ws"
)

// AppendFrame appends an unmasked frame, as a server sends it, to dst and returns
// the extended slice. rsv1 marks the first frame of a compressed message. Nothing
// is checked: a control frame needs fin and at most 125 bytes of payload, text has
// to be UTF-8.
//
// It allocates nothing if dst has room for the payload and ten bytes.
func AppendFrame(dst []byte, op Opcode, fin, rsv1 bool, payload []byte) []byte {
	return append(AppendHeader(dst, op, fin, rsv1, len(payload)), payload...)
}

// AppendHeader appends the header of an unmasked frame whose payload has length
// bytes: two, four or ten bytes.
func AppendHeader(dst []byte, op Opcode, fin, rsv1 bool, length int) []byte {
	return appendHeader(dst, op, fin, rsv1, 0, length)
}

// AppendMasked is AppendFrame for a client: the frame is masked with a random key
// (RFC 6455, section 5.3). payload stays as it is.
//
// The key comes from math/rand/v2, which is seeded by the system for each process
// and which a page in a browser cannot foretell. It is not a secret: it is sent.
func AppendMasked(dst []byte, op Opcode, fin, rsv1 bool, payload []byte) []byte {
	return appendMasked(dst, op, fin, rsv1, payload, rand.Uint32())
}

func appendMasked(dst []byte, op Opcode, fin, rsv1 bool, payload []byte, key uint32) []byte {
	dst = appendHeader(dst, op, fin, rsv1, bitMask, len(payload))
	dst = binary.BigEndian.AppendUint32(dst, key)
	mask := [4]byte(dst[len(dst)-4:])
	start := len(dst)
	dst = append(dst, payload...)
	ws.Cipher(dst[start:], mask, 0)
	return dst
}

func appendHeader(dst []byte, op Opcode, fin, rsv1 bool, mask byte, length int) []byte {
	first := byte(op)
	if fin {
		first |= bitFin
	}
	if rsv1 {
		first |= bitRSV1
	}
	switch {
	case length < length16:
		return append(dst, first, mask|byte(length))
	case length <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, first, mask|length16), uint16(length))
	default:
		return binary.BigEndian.AppendUint64(append(dst, first, mask|length64), uint64(length))
	}
}
