package codec

var _ Codec = Raw{}

// Raw does no framing: a frame is whatever has arrived. It is for protocols
// that keep their own account of the stream, and for byte pumps.
//
// Where one frame ends and the next begins depends on the network alone; only
// the order of the bytes means anything. The zero value is ready to use.
type Raw struct {
	// Max is the largest frame in bytes; zero means DefaultMax. More than that
	// at once is no error, it is delivered in pieces.
	Max int
}

// Decode returns all of buf, or its first Max bytes. It never fails.
func (r Raw) Decode(buf []byte) (frame []byte, n int, err error) {
	if len(buf) == 0 {
		return nil, 0, nil
	}
	n = min(len(buf), limit(r.Max))
	return buf[:n:n], n, nil
}

// Append appends payload as it is. It never fails, not even for a payload
// larger than Max: without frames nothing can be too large for one.
func (r Raw) Append(dst, payload []byte) ([]byte, error) {
	return append(dst, payload...), nil
}
