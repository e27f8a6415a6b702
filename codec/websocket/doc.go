// Package websocket is the WebSocket protocol, RFC 6455, with the compression of
// RFC 7692, and nothing else: it knows no connection, starts no goroutine and waits
// for nothing. What has bytes to send or has received some calls it.
//
//	 received                                                        to be sent
//	    │                                                                ▲
//	    ▼             ┌─────────┐                     ┌──────────────────┴───┐
//	┌───────┐ frame   │ Reader  │ message, or         │ AppendFrame          │
//	│ Codec ├────────▶│   ▲     ├────────▶ the user ──▶ AppendMasked         │
//	└───────┘ as it   │   │     │ control frame       │ AppendClose          │
//	 no state came    │Inflater │                     │  ▲ Deflater.Append   │
//	                  └─────────┘                     └──────────────────────┘
//	                  a connection's
//
// # The handshake
//
// [Handshake] checks the fields of an upgrade request, [SelectProtocol] and
// [DeflateOptions] agree upon a subprotocol and upon compression, [AppendResponse]
// makes the response. Host, Origin and who may connect are the caller's business.
//
// # Receiving
//
// A [Codec] cuts the stream into frames and refuses wrong ones as soon as it sees
// that they are (RFC 6455, sections 5.1, 5.2 and 5.5). It is a codec.Codec without
// state, so one value serves all connections. A [Reader] for each connection makes
// messages of the frames, with control frames in between (section 5.4), text
// checked for UTF-8 (section 8.1), and the contents of close frames checked
// (section 7.4). Both answer with an [*Error] that has the code to close with.
//
// Text is refused at the first byte that cannot be UTF-8 even if frames are large
// and slow to come, if the connection has two codecs, one of them with Text set,
// and changes to it while Reader.Text is true. [Codec] tells why. Text that is
// compressed is checked when the message is whole, while it is inflated, and no
// more of it is inflated after the first wrong byte.
//
// # What is left to the caller
//
//   - To answer a ping with a pong (section 5.5.2), and a close frame with a close
//     frame, once (section 5.5.1), and to ignore what comes after one.
//   - On an error, to send a close frame with its code, and to end the connection
//     (section 7.1.7).
//   - Not to begin a message while another one's fragments are being sent, and to
//     send text that is UTF-8: what is to be sent is not checked.
//
// # Lifetime of slices
//
// A frame that Codec delivers is a part of the buffer it was cut from. A message
// that came in one frame, uncompressed, and a control frame's payload, are a part
// of the frame, unmasked in place; nothing is copied or allocated. A message that
// came in fragments or compressed is in a buffer that is lent, until
// Reader.Release or the next call of Reader.Next. What is passed to an Append
// function is only read, and the caller's again when it returns.
//
// # Memory
//
// For each connection, in bytes:
//
//	Reader, idle                       32
//	  while fragments come             twice what has come at most, and no
//	                                   more than MaxMessage and 64 KiB
//	  Inflater without takeover        none: one serves all connections
//	  Inflater with takeover           40, and a window: up to 32 KiB as more is
//	                                   received, or up to 2^WindowBits
//	Deflater without takeover          none: one serves all connections
//	Deflater with takeover             0.8 MB (1.2 MB at BestSpeed) from the first
//	                                   message on until Deflater.Reset
//
// For each message that is being compressed without takeover 1.2 MB, and for each
// that is being inflated 40 KB, are lent from pools.
//
// # Limits
//
//	Codec.MaxFrame        1 MiB    1009, as soon as the header is there
//	Reader.MaxMessage     1 MiB    1009, of what has come and of what it inflates to
//	Reader.MaxFragments   65,536   1009, empty ones included
//	final blocks          8, and one for 128 bytes of a compressed message: 1007
package websocket
