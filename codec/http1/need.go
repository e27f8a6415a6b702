package http1

// Need returns the least that the body still has to have, beyond what Next has
// consumed: bytes of data in the chunk under way, and bytes of framing after them.
// It is for those who must leave the next request where it is: they read no more
// than that before they call Next.
func (d *Chunked) Need() (data int64, framing int) {
	const end, last = len("\r\n"), len("0\r\n\r\n")
	switch d.state {
	case atSize:
		return 0, last
	case inData:
		return d.left, end + last
	case atDataEnd:
		return 0, end + last
	case inTrailer:
		return 0, end
	}
	return 0, 0
}
