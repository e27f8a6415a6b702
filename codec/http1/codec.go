package http1

import (
	"bytes"

	"github.com/weir-go/weir/codec"
)

var (
	_ codec.Resumer = Codec{}
	_ codec.Sizer   = Codec{}
)

// Codec cuts a connection's stream into requests. The zero value is ready to
// use.
//
// A frame is one request: its head, and its body too when that has a
// Content-Length of at most MaxBody and the client does not wait for a 100
// (Continue) before it sends it. In all other cases (chunked, Expect, larger)
// the frame is the head alone, as soon as it is there, and the body is for who
// gets the frame to read from the stream. Which of the two it is, the lengths
// tell: with n from Request.Parse on the frame, the body is frame[n:] and came
// whole if len(frame) == n+ContentLength.
//
// What decides this is a light scan for line ends and the fields of framing. It
// refuses only what is too long and lines that do not end in CRLF; whatever else
// is wrong comes as a frame of the head alone, which [Request.Parse] then
// refuses, as the authority on what is a request. The scan never sees another
// end of a head or length of a body than a Parse that accepts it.
//
// Empty lines before a request are skipped with its first byte, up to eight.
type Codec struct {
	Limits

	// MaxBody is the largest body in bytes to be delivered with its head. Zero
	// means codec.DefaultMax, less than zero that heads always come alone.
	MaxBody int64
}

func (c Codec) maxBody() int64 {
	if c.MaxBody == 0 {
		return codec.DefaultMax
	}
	// A frame has to fit an int.
	return min(c.MaxBody, int64(^uint(0)>>1)-int64(c.head()))
}

// Decode cuts the first request. The error is an [*Error].
func (c Codec) Decode(buf []byte) (frame []byte, n int, err error) {
	return c.DecodeFrom(buf, 0)
}

// DecodeFrom is Decode for a buf whose first seen bytes hold no whole request.
// Where bodies are delivered, it looks at the head again, and never at the body:
// without state, an unfinished head cannot be told from an unfinished body
// otherwise. So a call costs a search of MaxHead bytes at the most, on
// MaxHeaders lines.
func (c Codec) DecodeFrom(buf []byte, seen int) (frame []byte, n int, err error) {
	if len(buf) > 0 && buf[0] <= '\r' {
		n, err = skipEmptyLines(buf)
		switch {
		case err != nil:
			return nil, 0, err
		case n == len(buf):
			return nil, 0, nil
		case n > 0:
			return nil, n, nil
		}
	}
	if seen > 0 && c.MaxBody < 0 && seen < len(buf) && bytes.IndexByte(buf[seen:], '\n') < 0 && len(buf) < c.head() {
		return nil, 0, nil
	}
	n, err = c.size(buf)
	if n == 0 || n > len(buf) || err != nil {
		return nil, 0, err
	}
	return buf[:n:n], n, nil
}

// FrameSize returns the size of the first request, head and body, as soon as
// its head is complete.
func (c Codec) FrameSize(buf []byte) int {
	n, _ := c.size(buf)
	return n
}

// Append appends payload as it is: responses are made with the Append functions
// of this package.
func (c Codec) Append(dst, payload []byte) ([]byte, error) {
	return append(dst, payload...), nil
}

// size returns how long the frame at the start of b is, or 0 while its head is
// not complete.
func (c *Codec) size(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if class[b[0]]&inToken == 0 {
		return 0, errMethod
	}
	max := c.head()
	head := b[:min(len(b), max)]
	lines := c.headers() + 2 // with the request line and the empty one
	length := int64(-1)
	alone := c.MaxBody < 0
	pos := 0
	for {
		end := bytes.IndexByte(head[pos:], '\n')
		if end < 0 {
			if len(head) == max {
				return 0, overlong(head)
			}
			return 0, nil
		}
		end += pos
		if end == pos || head[end-1] != '\r' {
			return 0, errBareLF
		}
		if end == pos+1 && pos > 0 {
			pos = end + 1
			break
		}
		if lines--; lines == 0 {
			return 0, errTooMany
		}
		if line := head[pos:end]; !alone && pos > 0 {
			switch line[0] | 0x20 {
			case 'c':
				if len(line) > 14 && line[14] == ':' && equalFold(line[:14], "content-length") {
					n, ok := parseLength(trim(line[15 : len(line)-1]))
					alone = !ok || length >= 0
					length = n
				}
			case 't':
				alone = len(line) > 17 && line[17] == ':' && equalFold(line[:17], "transfer-encoding")
			case 'e':
				alone = len(line) > 6 && line[6] == ':' && equalFold(line[:6], "expect")
			}
		}
		pos = end + 1
	}
	if alone || length <= 0 || length > c.maxBody() {
		return pos, nil
	}
	return pos + int(length), nil
}
