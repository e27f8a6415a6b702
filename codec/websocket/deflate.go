package websocket

import (
	"compress/flate"
	"sync"
)

// Deflater compresses the messages of one connection (RFC 7692, section 7.2.1).
// The zero value compresses at flate.BestSpeed without context takeover.
//
// Without Takeover the compressor is lent for the time that Append takes, and
// Append may be called by several goroutines at once. With Takeover the compressor
// is kept between messages, and the Deflater belongs to one connection. That costs
// 1.2 MB of memory for each at BestSpeed and 0.8 MB at the levels from 2, until
// Reset; without it the same is used once for each Append under way.
type Deflater struct {
	// Level is flate.BestSpeed (1) to flate.BestCompression (9),
	// flate.HuffmanOnly (-2) or flate.DefaultCompression (-1, which is 6).
	// Anything else, zero included, means BestSpeed, or 2 with Takeover:
	// BestSpeed looks for nothing to refer to in messages below 128 bytes.
	// (JSON of 100 bytes, one much like the other, becomes 94 bytes without
	// Takeover, 94 with it at level 1, and 19 at level 2.)
	Level int

	// Takeover lets messages refer to those before (DeflateParams.Takeover).
	Takeover bool

	z *compressor // kept by Takeover, or between fragments
}

// Append appends the compressed form of message to dst and returns the extended
// slice. It is what the frames of the message hold, the first of them with RSV1.
// An empty message becomes one byte.
//
// With Takeover what Append returns has to be sent, in that order, since the
// messages after it refer to it; otherwise call Reset.
func (d *Deflater) Append(dst, message []byte) []byte {
	return d.append(dst, message, true)
}

// AppendFragment is Append for a message in parts: it appends what part adds to
// the compressed message, flushed, so that the peer can inflate all that it has
// got. last ends the message; its part may be empty. Between the parts the
// compressor is kept, with or without Takeover.
func (d *Deflater) AppendFragment(dst, part []byte, last bool) []byte {
	return d.append(dst, part, last)
}

// Reset forgets the messages before, and gives back the memory. It may be called
// at any time between messages: the peer's window has then more in it than is
// referred to, which does no harm. It is what keeps idle connections small, and
// what has to be called, with Takeover, after a compressed message was sent that
// this Deflater has not made, such as one that was compressed once for many
// connections, or when one that it has made was not sent.
func (d *Deflater) Reset() {
	if d.z != nil {
		d.z.release()
		d.z = nil
	}
}

func (d *Deflater) append(dst, p []byte, last bool) []byte {
	z := d.z
	if z == nil {
		z = borrow(d.level())
	}
	start := len(dst)
	z.out = dst
	// Writing to z cannot fail, so neither can these.
	if len(p) > 0 {
		z.w.Write(p)
	}
	z.w.Flush()
	dst, z.out = z.out, nil
	if last {
		// Section 7.2.1: "Remove 4 octets (that are 0x00 0x00 0xff 0xff)
		// from the tail end." A flush always ends in them.
		dst = dst[:max(len(dst)-4, start)]
	}
	if last && !d.Takeover {
		z.release()
		z = nil
	}
	if d.z != z {
		d.z = z // not written without need: Append may be called concurrently
	}
	return dst
}

// compressor is a flate writer that appends to out.
type compressor struct {
	w     *flate.Writer
	out   []byte
	level int
}

func (z *compressor) Write(p []byte) (int, error) {
	z.out = append(z.out, p...)
	return len(p), nil
}

// compressors are pools by level, from HuffmanOnly to BestCompression.
var compressors [flate.BestCompression - flate.HuffmanOnly + 1]sync.Pool

func (d *Deflater) level() int {
	switch {
	case flate.HuffmanOnly <= d.Level && d.Level <= flate.BestCompression && d.Level != flate.NoCompression:
		return d.Level
	case d.Takeover:
		return 2
	}
	return flate.BestSpeed
}

func borrow(level int) *compressor {
	if z, ok := compressors[level-flate.HuffmanOnly].Get().(*compressor); ok {
		z.w.Reset(z)
		return z
	}
	z := &compressor{level: level}
	z.w, _ = flate.NewWriter(z, level) // fails for levels out of range only
	return z
}

func (z *compressor) release() {
	z.out = nil
	compressors[z.level-flate.HuffmanOnly].Put(z)
}
