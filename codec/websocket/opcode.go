package websocket

// Opcode says what a frame is (RFC 6455, section 5.2).
type Opcode byte

// The opcodes that RFC 6455 defines; all others are reserved, and refused.
const (
	Continuation Opcode = 0x0 // a further fragment of the message under way
	Text         Opcode = 0x1 // a message, or its first fragment, of UTF-8
	Binary       Opcode = 0x2 // a message, or its first fragment, of anything
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xA
)

// Control reports whether op is that of a control frame: Close, Ping or Pong.
// Such frames are never fragmented and hold 125 bytes at the most, but may come
// between the fragments of a message (section 5.5).
func (op Opcode) Control() bool { return op&0x8 != 0 }

// defined reports whether RFC 6455 gives op a meaning.
func (op Opcode) defined() bool { return op <= Binary || op >= Close && op <= Pong }

// String returns the name of op, such as "text".
func (op Opcode) String() string {
	switch op {
	case Continuation:
		return "continuation"
	case Text:
		return "text"
	case Binary:
		return "binary"
	case Close:
		return "close"
	case Ping:
		return "ping"
	case Pong:
		return "pong"
	}
	return "reserved"
}
