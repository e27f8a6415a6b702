//go:build unix

package main

import (
	"bytes"
	"errors"
	"math/rand/v2"
)

// echoPeriod is prime, so that it is in step with no usual message size: a
// message sent twice, lost or out of order does not look right.
const echoPeriod = 8191

var errNotEchoed = errors.New("what has come back is not what was sent")

// An echoScript sends random bytes and expects the same ones back. Each
// connection starts in another place of their cycle.
type echoScript struct {
	bytes   cycle
	message int64
	heardTo []int64 // by connection: position in the bytes expected
	pending []int64 // by connection: bytes of a message that is not back whole
}

func newEchoScript(c casting) (script, error) {
	once := make([]byte, echoPeriod)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(once) // never fails
	return &echoScript{
		bytes:   newCycle(once, c.transfer),
		message: c.size,
		heardTo: make([]int64, c.conns),
		pending: make([]int64, c.conns),
	}, nil
}

func (s *echoScript) greeting() []byte { return nil }
func (s *echoScript) size() int64      { return s.message }

func (s *echoScript) at(i int, pos int64, n int) []byte {
	return s.bytes.at(int64(i)*577+pos, n)
}

func (s *echoScript) reset(i int) { s.heardTo[i], s.pending[i] = 0, 0 }

func (s *echoScript) broadcast(payload []byte) []byte { return payload }

func (s *echoScript) heard(i int, p []byte) (int, []byte, error) {
	if !bytes.Equal(p, s.at(i, s.heardTo[i], len(p))) {
		return 0, nil, errNotEchoed
	}
	s.heardTo[i] += int64(len(p))
	whole := s.pending[i] + int64(len(p))
	if whole < s.message { // what a division would take longer to tell
		s.pending[i] = whole
		return 0, nil, nil
	}
	s.pending[i] = whole % s.message
	return int(whole / s.message), nil, nil
}
