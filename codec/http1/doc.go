// Package http1 reads HTTP/1.1 requests and writes responses, as pure functions
// over a []byte: RFC 9112, with the fields of RFC 9110.
//
// The contract of all that parses here, in one sentence: it says how many bytes
// it has used, or 0 for "need more", or an [*Error] that carries the status to
// answer with.
//
// [Request.Parse] reads the head of a request and is the authority on what is
// one. [Codec] cuts the stream of a connection into requests by a lighter look
// at it. [Chunked] takes a chunked body apart as it comes, [ChunkCodec] cuts it
// into whole chunks. The Append functions make responses. Nothing allocates in
// the steady state, starts a goroutine or does I/O.
//
// # What is refused
//
// A server that is more lenient than the proxy before it sees other requests
// than the proxy did: that is request smuggling. So what two recipients might
// read in two ways is refused, with the connection to be closed behind the
// answer:
//
//	400  a line that does not end in CRLF, or has CR, LF, NUL or another control
//	     character in it (RFC 9112, 2.2; RFC 9110, 5.5)
//	400  a method or field name that is no token; a field name that is empty, or
//	     has whitespace before or behind it; a folded line (RFC 9112, 5.1, 5.2)
//	400  Content-Length twice, even if they agree, as a list, with a sign, or
//	     past 63 bits (RFC 9112, 6.3; RFC 9110, 8.6)
//	400  Transfer-Encoding with Content-Length, in HTTP/1.0, more than once, or
//	     not ending in chunked (RFC 9112, 6.1, 6.3); 501 for codings other than
//	     chunked
//	400  Host twice, missing in HTTP/1.1, or not a host (RFC 9112, 3.2)
//	400  a target of no form, or of a form that the method does not take: "*" is
//	     for OPTIONS, "host:port" for CONNECT and that for it (RFC 9112, 3.2)
//	505  another major version than 1 (RFC 9110, 15.6.6)
//	414  a request line longer than the limit for the whole head; 431 a longer
//	     head, or too many fields (RFC 9110, 15.5.15; RFC 6585, 5)
//	417  an Expect other than 100-continue (RFC 9110, 10.1.1)
//
// Where net/http is stricter than this package, that is a bug of this package.
// Where this package is stricter, it is for one of the rules above, or one of
// these: a target has no fragment and an absolute one no userinfo (RFC 9110,
// 4.2.4), hosts have no percent-encoding and no zone, and chunk extensions have
// to be well-formed.
package http1
