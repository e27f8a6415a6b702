package http1

import (
	"encoding/binary"
	"strconv"
)

// AppendHeader appends a field line, "name: value\r\n". CR, LF and NUL in value
// become spaces (RFC 9110, 5.5), so that a value can neither end its line nor
// begin another. A name that is no token makes no line at all.
func AppendHeader[V []byte | string](dst []byte, name string, value V) []byte {
	for i := range len(name) {
		if class[name[i]]&inToken == 0 {
			return dst
		}
	}
	if name == "" {
		return dst
	}
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	start := len(dst)
	dst = append(dst, value...)
	sanitize(dst[start:])
	return append(dst, "\r\n"...)
}

// sanitize makes CR, LF and NUL spaces, eight bytes in one step as textEnd does:
// values with any byte below 0x10 are rare, and looked at byte by byte.
func sanitize(b []byte) {
	for len(b) >= 8 {
		x := binary.LittleEndian.Uint64(b)
		if (x-ones*0x10)&^x&high != 0 {
			sanitizeBytes(b[:8])
		}
		b = b[8:]
	}
	sanitizeBytes(b)
}

func sanitizeBytes(b []byte) {
	for i, c := range b {
		if c == '\r' || c == '\n' || c == 0 {
			b[i] = ' '
		}
	}
}

// AppendContentLength appends "Content-Length: n\r\n", and nothing for n < 0.
func AppendContentLength(dst []byte, n int64) []byte {
	if n < 0 {
		return dst
	}
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, "\r\n"...)
}

// AppendChunk appends data as one chunk of a body in chunked transfer coding
// (RFC 9112, 7.1), and nothing for no data, since an empty chunk is the last.
func AppendChunk(dst, data []byte) []byte {
	if len(data) == 0 {
		return dst
	}
	dst = strconv.AppendUint(dst, uint64(len(data)), 16)
	dst = append(dst, "\r\n"...)
	dst = append(dst, data...)
	return append(dst, "\r\n"...)
}

// AppendLastChunk appends the end of a chunked body: the last chunk, the fields
// of the trailer section, in the way of [AppendHeader], and the empty line.
// Fields that must not be in a trailer section, such as Content-Length, are left
// out (RFC 9110, 6.5.1).
func AppendLastChunk(dst []byte, trailer ...Header) []byte {
	dst = append(dst, "0\r\n"...)
	for _, h := range trailer {
		if !isToken(h.Name) || forbiddenTrailer(h.Name) {
			continue
		}
		dst = append(dst, h.Name...)
		dst = append(dst, ": "...)
		start := len(dst)
		dst = append(dst, h.Value...)
		sanitize(dst[start:])
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "\r\n"...)
}
