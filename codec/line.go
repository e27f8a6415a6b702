package codec

import "bytes"

var _ Resumer = Line{}

// Line cuts frames at line ends, LF or CRLF, and delivers them without. Every
// other CR is part of its line. The zero value is ready to use and writes LF.
//
// A last line that the stream ends in the middle of is not delivered: on a
// network that is a truncated command, not a short one. Who wants it anyway
// takes [Split] with bufio.ScanLines.
type Line struct {
	// Max is the longest line in bytes, its end not counted; zero means
	// DefaultMax. A line is refused as soon as no end could make it fit.
	Max int

	// CRLF makes Append write CRLF. Decode accepts both ends either way.
	CRLF bool
}

// Decode cuts the first line. The error is ErrTooLarge.
func (l Line) Decode(buf []byte) (frame []byte, n int, err error) {
	return l.DecodeFrom(buf, 0)
}

// DecodeFrom is Decode for a buf whose first seen bytes hold no line end.
func (l Line) DecodeFrom(buf []byte, seen int) (frame []byte, n int, err error) {
	max := limit(l.Max)
	// Looking no further than the longest line and its CRLF bounds the search,
	// and makes the answer the same however much has arrived at once.
	if len(buf)-2 > max {
		buf = buf[:max+2]
	}
	end := len(buf)
	if i := bytes.IndexByte(buf[seen:], '\n'); i >= 0 {
		end = seen + i
		n = end + 1
	}
	if end > 0 && buf[end-1] == '\r' {
		end-- // of a CRLF, or of one whose LF is still to come
	}
	if end > max {
		return nil, 0, tooLarge("line", uint64(max)+1, max)
	}
	if n == 0 {
		return nil, 0, nil
	}
	return buf[:end:end], n, nil
}

// Append appends payload and a line end. The error is ErrTooLarge for a payload
// longer than Max, and ErrMalformed for one that would not come back as it
// was: one that contains LF, or ends in CR where the line end is LF.
func (l Line) Append(dst, payload []byte) ([]byte, error) {
	if max := limit(l.Max); len(payload) > max {
		return dst, tooLarge("line", uint64(len(payload)), max)
	}
	if bytes.IndexByte(payload, '\n') >= 0 {
		return dst, malformed("line", "LF inside a line")
	}
	if l.CRLF {
		return append(append(dst, payload...), '\r', '\n'), nil
	}
	if len(payload) > 0 && payload[len(payload)-1] == '\r' {
		return dst, malformed("line", "CR before the line end")
	}
	return append(append(dst, payload...), '\n'), nil
}
