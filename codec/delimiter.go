package codec

import "bytes"

var _ Resumer = Delimiter{}

// Delimiter cuts frames at each occurrence of a sequence of bytes, and delivers
// them without it. It has no useful zero value: Delim must be set.
type Delimiter struct {
	// Delim ends a frame; one byte or more. It must not be changed while the
	// codec is in use.
	Delim []byte

	// Max is the largest frame in bytes, the delimiter not counted; zero means
	// DefaultMax. A frame is refused once Max+len(Delim) bytes have come and
	// no delimiter is among them.
	Max int
}

// Validate returns an ErrConfig if Delim is empty, and otherwise nil.
func (d Delimiter) Validate() error {
	if len(d.Delim) == 0 {
		return misconfigured("delimiter", "Delim is empty")
	}
	return nil
}

// Decode cuts the first frame. The error is ErrTooLarge, or that of Validate.
func (d Delimiter) Decode(buf []byte) (frame []byte, n int, err error) {
	return d.DecodeFrom(buf, 0)
}

// DecodeFrom is Decode for a buf whose first seen bytes hold no delimiter. It
// looks at the last len(Delim)-1 of them again, where one may have begun.
func (d Delimiter) DecodeFrom(buf []byte, seen int) (frame []byte, n int, err error) {
	if len(d.Delim) == 0 {
		return nil, 0, d.Validate()
	}
	max := limit(d.Max)
	// As in Line: bounded, and the same however much has arrived at once.
	full := len(buf)-len(d.Delim) >= max
	if full {
		buf = buf[:max+len(d.Delim)]
	}
	from := seen - (len(d.Delim) - 1)
	if from < 0 {
		from = 0
	}
	i := bytes.Index(buf[from:], d.Delim)
	if i < 0 {
		if full {
			return nil, 0, tooLarge("delimiter", uint64(max)+1, max)
		}
		return nil, 0, nil
	}
	end := from + i
	return buf[:end:end], end + len(d.Delim), nil
}

// Append appends payload and the delimiter. The error is ErrTooLarge for a
// payload larger than Max, ErrMalformed for one that contains the delimiter or
// whose tail would form one with it too early, as "ab" does with "aba", or
// that of Validate.
func (d Delimiter) Append(dst, payload []byte) ([]byte, error) {
	if len(d.Delim) == 0 {
		return dst, d.Validate()
	}
	if max := limit(d.Max); len(payload) > max {
		return dst, tooLarge("delimiter", uint64(len(payload)), max)
	}
	out := append(append(dst, payload...), d.Delim...)
	// One search in the result covers both cases.
	if bytes.Index(out[len(dst):], d.Delim) < len(payload) {
		return dst, malformed("delimiter", "delimiter inside a frame")
	}
	return out, nil
}
