package http1

import (
	"bytes"
)

// maxExcess is what a body may spend on framing, in bytes, beyond its allowance
// of 16 bytes for each chunk and one for each byte of data.
const maxExcess = 16 << 10

// Chunked decodes a body in chunked transfer coding as it comes (RFC 9112, 7.1).
// The zero value is ready to use for one body, and Reset makes it so again.
//
// Chunk extensions are checked and dropped. They may take 1 KiB a chunk, and
// altogether 16 KiB more than there are data, so that nobody keeps a server busy
// with a body of nothing else. Trailer fields are held to the rules for header
// fields; those that would change what the head has said (Content-Length,
// Transfer-Encoding, Host, Trailer, Connection, Keep-Alive, TE, Upgrade, Expect)
// are refused (RFC 9110, 6.5.1). The others are kept apart from the header
// fields, and should stay so.
type Chunked struct {
	// MaxTrailer is the longest trailer section in bytes, with the empty line
	// at its end. Zero or less means 4 KiB. The status is 431. The number of
	// fields is limited to DefaultMaxHeaders.
	MaxTrailer int

	state   chunkState
	left    int64 // of the chunk under way, in bytes
	excess  int64
	seen    int // of the trailer section, found incomplete
	trailer []Header
	err     error
}

type chunkState uint8

const (
	atSize chunkState = iota
	inData
	atDataEnd
	inTrailer
	atEnd
)

// Next decodes from src, the bytes that follow those consumed before. n is the
// number of bytes that it consumes; data is what they hold of the body, a view
// of src that may be empty. n == 0 with a nil error means that nothing more can
// be decoded before more bytes have come, or at all, if Done. So call it until
// then, and put what is not consumed in front of what comes next.
//
// No more than 1 KiB, or MaxTrailer, is ever left unconsumed. The error is an
// [*Error], and the same for all further calls. The end of the stream before
// Done is for the caller to notice.
func (d *Chunked) Next(src []byte) (data []byte, n int, err error) {
	for d.err == nil {
		used := 0
		switch rest := src[n:]; d.state {
		case atSize:
			used = d.beginChunk(rest)
		case inData:
			data = rest[:min(int64(len(rest)), d.left)]
			data = data[:len(data):len(data)]
			if d.left -= int64(len(data)); d.left == 0 {
				d.state = atDataEnd
			}
			n += len(data)
			if rest = rest[len(data):]; d.state == atDataEnd && len(rest) >= 2 && rest[0] == '\r' && rest[1] == '\n' {
				d.state = atSize
				n += 2
			}
			return data, n, nil
		case atDataEnd:
			used = d.endChunk(rest)
		case inTrailer:
			used = d.endBody(rest)
		case atEnd:
		}
		if d.err != nil {
			break
		}
		if used == 0 {
			return nil, n, nil
		}
		n += used
	}
	return nil, 0, d.err
}

// beginChunk reads the line with the size of a chunk.
func (d *Chunked) beginChunk(b []byte) int {
	size, n, err := parseChunkLine(b)
	if n == 0 || err != nil {
		d.err = err
		return 0
	}
	// The CRLF of the line makes up for the one behind the data.
	d.excess = max(d.excess+int64(n)-16-size, 0)
	if d.excess > maxExcess {
		d.err = errChunkFlood
		return 0
	}
	d.left, d.state = size, inData
	if size == 0 {
		d.state = inTrailer
	}
	return n
}

// endChunk reads the CRLF behind the data of a chunk.
func (d *Chunked) endChunk(b []byte) int {
	if len(b) > 0 && b[0] != '\r' || len(b) > 1 && b[1] != '\n' {
		d.err = errChunkEnd
		return 0
	}
	if len(b) < 2 {
		return 0
	}
	d.state = atSize
	return 2
}

// endBody reads the trailer section. Its fields are copied, since the bytes may
// be gone when somebody asks for them.
func (d *Chunked) endBody(b []byte) int {
	if len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
		d.state = atEnd
		return 2
	}
	n, fields, err := parseTrailer(b, min(d.seen, len(b)), d.trailer[:0], maxTrailer(d.MaxTrailer))
	d.err, d.seen = err, len(b)
	if n == 0 || err != nil {
		return 0
	}
	d.state = atEnd
	_, d.trailer, d.err = parseTrailer(bytes.Clone(b[:n]), 0, fields[:0], n+1)
	return n
}

// Done reports whether the body has ended: what follows is the next request.
func (d *Chunked) Done() bool { return d.state == atEnd && d.err == nil }

// Trailer returns the fields of the trailer section, once Done; nil or empty if
// there are none. They are the decoder's own and live until Reset.
func (d *Chunked) Trailer() []Header {
	if !d.Done() {
		return nil
	}
	return d.trailer
}

// Reset makes d ready for another body.
func (d *Chunked) Reset() {
	*d = Chunked{MaxTrailer: d.MaxTrailer, trailer: d.trailer[:0]}
}
