package gateway

import (
	"encoding/binary"
	"math"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/protocol"
	"github.com/weir-go/weir/web"
)

// newSocketFormat returns the format of WebSockets for an encoding: a frame is a
// message, prepared once for all sockets.
func newSocketFormat(name string, e protocol.Encoding, op web.Opcode) *push.Format {
	return &push.Format{
		Name:     name,
		Encoding: e,
		Wrap: func(frame []byte) (any, int, error) {
			p, err := web.NewPrepared(op, frame)
			if err != nil {
				return nil, 0, err
			}
			return p, len(frame) + headerSize(len(frame)), nil
		},
		Join: func(wires []any) any {
			messages := make([]*web.Prepared, len(wires))
			for i, w := range wires {
				messages[i] = w.(*web.Prepared)
			}
			return web.JoinPrepared(messages...)
		},
	}
}

// headerSize is how many bytes come before n bytes in an unmasked WebSocket frame
// (RFC 6455, 5.2).
func headerSize(n int) int {
	switch {
	case n <= 125:
		return 2
	case n <= math.MaxUint16:
		return 4
	}
	return 10
}

// newStreamFormat returns the format of TCP: the length as a varint, and the frame.
func newStreamFormat() *push.Format {
	return &push.Format{
		Name:     "tcp",
		Encoding: protocol.Binary,
		Wrap: func(frame []byte) (any, int, error) {
			wire := make([]byte, 0, len(frame)+lengthSize(len(frame)))
			wire = append(binary.AppendUvarint(wire, uint64(len(frame))), frame...)
			return wire, len(wire), nil
		},
		Join: func(wires []any) any {
			var joined []byte
			for _, w := range wires {
				joined = append(joined, w.([]byte)...)
			}
			return joined
		},
	}
}

// lengthSize is the size of n as a varint.
func lengthSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}
