// Package websocket is the WebSocket protocol, RFC 6455 with the compression of
// RFC 7692, without a connection: [Codec] cuts frames, [Reader] makes messages of
// them, the Append functions make frames, [Deflater] and [Inflater] compress,
// [Handshake] and [DeflateOptions] are the opening handshake.
package websocket
