package codec

var _ Sizer = Fixed{}

// Fixed cuts frames that all have the same size. It has no useful zero value:
// Size must be set.
type Fixed struct {
	// Size is the size of a frame in bytes; one or more. It is the maximum as
	// well, DefaultMax does not apply.
	Size int
}

// Validate returns an ErrConfig if Size is not positive, and otherwise nil.
func (f Fixed) Validate() error {
	if f.Size <= 0 {
		return misconfigured("fixed", "Size is not positive")
	}
	return nil
}

// Decode cuts the first Size bytes. The error is that of Validate.
func (f Fixed) Decode(buf []byte) (frame []byte, n int, err error) {
	if f.Size <= 0 {
		return nil, 0, f.Validate()
	}
	if len(buf) < f.Size {
		return nil, 0, nil
	}
	return buf[:f.Size:f.Size], f.Size, nil
}

// FrameSize returns Size, which needs no look at buf, or 0 if Size is invalid.
func (f Fixed) FrameSize(buf []byte) int { return max(f.Size, 0) }

// Append appends payload as it is. The error is ErrTooLarge for a payload
// larger than Size, ErrMalformed for a smaller one, or that of Validate.
func (f Fixed) Append(dst, payload []byte) ([]byte, error) {
	switch {
	case f.Size <= 0:
		return dst, f.Validate()
	case len(payload) > f.Size:
		return dst, tooLarge("fixed", uint64(len(payload)), f.Size)
	case len(payload) < f.Size:
		return dst, malformed("fixed", "payload shorter than a frame")
	}
	return append(dst, payload...), nil
}
