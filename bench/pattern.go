//go:build unix

package main

import (
	"bytes"
	"math/rand/v2"
)

const (
	// patternPeriod is prime, so that it is in step with no usual message
	// size: a message sent twice, lost or out of order does not look right.
	patternPeriod = 8191
	// maxTransfer bounds one read and one write.
	maxTransfer = 256 << 10
)

// A pattern is the endless byte stream that connections send and expect back.
// Each starts in another place of it. The stream repeats itself, so any part of
// it is a slice of one small table: nothing is generated while messages fly, and
// comparing is one call of bytes.Equal.
type pattern []byte

func newPattern() pattern {
	p := make(pattern, patternPeriod+maxTransfer)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(p[:patternPeriod]) // never fails
	for n := patternPeriod; n < len(p); n *= 2 {
		copy(p[n:], p[:n])
	}
	return p
}

// at returns n <= maxTransfer bytes from position pos of connection i's stream.
func (p pattern) at(i int, pos int64, n int) []byte {
	start := (int64(i)*577 + pos) % patternPeriod
	return p[start:][:n]
}

// matches tells whether got is what stands at position pos of connection i's
// stream.
func (p pattern) matches(i int, pos int64, got []byte) bool {
	return bytes.Equal(got, p.at(i, pos, len(got)))
}
