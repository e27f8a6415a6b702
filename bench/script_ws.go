//go:build unix

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

const (
	// wsPath is where every peer has its WebSocket.
	wsPath = "/ws"

	// wsKey and wsAccept are the example of RFC 6455, section 1.3.
	wsKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	wsAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

	// wsFrames is how many different messages there are. A message lost, sent
	// twice or out of order does not look right.
	wsFrames = 7
)

// The first byte of a frame: FIN and the opcode (RFC 6455, section 5.2).
const (
	wsBinary = 0x82
	wsClose  = 0x88
	wsPing   = 0x89
	wsPong   = 0x8A
)

// A wsScript opens WebSockets, sends binary messages and expects the same ones
// back. A few frames are made beforehand, masked, each with another key; a
// connection sends them in turn, and each begins with another one. So masking
// costs the load nothing.
type wsScript struct {
	hello []byte
	sent  cycle // frames as clients send them
	back  cycle // the same messages as servers do
	talks []wsTalk
}

// A wsTalk is the state of one connection.
type wsTalk struct {
	open bool
	pos  int64  // in back
	rest []byte // a head or a control frame that has not come whole
}

func newWSScript(c casting) (script, error) {
	s := &wsScript{
		hello: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", wsPath, c.addr, wsKey),
		talks: make([]wsTalk, c.conns),
	}
	random := rand.NewChaCha8([32]byte{})
	payload, key := make([]byte, c.size), make([]byte, 4)
	var sent, back []byte
	for range wsFrames {
		_, _ = random.Read(payload) // never fails
		_, _ = random.Read(key)
		back = append(appendWSHeader(back, wsBinary, 0, len(payload)), payload...)
		sent = append(appendWSHeader(sent, wsBinary, 0x80, len(payload)), key...)
		for i, b := range payload {
			sent = append(sent, b^key[i%4])
		}
	}
	s.sent, s.back = newCycle(sent, c.transfer), newCycle(back, c.transfer)
	s.hello = slices.Clip(s.hello) // a reply may be appended to it
	for i := range s.talks {
		s.reset(i)
	}
	return s, nil
}

// appendWSHeader appends a header up to the masking key. mask is 0x80 if there is
// one.
func appendWSHeader(dst []byte, first, mask byte, n int) []byte {
	switch {
	case n < 126:
		return append(dst, first, mask|byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, first, mask|126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, first, mask|127), uint64(n))
}

func (s *wsScript) greeting() []byte { return s.hello }
func (s *wsScript) size() int64      { return s.sent.period / wsFrames }

func (s *wsScript) at(i int, pos int64, n int) []byte {
	return s.sent.at(int64(i%wsFrames)*s.size()+pos, n)
}

func (s *wsScript) reset(i int) {
	s.talks[i] = wsTalk{pos: int64(i%wsFrames) * s.back.period / wsFrames}
}

func (s *wsScript) broadcast(payload []byte) []byte {
	return append(appendWSHeader(nil, wsBinary, 0, len(payload)), payload...)
}

func (s *wsScript) heard(i int, p []byte) (answers int, reply []byte, err error) {
	t := &s.talks[i]
	size := s.back.period / wsFrames
	for len(p) > 0 {
		within := t.pos % size
		switch {
		case !t.open:
			if p, err = t.shake(p); err != nil {
				return answers, reply, err
			}
			if t.open {
				answers++
			}
			continue
		case len(t.rest) > 0, within == 0 && p[0]&0x08 != 0:
			if p, reply, err = t.control(p, reply); err != nil {
				return answers, reply, err
			}
			continue
		case !bytes.Equal(p, s.back.at(t.pos, len(p))):
			// A control frame may have come between two of these messages.
			one := p[:min(int64(len(p)), size-within)]
			if !bytes.Equal(one, s.back.at(t.pos, len(one))) {
				return answers, reply, errNotEchoed
			}
			t.pos += int64(len(one))
			p = p[len(one):]
			if t.pos%size == 0 {
				answers++
			}
			continue
		}
		t.pos += int64(len(p))
		if whole := within + int64(len(p)); whole >= size {
			answers += int(whole / size)
		}
		break
	}
	return answers, reply, nil
}

// shake takes the answer to the handshake and returns what follows it.
func (t *wsTalk) shake(p []byte) ([]byte, error) {
	before := len(t.rest)
	t.rest = append(t.rest, p...)
	end := bytes.Index(t.rest, []byte("\r\n\r\n"))
	if end < 0 {
		if len(t.rest) > maxResponse {
			return nil, errors.New("the answer to the handshake has no end")
		}
		return nil, nil
	}
	head := strings.ToLower(string(t.rest[:end+2]))
	if !strings.HasPrefix(head, "http/1.1 101 ") || !strings.Contains(head, "\r\nupgrade: websocket\r\n") ||
		!strings.Contains(string(t.rest[:end+2]), " "+wsAccept+"\r\n") {
		return nil, fmt.Errorf("the answer to the handshake is %q", t.rest[:end])
	}
	t.open, t.rest = true, nil
	return p[end+4-before:], nil
}

// control takes a control frame, appends the reply to it, and returns what
// follows.
func (t *wsTalk) control(p, reply []byte) (after, _ []byte, err error) {
	before := len(t.rest)
	t.rest = append(t.rest, p...)
	if len(t.rest) < 2 {
		return nil, reply, nil
	}
	first, n := t.rest[0], int(t.rest[1])
	switch {
	case n > 125:
		return nil, reply, errors.New("a control frame is masked or too long")
	case first != wsClose && first != wsPing && first != wsPong:
		return nil, reply, fmt.Errorf("a frame begins with %#x", first)
	case len(t.rest) < 2+n:
		return nil, reply, nil
	}
	payload := t.rest[2 : 2+n]
	switch {
	case first == wsClose && n >= 2:
		return nil, reply, fmt.Errorf("the server closes the WebSocket: %d %s", binary.BigEndian.Uint16(payload), payload[2:])
	case first == wsClose:
		return nil, reply, errors.New("the server closes the WebSocket")
	case first == wsPing:
		// A masking key of zeros leaves the payload as it is.
		reply = append(appendWSHeader(reply, wsPong, 0x80, n), 0, 0, 0, 0)
		reply = append(reply, payload...)
	}
	t.rest = nil
	return p[2+n-before:], reply, nil
}
