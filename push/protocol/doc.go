// Package protocol has the frames that clients and servers of weir/push exchange, in
// two encodings, binary and JSON. It is written down, with byte diagrams and golden
// vectors, in PROTOCOL.md.
package protocol
